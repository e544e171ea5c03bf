import { asyncScheduler, type SchedulerLike } from 'rxjs'
import { longTimer } from '../../timer.ts'

/** The broker gave no answer in time. */
export class NoAnswer extends Error {}

/** @throws NoAnswer after `timeoutMs`. */
export function answered<T>(
  call: () => Promise<T>,
  timeoutMs: number,
  scheduler: SchedulerLike = asyncScheduler,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = longTimer(timeoutMs, scheduler).subscribe(() =>
      reject(new NoAnswer(`the broker gave no answer in ${timeoutMs / 1000} s`)),
    )
    // Also for a client that throws instead of rejecting: a channel that is closed does.
    Promise.resolve()
      .then(call)
      .then(resolve, reject)
      .finally(() => timer.unsubscribe())
  })
}
