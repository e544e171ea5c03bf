import { from, type Observable, of, range, Subject, take, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { mergeBounded } from '../src/merge-bounded.ts'
import { marbles } from '../src/testing/marbles.ts'
import { edgeListOfPassing } from './operators/edge-list.ts'

describe('mergeBounded', () => {
  edgeListOfPassing(() => mergeBounded((letter: string) => of(letter), 2), { a: 'a', b: 'b' })

  it(
    'runs as many inners side by side as it may, the others in their order',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (abc|)')
      const a = cold('       -----x|')
      const aSubs = '        ^-----!'
      const b = cold('       --y|')
      const bSubs = '        ^--!'
      const c = cold('          -z|')
      const cSubs = '        ---^-!'
      const subs = '         (^!)'
      const expected = '     --y-zx|'
      const inners: Record<string, Observable<string>> = { a, b, c }
      expectObservable(source.pipe(mergeBounded((letter) => inners[letter] as Observable<string>, 2))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(a.subscriptions).toBe(aSubs)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
      expectSubscriptions(c.subscriptions).toBe(cSubs)
    }),
  )

  it(
    'fails with an inner, and leaves the others and the source',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('   ab-----')
      const a = cold('       ---#')
      const b = cold('        ------|')
      const subs = '         ^--!'
      const aSubs = '        ^--!'
      const bSubs = '        -^-!'
      const expected = '     ---#'
      const inners: Record<string, Observable<string>> = { a, b }
      expectObservable(source.pipe(mergeBounded((letter) => inners[letter] as Observable<string>, 2))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(a.subscriptions).toBe(aSubs)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
    }),
  )

  it(
    'reaches every inner when it is left, and starts no other',
    marbles(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const source = hot('   abc----')
      const inner = cold('   ------|')
      const leave = '        ---!'
      const subs = '         ^--!'
      const innerSubs = ['   ^--!', '-^-!']
      expectObservable(source.pipe(mergeBounded(() => inner, 2)), leave).toBe('---')
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe([innerSubs[0]!.trim(), innerSubs[1]!])
    }),
  )

  it('fails when the function throws', () => {
    let error: unknown
    of(1)
      .pipe(
        mergeBounded(() => {
          throw new Error('no inner')
        }, 1),
      )
      .subscribe({
        error: (reason: unknown) => {
          error = reason
        },
      })
    expect(error).toHaveProperty('message', 'no inner')
  })

  it.each([1, 4])(
    'needs no stack for synchronous inners that wait behind an asynchronous one (concurrency %i)',
    (concurrency) => {
      const gate = new Subject<number>()
      const seen: number[] = []
      let complete = false
      range(0, 50_000)
        .pipe(mergeBounded((n) => (n < concurrency ? gate.pipe(take(1)) : of(n)), concurrency))
        .subscribe({
          next: (n) => seen.push(n),
          complete: () => {
            complete = true
          },
        })
      expect(seen).toEqual([])
      gate.next(-1)
      expect([seen.length, complete]).toEqual([50_000, true])
    },
  )

  it('stops a synchronous source when it is left', () => {
    let started = 0
    const project = (n: number) => {
      started++
      return of(n)
    }
    const seen: number[] = []
    range(0, 1_000_000)
      .pipe(mergeBounded(project, 2), take(3))
      .subscribe((n) => seen.push(n))
    expect([seen, started]).toEqual([[0, 1, 2], 3])
  })

  it('goes no further after a failure of a synchronous inner', () => {
    const started: number[] = []
    from([1, 2, 3])
      .pipe(
        mergeBounded((n) => {
          started.push(n)
          return n === 2 ? throwError(() => new Error('two')) : of(n)
        }, 1),
      )
      .subscribe({ error: () => {} })
    expect(started).toEqual([1, 2])
  })
})
