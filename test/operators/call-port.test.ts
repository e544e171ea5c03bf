import { EMPTY, from, NEVER, type Observable, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { callPort, commandPort } from '../../operators/call-port.ts'
import { OffsetError, PortError } from '../../src/errors.ts'
import type { Result } from '../../src/result.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { outcomeOf, testContext, throwIt } from './a-run.ts'
import { outcomeNow } from './outcome-now.ts'

const calls = [
  ['callPort', (call: () => Result<unknown>, context = testContext()) => callPort(context, 'port', call)],
  ['commandPort', (call: () => Result<unknown>, context = testContext()) => commandPort(context, 'port', call)],
] as const

describe.each(calls)('%s', (name, call) => {
  /** A command's answer doesn't count. */
  const answer = <T>(value: T) => (name === 'callPort' ? value : undefined)

  it('makes the call on subscription, anew for each', () => {
    let made = 0
    const called = call(() => ++made)
    expect(made).toBe(0)
    expect(outcomeNow(called)).toEqual({ values: [answer(1)] })
    expect(outcomeNow(called)).toEqual({ values: [answer(2)] })
  })

  it.each<[string, Result<unknown>, unknown]>([
    ['a value', 'x', 'x'],
    ['nothing', undefined, undefined],
    ['a list, as one value', ['x', 'y'], ['x', 'y']],
    ['an Observable', of('x'), 'x'],
  ])('answers synchronously with %s', (_, result, value) => {
    expect(outcomeNow(call(() => result))).toEqual({ values: [answer(value)] })
  })

  it('waits for a promise', async () => {
    expect(await outcomeOf(call(() => Promise.resolve('x')))).toEqual({ values: [answer('x')] })
  })

  it(
    'takes the answer of an Observable at its completion',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const port = cold('    --x--|')
      const subs = '         ^----!'
      const expected = '     -----(x|)'
      expectObservable(call(() => port)).toBe(expected, { x: answer('x') })
      expectSubscriptions(port.subscriptions).toBe(subs)
    }),
  )

  it(
    'waits for an answer that never completes',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const port = cold('    --x---')
      const subs = '         ^-----'
      const expected = '     ------'
      expectObservable(call(() => port)).toBe(expected)
      expectSubscriptions(port.subscriptions).toBe(subs)
    }),
  )

  it(
    'repeats a call that failed after the delay of the policy, and tells of it',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const first = cold('   --#', undefined, 'first')
      const firstSubs = '    ^-!'
      const second = cold('              --#', undefined, 'second')
      const secondSubs = '   ------------^-!'
      const third = cold('                           --x|')
      const thirdSubs = '    ------------------------^--!'
      const expected = '     ---------------------------(x|)'
      const context = testContext()
      const ports: Observable<unknown>[] = [first, second, third]
      expectObservable(call(() => ports.shift(), context)).toBe(expected, { x: answer('x') })
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
      expectSubscriptions(third.subscriptions).toBe(thirdSubs)
      flush()
      expect(context.events).toEqual([
        { type: 'retry', port: 'port', attempt: 1, delayMs: 10, error: 'first' },
        { type: 'retry', port: 'port', attempt: 2, delayMs: 10, error: 'second' },
      ])
    }),
  )

  it(
    'fails with the last error when no attempt is left',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const port = cold('    --#')
      const subs = [
        '                    ^-!',
        '                    ------------^-!',
        '                    ------------------------^-!',
      ]
      const expected = '     --------------------------#'
      expectObservable(call(() => port)).toBe(expected)
      expectSubscriptions(port.subscriptions).toBe(subs)
    }),
  )

  it(
    'cancels the call when it is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const port = cold('    -----x|')
      const subs = '         ^--!'
      const unsubscribe = '  ---!'
      const expected = '     ----'
      expectObservable(
        call(() => port),
        unsubscribe,
      ).toBe(expected)
      expectSubscriptions(port.subscriptions).toBe(subs)
    }),
  )

  it(
    'makes no further call when it is unsubscribed from between two',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const port = cold('    --#')
      const subs = '         ^-!'
      const unsubscribe = '  -----!'
      const expected = '     ------------------'
      expectObservable(
        call(() => port),
        unsubscribe,
      ).toBe(expected)
      expectSubscriptions(port.subscriptions).toBe(subs)
    }),
  )

  it.each([
    ['throws', () => throwIt(new OffsetError('final'))],
    ['answers with an Observable that fails', () => throwError(() => new OffsetError('final'))],
  ])('does not repeat a call that %s with an error that is not retryable', (_, port) => {
    const context = testContext()
    expect(outcomeNow(call(port, context)).error).toEqual(new OffsetError('final'))
    expect(context.events).toEqual([])
  })

  it('fails with the reason of a promise', async () => {
    const error = new OffsetError('final')
    expect(await outcomeOf(call(() => Promise.reject(error)))).toEqual({ values: [], error })
  })

  it('repeats a call that throws', () => {
    const context = testContext({ retry: { ...testContext().retry, retryAfter: () => 0 } })
    let made = 0
    const port = () => (++made < 3 ? throwIt(new Error('failed')) : made)
    expect(outcomeNow(call(port, context))).toEqual({ values: [answer(3)] })
    expect(context.events).toHaveLength(2)
  })
})

