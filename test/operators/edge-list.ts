import { type MonoTypeOperatorFunction, Observable, type OperatorFunction, take } from 'rxjs'
import { expect, it } from 'vitest'
import { marbles } from '../../src/testing/marbles.ts'

export interface EdgeList<In, Out> {
  /** A fresh operator that answers each value of `source` at once with the one of `result`. */
  readonly operator: () => OperatorFunction<In, Out>
  readonly source: { readonly a: In; readonly b: In }
  readonly result: { readonly a: Out; readonly b: Out }
  /** What an error of the source becomes. @default the same error */
  readonly failure?: (error: Error) => unknown
}

/** The edges that every operator has in common, one test each: to be called inside the operator's `describe`. */
export function edgeList<In, Out>({ operator, source, result, failure = (error) => error }: EdgeList<In, Out>): void {
  const broken = new Error('the source broke')
  const sourceValues = { ...source }
  const resultValues = { ...result }

  it(
    'answers each value, and completes with the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source$ = cold(' -a--b-|', sourceValues)
      const subs = '         ^-----!'
      const expected = '     -a--b-|'
      expectObservable(source$.pipe(operator())).toBe(expected, resultValues)
      expectSubscriptions(source$.subscriptions).toBe(subs)
    }),
  )

  it(
    'completes with an empty source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source$ = cold('  ---|', sourceValues)
      const subs = '          ^--!'
      const expected = '      ---|'
      const atOnce$ = cold('  |', sourceValues)
      const atOnceSubs = '    (^!)'
      const atOnceExpected = '|'
      expectObservable(source$.pipe(operator())).toBe(expected, resultValues)
      expectSubscriptions(source$.subscriptions).toBe(subs)
      expectObservable(atOnce$.pipe(operator())).toBe(atOnceExpected, resultValues)
      expectSubscriptions(atOnce$.subscriptions).toBe(atOnceSubs)
    }),
  )

  it(
    'goes on with a source that never ends',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source$ = cold(' -a---', sourceValues)
      const subs = '         ^----'
      const expected = '     -a---'
      expectObservable(source$.pipe(operator())).toBe(expected, resultValues)
      expectSubscriptions(source$.subscriptions).toBe(subs)
    }),
  )

  it(
    'fails when the source fails',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source$ = cold('  -a--#', sourceValues, broken)
      const subs = '          ^---!'
      const expected = '      -a--#'
      const atOnce$ = cold('  #', sourceValues, broken)
      const atOnceSubs = '    (^!)'
      const atOnceExpected = '#'
      expectObservable(source$.pipe(operator())).toBe(expected, resultValues, failure(broken))
      expectSubscriptions(source$.subscriptions).toBe(subs)
      expectObservable(atOnce$.pipe(operator())).toBe(atOnceExpected, resultValues, failure(broken))
      expectSubscriptions(atOnce$.subscriptions).toBe(atOnceSubs)
    }),
  )

  it(
    'unsubscribes from the source when it is unsubscribed from',
    marbles(({ hot, expectObservable, expectSubscriptions }) => {
      const source$ = hot('  -a--b--a-|', sourceValues)
      const unsubscribe = '  ^----!'
      const subs = '         ^----!'
      const expected = '     -a--b-'
      expectObservable(source$.pipe(operator()), unsubscribe).toBe(expected, resultValues)
      expectSubscriptions(source$.subscriptions).toBe(subs)
    }),
  )

  it(
    'answers a synchronous source synchronously, in order',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source$ = cold(' (abab|)', sourceValues)
      const subs = '         (^!)'
      const expected = '     (abab|)'
      expectObservable(source$.pipe(operator())).toBe(expected, resultValues)
      expectSubscriptions(source$.subscriptions).toBe(subs)
    }),
  )

  it('stops a synchronous source when nobody listens any more', () => {
    const seen: Out[] = []
    const emitted = { count: 0 }
    endless(source.a, emitted)
      .pipe(operator(), take(2))
      .subscribe((value) => seen.push(value))
    expect(seen).toEqual([result.a, result.a])
    expect(emitted.count).toBe(2)
  })

  it(
    'starts clean with each subscription',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source$ = cold(' -a-b-|', sourceValues)
      const subs = ['                    ^----!', '                    --^----!', '                    --------^----!']
      const answered$ = source$.pipe(operator())
      expectObservable(answered$).toBe('             -a-b-|', resultValues)
      expectObservable(answered$, '--^').toBe('      ---a-b-|', resultValues)
      expectObservable(answered$, '--------^').toBe('---------a-b-|', resultValues)
      expectSubscriptions(source$.subscriptions).toBe(subs)
    }),
  )
}

/** Emits synchronously for as long as it is listened to, but no more than a thousand times. */
function endless<T>(value: T, emitted: { count: number }): Observable<T> {
  return new Observable((subscriber) => {
    while (!subscriber.closed && emitted.count < 1000) {
      emitted.count++
      subscriber.next(value)
    }
  })
}

/** The edges of an operator that leaves the values as they are. */
export function edgeListOfPassing<T>(
  operator: () => MonoTypeOperatorFunction<T>,
  source: { readonly a: T; readonly b: T },
  failure?: (error: Error) => unknown,
): void {
  edgeList({ operator, source, result: source, ...(failure === undefined ? {} : { failure }) })
}
