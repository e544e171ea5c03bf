import type { RunHelpers, TestScheduler } from 'rxjs/testing'
import { OptionError } from '../errors.ts'
import { DiagramScheduler } from './diagram-scheduler.ts'

/** What a marble test is given: the helpers of `TestScheduler.run`, and the scheduler. One character is one millisecond. */
export interface MarblesContext extends RunHelpers {
  readonly scheduler: TestScheduler
}

/**
 * Wraps a marble test for any runner. Each run gets a fresh `TestScheduler` in run mode: the schedulers of RxJS use its virtual time.
 * A failed expectation throws an `AssertionError` whose message shows both diagrams on one time axis and whose stack starts at the `toBe`
 * that was missed; `expected` and `actual` hold the diagrams for a runner's own diff.
 *
 * The test must be synchronous: virtual time ends when it returns. Values are compared with `isDeepStrictEqual` of `node:util`.
 *
 * ```ts
 * it('doubles', marbles(({ cold, expectObservable }) => {
 *   const source = cold('  -a-b-|', { a: 1, b: 2 })
 *   const expected = '     -c-d-|'
 *   expectObservable(source.pipe(map((n) => 2 * n))).toBe(expected, { c: 2, d: 4 })
 * }))
 * ```
 *
 * @param test gets the helpers, then what the runner passes (cases, a test context).
 * @throws OptionError from the wrapped function, when the test returns a promise or leaves out a `toBe`.
 */
export function marbles<Args extends readonly unknown[] = []>(
  // biome-ignore lint/suspicious/noConfusingVoidType: a return type of void alone would let an async function pass.
  test: (context: MarblesContext, ...args: Args) => void | undefined,
): (...args: Args) => void {
  return (...args) => {
    const scheduler = new DiagramScheduler()
    scheduler.run((helpers) => {
      if (isPromiseLike(test({ ...helpers, scheduler }, ...args))) throw new OptionError(asynchronous)
    })
    scheduler.refuseUnstated()
  }
}

const asynchronous =
  'a marble test must be synchronous: virtual time ends when the function returns, so nothing after its first await would be tested'

function isPromiseLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