describe('callPort', () => {
  it.each([
    ['none', EMPTY],
    ['several', from(['x', 'y'])],
    ['several', from(new Array(1_000).fill('x'))],
  ])('fails when an Observable emits %s, names the port and does not repeat', (count, port) => {
    let made = 0
    const call = () => {
      made++
      return port
    }
    const { error } = outcomeNow(callPort(testContext(), 'latestOffset', call))
    expect(error).toEqual(
      new PortError(`latestOffset must answer with exactly one value, and its Observable emitted ${count}`),
    )
    expect(made).toBe(1)
  })

  it('fails at the second value, without waiting for the end', () => {
    const port = () => from(['x', 'y', NEVER])
    expect(outcomeNow(callPort(testContext(), 'port', port)).error).toBeInstanceOf(PortError)
  })
})

describe('commandPort', () => {
  it.each([
    ['none', EMPTY],
    ['several', from(['x', 'y'])],
  ])('emits once when an Observable emits %s', (_, port) => {
    expect(outcomeNow(commandPort(testContext(), 'port', () => port))).toEqual({ values: [undefined] })
  })
})

it.each([
  ['callPort', callPort],
  ['commandPort', commandPort],
])('%s tells to which batch the repeat belongs', (_, call) => {
  const context = testContext({ retry: { ...testContext().retry, maxAttempts: 2, retryAfter: () => 0 } })
  outcomeNow(call(context, 'commit of the sink', () => throwIt('failed'), { batchId: 7 }))
  const event = { type: 'retry', port: 'commit of the sink', attempt: 1, delayMs: 0, error: 'failed', batchId: 7 }
  expect(context.events).toEqual([event])
})

it.each([
  ['callPort', callPort],
  ['commandPort', commandPort],
])('%s tells how long the answer took, repeats included, and nothing of one that failed', (name, call) =>
  marbles(({ cold, scheduler, expectObservable, flush }) => {
    const context = testContext({ scheduler, retry: { ...testContext().retry, maxAttempts: 2, retryAfter: () => 3 } })
    const answers = [cold<string>('-#'), cold('--(x|)')]
    const answered = call(context, 'port', () => answers.shift() ?? 'at once', { phase: 'sinkCommit' })
    expectObservable(answered).toBe('------(x|)', { x: name === 'callPort' ? 'x' : undefined })
    flush()
    const phases = () => context.events.filter(({ type }) => type === 'phase')
    expect(phases()).toEqual([{ type: 'phase', phase: 'sinkCommit', durationMs: 6 }])
    outcomeNow(call(context, 'port', () => 'at once', { phase: 'sinkCommit' }))
    expect(phases().at(-1)).toEqual({ type: 'phase', phase: 'sinkCommit', durationMs: 0 })
    outcomeNow(
      call({ ...context, retry: { ...context.retry, maxAttempts: 1 } }, 'port', () => throwIt('down'), {
        phase: 'sinkCommit',
      }),
    )
    expect(phases()).toHaveLength(2)
  })(),
)
