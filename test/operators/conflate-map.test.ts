import { concat, Observable, of, range, Subject, take, tap, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { conflateMap } from '../../operators/conflate-map.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { edgeListOfPassing } from './edge-list.ts'

describe('conflateMap', () => {
  edgeListOfPassing(() => conflateMap((letter: string) => of(letter)), { a: 'a', b: 'b' })

  it(
    'runs one inner at a time, and of the values that came meanwhile the latest',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -a-b-c--------d-|')
      const a = cold('        -x--x|')
      const aSubs = '        -^----!'
      const c = cold('             y--y|')
      const cSubs = '        ------^---!'
      const d = cold('                     --z|')
      const dSubs = '        --------------^--!'
      const subs = '         ^---------------!'
      const expected = '     --x--xy--y------z|'
      const inners: Record<string, Observable<string>> = { a, c, d }
      expectObservable(source.pipe(conflateMap((letter) => inners[letter] ?? throwError(() => letter)))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(a.subscriptions).toBe(aSubs)
      expectSubscriptions(c.subscriptions).toBe(cSubs)
      expectSubscriptions(d.subscriptions).toBe(dSubs)
    }),
  )

  it(
    'completes after the source, the inner that runs and the value that waits',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -ab|')
      const inner = cold('    ---x|')
      const innerSubs = ['                    -^---!', '                    -----^---!']
      const subs = '         ^--!'
      const expected = '     ----x---x|'
      expectObservable(source.pipe(conflateMap(() => inner))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it(
    'goes on after an inner that is empty',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -a--b-|')
      const inner = cold('    -|')
      const innerSubs = ['                    -^!', '                    ----^!']
      const subs = '         ^-----!'
      const expected = '     ------|'
      expectObservable(source.pipe(conflateMap(() => inner))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it(
    'waits for an inner that never ends',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -a-b|')
      const inner = cold('    --x----')
      const innerSubs = '    -^------'
      const subs = '         ^---!'
      const expected = '     ---x----'
      expectObservable(source.pipe(conflateMap(() => inner))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it(
    'fails with an inner, leaves the source and starts nothing that waits',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -a-b----c-|')
      const inner = cold('    --x--#')
      const innerSubs = '    -^----!'
      const subs = '         ^-----!'
      const expected = '     ---x--#'
      expectObservable(source.pipe(conflateMap(() => inner))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it(
    'fails with the source, leaves the inner and starts nothing that waits',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -a-b-#')
      const inner = cold('    --x-----y|')
      const innerSubs = '    -^---!'
      const subs = '         ^----!'
      const expected = '     ---x-#'
      expectObservable(source.pipe(conflateMap(() => inner))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it(
    'fails with what the function throws, also when a value had to wait',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -a-b------|')
      const inner = cold('    ----x|')
      const innerSubs = '    -^----!'
      const subs = '         ^-----!'
      const expected = '     -----x#'
      const project = (letter: string) => {
        if (letter === 'b') throw 'error'
        return inner
      }
      expectObservable(source.pipe(conflateMap(project))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it(
    'unsubscribes from the inner, and starts nothing that waits',
    marbles(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const source = hot('   -a-b-----|')
      const inner = cold('    --x-----y|')
      const innerSubs = '    -^---!'
      const unsubscribe = '  ^----!'
      const subs = '         ^----!'
      const expected = '     ---x--'
      expectObservable(source.pipe(conflateMap(() => inner)), unsubscribe).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it(
    'keeps what waits apart for each subscription',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('    -ab-|')
      const subs = ['                      ^---!', '                      ---^---!']
      const inner = cold('      ---x|')
      const innerSubs = [
        '                      -^---!',
        '                      ----^---!',
        '                      -----^---!',
        '                      --------^---!',
      ]
      const conflated = source.pipe(conflateMap(() => inner))
      const expected = '       ----x---x|'
      const later = '          ---^'
      const laterExpected = '  -------x---x|'
      expectObservable(conflated).toBe(expected)
      expectObservable(conflated, later).toBe(laterExpected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(inner.subscriptions).toBe(innerSubs)
    }),
  )

  it('takes promises and arrays as inners', async () => {
    const seen: unknown[] = []
    await new Promise<void>((resolve) => {
      of('a', 'b')
        .pipe(conflateMap((letter) => (letter === 'a' ? Promise.resolve('promised') : ['listed', 'twice'])))
        .subscribe({ next: (value) => seen.push(value), complete: resolve })
    })
    expect(seen).toEqual(['promised', 'listed', 'twice'])
  })

  it('runs a tick that an inner emits while it runs synchronously, after that inner', () => {
    const tick$ = new Subject<number>()
    const seen: string[] = []
    const inner = (n: number) =>
      concat(
        of(`${n} begins`),
        of(`${n} ends`).pipe(
          tap(() => {
            if (n === 3 || n < 0) tick$.complete()
            else for (const overtaken of [-1, n + 1]) tick$.next(overtaken)
          }),
        ),
      )
    tick$.pipe(conflateMap(inner)).subscribe({
      next: (text) => seen.push(text),
      complete: () => seen.push('complete'),
    })
    tick$.next(1)
    expect(seen).toEqual(['1 begins', '1 ends', '2 begins', '2 ends', '3 begins', '3 ends', 'complete'])
  })

  it('runs 100 000 synchronous inners for 100 000 synchronous ticks', () => {
    const seen: number[] = []
    range(0, 100_000)
      .pipe(conflateMap((n) => of(n)))
      .subscribe((n) => seen.push(n))
    expect(seen).toHaveLength(100_000)
    expect(seen.every((n, index) => n === index)).toBe(true)
  })

  it('needs no stack for 100 000 ticks each of which the inner before has emitted', () => {
    const tick$ = new Subject<number>()
    let last = 0
    let failure: unknown
    const inner = (n: number) =>
      of(n).pipe(
        tap(() => {
          if (n < 100_000) tick$.next(n + 1)
        }),
      )
    tick$.pipe(conflateMap(inner)).subscribe({
      next: (n) => {
        last = n
      },
      error: (error: unknown) => {
        failure = error
      },
    })
    tick$.next(1)
    expect(failure).toBeUndefined()
    expect(last).toBe(100_000)
  })

  it('stops a synchronous inner when nobody listens any more', () => {
    let emitted = 0
    const inner = new Observable<number>((subscriber) => {
      while (!subscriber.closed && emitted < 1000) subscriber.next(++emitted)
    })
    const seen: number[] = []
    of('a')
      .pipe(
        conflateMap(() => inner),
        take(2),
      )
      .subscribe((n) => seen.push(n))
    expect(seen).toEqual([1, 2])
    expect(emitted).toBe(2)
  })
})
