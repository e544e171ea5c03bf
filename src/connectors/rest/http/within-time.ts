import type { SchedulerLike } from 'rxjs'
import { longTimer } from '../../../timer.ts'

/** How long something may take. */
export interface TimeBound {
  /** 0: no bound. */
  readonly ms: number
  readonly scheduler: SchedulerLike
  /** Ends the waiting, too. */
  readonly signal?: AbortSignal | undefined
  /** What is thrown when the time is over. */
  readonly late: () => Error
}

/**
 * Waits for work that may never end. Its signal tells the work that nobody waits for it any more; whatever it does about that, its end is awaited no further.
 */
export function withinTime<T>(
  { ms, scheduler, signal, late }: TimeBound,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const given = new AbortController()
  return new Promise((resolve, reject) => {
    const leave = (reason: unknown): void => {
      settle()
      reject(reason)
      given.abort(reason)
    }
    const forward = (): void => leave(signal?.reason)
    if (signal?.aborted === true) return reject(signal.reason)
    signal?.addEventListener('abort', forward, { once: true })
    const timer = ms === 0 ? undefined : longTimer(ms, scheduler).subscribe(() => leave(late()))
    const settle = (): void => {
      timer?.unsubscribe()
      signal?.removeEventListener('abort', forward)
    }
    work(given.signal).then(resolve, reject).finally(settle)
  })
}
