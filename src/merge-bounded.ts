import { Observable, type ObservableInput, type OperatorFunction } from 'rxjs'
import { innerOf, subscribeWithin } from './subscribe-within.ts'

/**
 * As `mergeMap` with a concurrency, but inners that end synchronously are run in a loop.
 *
 * `mergeMap` starts a waiting inner from within the end of the one before: behind one asynchronous inner, a thousand synchronous ones are a thousand calls deep,
 * and the overflow is swallowed. Here any number of them needs no stack. **Hazard**: values that wait for their turn are kept; there is no backpressure to the source.
 *
 * ```
 * source     abc|
 * a          ----x|
 * b          --y|
 * c              (z|)
 * result     --yz-x|       (concurrency 2: c starts when b is done)
 * ```
 *
 * @param project called with the value when its turn has come, in the source's order; an error it throws goes to the subscriber.
 * @param concurrency inners side by side, from 1.
 * @returns an Observable of what the inners emit. It completes after the source and the last inner, and fails with the first error of either.
 */
export function mergeBounded<T, R>(
  project: (value: T) => ObservableInput<R>,
  concurrency: number,
): OperatorFunction<T, R> {
  return (source) =>
    new Observable((subscriber) => {
      const waiting: T[] = []
      let next = 0
      let active = 0
      let looping = false
      let sourceDone = false
      let failed = false

      const run = (): void => {
        if (looping) return
        looping = true
        while (next < waiting.length && active < concurrency && !failed && !subscriber.closed) {
          const value = waiting[next++] as T
          active++
          const inner = subscribeWithin(
            subscriber,
            innerOf(() => project(value)),
            {
              next: (result) => subscriber.next(result),
              error: (error: unknown) => {
                failed = true
                subscriber.error(error)
              },
            },
          )
          // When everything of it is torn down.
          inner.add(() => {
            active--
            run()
          })
        }
        looping = false
        if (next === waiting.length) waiting.length = next = 0
        if (sourceDone && active === 0 && waiting.length === 0) subscriber.complete()
      }

      subscribeWithin(subscriber, source, {
        next: (value) => {
          waiting.push(value)
          run()
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          sourceDone = true
          run()
        },
      })
    })
}
