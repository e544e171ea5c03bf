import { concat, Observable, of, take, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { uninterruptible } from '../../operators/uninterruptible.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { Tracker } from '../../src/tracker.ts'
import { isIdle, throwIt } from './a-run.ts'
import { outcomeNow } from './outcome-now.ts'

/** The operator with its tracker, and the errors that came too late. */
function detached() {
  const tracker = new Tracker()
  const late: unknown[] = []
  return { tracker, late, operator: <T>() => uninterruptible<T>(tracker, (error) => late.push(error)) }
}

describe('uninterruptible', () => {
  it(
    'passes values and completion on, and counts as open work until then',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a--b-|')
      const subs = '         ^-----!'
      const expected = '     -a--b-|'
      const idle = '         ------|'
      const { operator, tracker } = detached()
      expectObservable(source.pipe(operator())).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'completes with an empty source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  ---|')
      const subs = '         ^--!'
      const expected = '     ---|'
      const idle = '         ---|'
      const { operator, tracker } = detached()
      expectObservable(source.pipe(operator())).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'is open work for as long as a source never ends, even after it was unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a----')
      const subs = '         ^-----'
      const unsubscribe = '  ---!'
      const expected = '     -a--'
      const idle = '         ------'
      const { operator, tracker } = detached()
      expectObservable(source.pipe(operator()), unsubscribe).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'fails when the source fails, and reports nothing late',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  -a--#')
      const subs = '         ^---!'
      const expected = '     -a--#'
      const idle = '         ----|'
      const { operator, tracker, late } = detached()
      expectObservable(source.pipe(operator())).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(late).toEqual([])
    }),
  )

  it(
    'runs the source to its end when it is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  -a--b-|')
      const subs = '         ^-----!'
      const unsubscribe = '  --!'
      const expected = '     -a---'
      const idle = '         ------|'
      const { operator, tracker, late } = detached()
      expectObservable(source.pipe(operator()), unsubscribe).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(late).toEqual([])
    }),
  )

  it(
    'reports an error that nobody listened to any more, and is no open work afterwards',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  -a--#')
      const subs = '         ^---!'
      const unsubscribe = '  --!'
      const expected = '     -a---'
      const idle = '         ----|'
      const { operator, tracker, late } = detached()
      expectObservable(source.pipe(operator()), unsubscribe).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(late).toEqual(['error'])
    }),
  )

  it(
    'starts clean with each subscription, and counts each as open work of its own',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-b-|')
      const subs = ['                    ^----!', '                    ---^----!']
      const expected = '     -a---'
      const unsubscribe = '  --!'
      const later = '        ---^'
      const laterExpected = '----a-b-|'
      const idle = '         --------|'
      const { operator, tracker } = detached()
      const result = source.pipe(operator())
      expectObservable(result, unsubscribe).toBe(expected)
      expectObservable(result, later).toBe(laterExpected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('is no open work before it is subscribed to, and none after a synchronous source', () => {
    const { operator, tracker } = detached()
    const result = of('a', 'b').pipe(operator())
    expect(isIdle(tracker)).toBe(true)
    expect(outcomeNow(result)).toEqual({ values: ['a', 'b'] })
    expect(isIdle(tracker)).toBe(true)
  })

  it('runs a synchronous source to its end when its subscriber leaves in the middle', () => {
    const { operator, tracker, late } = detached()
    const steps: string[] = []
    const source = new Observable<string>((subscriber) => {
      for (const step of ['commit', 'log', 'acknowledge']) {
        steps.push(step)
        subscriber.next(step)
      }
      subscriber.error('failed')
    })
    expect(outcomeNow(source.pipe(operator(), take(1)))).toEqual({ values: ['commit'] })
    expect(steps).toEqual(['commit', 'log', 'acknowledge'])
    expect(late).toEqual(['failed'])
    expect(isIdle(tracker)).toBe(true)
  })

  it('fails when subscribing to the source throws', () => {
    const { operator, tracker } = detached()
    const source = new Observable<string>(() => throwIt('thrown'))
    expect(outcomeNow(source.pipe(operator()))).toEqual({ values: [], error: 'thrown' })
    expect(isIdle(tracker)).toBe(true)
  })

  it.each([
    ['completes', of('a')],
    [
      'fails',
      concat(
        of('a'),
        throwError(() => 'failed'),
      ),
    ],
  ])('has settled when its subscriber hears that it %s', (_, source) => {
    const { operator, tracker } = detached()
    const heard: boolean[] = []
    const end = () => heard.push(isIdle(tracker))
    source.pipe(operator()).subscribe({ complete: end, error: end })
    expect(heard).toEqual([true])
  })
})
