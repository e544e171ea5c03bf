import type { SchedulerLike } from 'rxjs'
import type { Waiting } from '../../../activity.ts'
import { longTimer } from '../../../timer.ts'
import { waitsOf } from './waits.ts'

/**
 * Settles after a delay in milliseconds.
 * @param what it is for; the partition that the signal stands for is told. @throws the signal's reason, as soon as it is aborted.
 */
export function wait(
  delayMs: number,
  scheduler: SchedulerLike,
  signal: AbortSignal,
  what: Waiting = 'backoff',
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const over = waitsOf(signal)?.begin(what)
    const leave = (): void => {
      over?.()
      timer.unsubscribe()
      reject(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    const timer = longTimer(delayMs, scheduler).subscribe(() => {
      signal.removeEventListener('abort', leave)
      over?.()
      resolve()
    })
  })
}
