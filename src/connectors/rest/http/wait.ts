import type { SchedulerLike } from 'rxjs'
import { longTimer } from '../../../timer.ts'

/** Settles after a delay in milliseconds. @throws the signal's reason, as soon as it is aborted. */
export function wait(delayMs: number, scheduler: SchedulerLike, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const leave = (): void => {
      timer.unsubscribe()
      reject(signal.reason)
    }
    signal.addEventListener('abort', leave, { once: true })
    const timer = longTimer(delayMs, scheduler).subscribe(() => {
      signal.removeEventListener('abort', leave)
      resolve()
    })
  })
}
