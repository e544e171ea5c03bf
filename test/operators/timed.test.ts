import { concat, NEVER, of, throwError, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { timed } from '../../operators/timed.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { testContext, throwIt } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const took = (durationMs: number) => ({ type: 'phase', phase: 'addBatch', durationMs })

describe('timed, until the first value', () => {
  edgeListOfPassing(() => timed(testContext(), 'addBatch'), { a: 'a', b: 'b' })

  it(
    'tells at the first value how long that took, and no more',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  ---a--b-|')
      const subs = '         ^-------!'
      const expected = '     ---a--b-|'
      const context = testContext()
      expectObservable(source.pipe(timed(context, 'addBatch'))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(context.events).toEqual([took(3)])
    }),
  )

  it(
    'tells at the completion of a step without a value',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  ----|')
      const subs = '         ^---!'
      const expected = '     ----|'
      const context = testContext()
      expectObservable(source.pipe(timed(context, 'addBatch'))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(context.events).toEqual([took(4)])
    }),
  )

  it('tells before it passes the value on', () => {
    const context = testContext({ scheduler: new VirtualTimeScheduler() }) // whose time stands still
    of('a')
      .pipe(timed(context, 'addBatch'))
      .subscribe(() => expect(context.events).toEqual([took(0)]))
    expect.assertions(1)
  })
})

describe('timed, until completion', () => {
  edgeListOfPassing(() => timed(testContext(), 'addBatch', 'completion'), { a: 'a', b: 'b' })

  it(
    'tells at the completion, whatever came before',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  ---a--b-|')
      const subs = '         ^-------!'
      const expected = '     ---a--b-|'
      const context = testContext()
      expectObservable(source.pipe(timed(context, 'addBatch', 'completion'))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(context.events).toEqual([took(8)])
    }),
  )

  it('tells nothing of a step that fails after a value', () => {
    const context = testContext()
    outcomeNow(
      concat(
        of('a'),
        throwError(() => 'failed'),
      ).pipe(timed(context, 'addBatch', 'completion')),
    )
    expect(context.events).toEqual([])
  })
})

describe.each(['value', 'completion'] as const)('timed, until %s', (until) => {
  it('tells nothing of a step that fails, or that is left', () => {
    const context = testContext()
    outcomeNow(throwError(() => 'failed').pipe(timed(context, 'addBatch', until)))
    NEVER.pipe(timed(context, 'addBatch', until))
      .subscribe()
      .unsubscribe()
    expect(context.events).toEqual([])
  })

  it(
    'measures each subscription from its own beginning',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  -----(a|)')
      const subs = ['                    ^----!', '                    ---^----!']
      const context = testContext()
      const measured = source.pipe(timed(context, 'addBatch', until))
      expectObservable(measured).toBe('          -----(a|)')
      expectObservable(measured, '---^').toBe('  --------(a|)')
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(context.events).toEqual([took(5), took(5)])
    }),
  )

  it('fails with what the clock throws', () => {
    const { scheduler, ...rest } = testContext()
    const context = { ...rest, scheduler: { ...scheduler, now: () => throwIt('no clock') } }
    expect(outcomeNow(of('a').pipe(timed(context as ReturnType<typeof testContext>, 'addBatch', until))).error).toBe(
      'no clock',
    )
  })
})
