import { concat, defer, EMPTY, NEVER, type Observable, of, Subject, tap, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { flushMeanwhile } from '../../operators/flush-meanwhile.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const free = { holds: false, flush: () => NEVER, plansAtOnce: false }
const holding = (flush: Observable<never>) => ({ holds: true, flush: () => flush, plansAtOnce: false })

describe('flushMeanwhile, with nothing held', () => {
  edgeListOfPassing(() => flushMeanwhile(free), { a: 'a', b: 'b' })
})

describe('flushMeanwhile, with something held', () => {
  it(
    'lets a value that comes later pass',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const flush = cold<never>('--|')
      const flushSubs = '        ^-!'
      const source = cold('      ----a--b|')
      const expected = '         ----a--b|'
      expectObservable(source.pipe(flushMeanwhile(holding(flush)))).toBe(expected)
      expectSubscriptions(flush.subscriptions).toBe(flushSubs)
    }),
  )

  it(
    'keeps values, and the end, until it is written',
    marbles(({ cold, expectObservable }) => {
      const flush = cold<never>('------|')
      const source = cold('      --a-b-|')
      const expected = '         ------(ab|)'
      expectObservable(source.pipe(flushMeanwhile(holding(flush)))).toBe(expected)
    }),
  )

  it(
    'keeps values until it is written, and passes what comes after',
    marbles(({ cold, expectObservable }) => {
      const flush = cold<never>('----|')
      const source = cold('      --a----b|')
      const expected = '         ----a--b|'
      expectObservable(source.pipe(flushMeanwhile(holding(flush)))).toBe(expected)
    }),
  )

  it.each([
    ['a value', of('a')],
    ['nothing', EMPTY],
    ['an error', throwError(() => 'down')],
  ])('passes %s that comes at once, and writes nothing then', (_what, source) => {
    let flushed = 0
    const flush = defer(() => {
      flushed++
      return EMPTY
    })
    expect(outcomeNow(source.pipe(flushMeanwhile(holding(flush))))).toEqual(outcomeNow(source))
    expect(flushed).toBe(0)
  })

  it('keeps the order, and loses nothing, when what waited brings further values and the end of the source', () => {
    const source = new Subject<string>()
    const flush = new Subject<never>()
    const seen: string[] = []
    source.pipe(flushMeanwhile(holding(flush))).subscribe({
      next: (value) => {
        seen.push(value)
        if (value !== 'a') return
        source.next('c')
        source.complete()
      },
      complete: () => seen.push('complete'),
    })
    for (const value of ['a', 'b']) source.next(value)
    flush.complete()
    expect(seen).toEqual(['a', 'b', 'c', 'complete'])
  })

  it(
    'fails with the log, and leaves the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('         -----a|')
      const subs = '                ^--!'
      const flush = cold<never>('   ---#', {}, 'disk')
      const expected = '            ---#'
      expectObservable(source.pipe(flushMeanwhile(holding(flush)))).toBe(expected, {}, 'disk')
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'fails with the source at once; what is being written goes on',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('         --#')
      const flush = cold<never>('   -----|')
      const flushSubs = '           ^----!'
      expectObservable(source.pipe(flushMeanwhile(holding(flush)))).toBe('--#')
      expectSubscriptions(flush.subscriptions).toBe(flushSubs)
    }),
  )

  it(
    'leaves the source when nobody listens any more; what is being written goes on',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('         -------a|')
      const flush = cold<never>('   -----|')
      expectObservable(source.pipe(flushMeanwhile(holding(flush))), '^--!').toBe('----')
      expectSubscriptions(source.subscriptions).toBe('^--!')
      expectSubscriptions(flush.subscriptions).toBe('^----!')
    }),
  )

  it(
    'tells the log of each value whether it came at once, before it goes on',
    marbles(({ cold, expectObservable, flush }) => {
      const log = { ...free }
      const told: boolean[] = []
      const noting = tap(() => told.push(log.plansAtOnce))
      expectObservable(of('a', 'b').pipe(flushMeanwhile(log), noting)).toBe('(ab|)')
      expectObservable(cold('-a-b|').pipe(flushMeanwhile(log), noting)).toBe('-a-b|')
      expectObservable(concat(of('a'), cold('--b|')).pipe(flushMeanwhile(log), noting)).toBe('a-b|')
      flush()
      expect(told).toEqual([true, true, true, false, false, false])
    }),
  )
})
