import { concatMap, type Observable, of, type SchedulerLike, timer } from 'rxjs'

/** The longest delay the runtime's timers take (about 24.8 days); a longer one fires at once. */
const maxTimerMs = 2 ** 31 - 1

/**
 * Emits 0 once after the delay, then completes. A delay of 0 (or less) emits synchronously, without a timer; a long one is made of several.
 * @param delayMs not NaN.
 */
export function longTimer(delayMs: number, scheduler: SchedulerLike): Observable<0> {
  if (delayMs <= 0) return of(0)
  if (delayMs <= maxTimerMs) return timer(delayMs, scheduler)
  return timer(maxTimerMs, scheduler).pipe(concatMap(() => longTimer(delayMs - maxTimerMs, scheduler)))
}
