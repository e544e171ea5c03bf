import { EMPTY, type MonoTypeOperatorFunction, Observable } from 'rxjs'
import type { QueryLog } from '../src/query-log.ts'
import { type RunContext, runContext } from '../src/run-context.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'
import { uninterruptible } from './uninterruptible.ts'

/**
 * Tells the log whether the next plan comes at once, as far as what comes before it is concerned, and writes what it holds for that plan ({@link QueryLog.hold})
 * while the source has to wait for its values. Where they come at once they go on at once, and take what is held with them.
 *
 * ```
 * source     ----a|
 * flush      ------|
 * result     ------(a|)     (source: (a|) gives (a|), and nothing is flushed)
 * ```
 *
 * **Hazard**: unsubscribing doesn't interrupt what is being written; wait for `context.tracker.idle`.
 *
 * @returns the source's values, after the flush. Fails with the source's error, or with the log's.
 */
export function flushMeanwhile<T>(
  log: Pick<QueryLog, 'holds' | 'flush' | 'plansAtOnce'>,
  context: RunContext = runContext(),
): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const waiting: T[] = []
      let atOnce = true
      let flushing = false
      let ended = false
      subscribeWithin(subscriber, source, {
        next: (value) => {
          log.plansAtOnce = atOnce
          if (flushing) waiting.push(value)
          else subscriber.next(value)
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          ended = true
          if (!flushing) subscriber.complete()
        },
      })
      atOnce = false
      if (subscriber.closed || ended || !log.holds) return
      flushing = true
      subscribeWithin(subscriber, flushed(log, context), {
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          // What waited may bring more of it, or the end.
          for (let next = 0; next < waiting.length; next++) subscriber.next(waiting[next] as T)
          flushing = false
          if (ended) subscriber.complete()
        },
      })
    })
}

/** Of a held entry that could not be written. */
export const notLogged = 'that the last batch is done may or may not have been logged'

/** Writes what the log holds, to its end; an error that nobody listens to any more becomes a warning. */
export function flushed(log: Pick<QueryLog, 'holds' | 'flush'>, { tracker, emit }: RunContext): Observable<never> {
  if (!log.holds) return EMPTY
  const late = (error: unknown): void => emit({ type: 'warning', message: notLogged, error })
  return log.flush().pipe(uninterruptible(tracker, late))
}
