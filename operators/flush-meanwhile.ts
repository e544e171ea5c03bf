import { type MonoTypeOperatorFunction, Observable } from 'rxjs'
import type { QueryLog } from '../src/query-log.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'

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
 * @returns the source's values, after the flush. Fails with the source's error, or with the log's.
 */
export function flushMeanwhile<T>(log: Pick<QueryLog, 'holds' | 'flush' | 'plansAtOnce'>): MonoTypeOperatorFunction<T> {
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
      log.flush().subscribe({
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          flushing = false
          for (const value of waiting.splice(0)) subscriber.next(value)
          if (ended) subscriber.complete()
        },
      })
    })
}
