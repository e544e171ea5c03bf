import { Observable, type ObservableInput, type OperatorFunction } from 'rxjs'
import { innerOf, subscribeWithin } from '../src/subscribe-within.ts'

/**
 * Runs one inner Observable at a time, and remembers the latest value that came meanwhile: one, however many came.
 *
 * As `exhaustMap`, but a tick during a batch isn't lost: it starts the next batch as soon as this one is done.
 * Synchronous inners are run in a loop, so that any number of them needs no stack.
 *
 * ```
 * source     a-b-c-------d-|
 * inner      ----x|
 * result     ----x----x----x----x|     (for a, c, d; b was overtaken by c)
 * ```
 *
 * @param project called with the value when its turn has come; an error it throws goes to the subscriber.
 * @returns an Observable of what the inners emit. It completes after the source and the last inner, and fails with the first error of either.
 */
export function conflateMap<T, R>(project: (value: T) => ObservableInput<R>): OperatorFunction<T, R> {
  return (source) =>
    new Observable((subscriber) => {
      let waiting: { readonly value: T } | undefined
      let running = false
      let looping = false
      let sourceDone = false

      const run = (): void => {
        if (looping) return
        looping = true
        while (waiting !== undefined && !running && !subscriber.closed) {
          const { value } = waiting
          waiting = undefined
          running = true
          subscribeWithin(
            subscriber,
            innerOf(() => project(value)),
            {
              next: (result) => subscriber.next(result),
              error: (error: unknown) => subscriber.error(error),
              complete: () => {
                running = false
                run()
              },
            },
          )
        }
        looping = false
        if (sourceDone && !running && waiting === undefined) subscriber.complete()
      }

      subscribeWithin(subscriber, source, {
        next: (value) => {
          waiting = { value }
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
