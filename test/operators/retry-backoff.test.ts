import { concat, defer, type Observable, of, throwError, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type RetryBackoffOptions, retryBackoff } from '../../operators/retry-backoff.ts'
import { OptionError, RowError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { edgeListOfPassing } from './edge-list.ts'

/** The whole bound as the delay. */
const random = () => 1

describe('retryBackoff', () => {
  edgeListOfPassing(() => retryBackoff({ maxAttempts: 1 }), { a: 'a', b: 'b' })

  it(
    'subscribes again after delays that grow exponentially, and passes what comes',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('--#')
      const subs = [
        '                  ^-!',
        '                  ------^-!',
        '                  ----------------^-!',
        '                  ----------------------------------^-!',
      ]
      const expected = '   ------------------------------------#'
      const options = { maxAttempts: 4, initialDelayMs: 4, factor: 2, random }
      expectObservable(source.pipe(retryBackoff(options))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'keeps what was emitted before the error, and completes with the attempt that succeeds',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const first = cold('  -a-#')
      const firstSubs = '   ^--!'
      const second = cold('      -a-b|')
      const secondSubs = '  -----^---!'
      const expected = '    -a----a-b|'
      const attempts = [first, second]
      const source = defer(() => attempts.shift() ?? throwError(() => 'a third attempt'))
      expectObservable(source.pipe(retryBackoff({ initialDelayMs: 2, random }))).toBe(expected)
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
    }),
  )

  it(
    'ends the wait when it is unsubscribed from, and subscribes no more',
    marbles(({ cold, expectObservable, expectSubscriptions, scheduler }) => {
      const source = cold('  --#')
      const subs = '         ^-!'
      const unsubscribe = '  -----!'
      const expected = '     ------'
      expectObservable(source.pipe(retryBackoff({ initialDelayMs: 10, random, scheduler })), unsubscribe).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('leaves nothing scheduled when it is unsubscribed from during a wait', () => {
    const scheduler = new VirtualTimeScheduler()
    const failing = throwError(() => new Error('failed'))
    const subscription = failing.pipe(retryBackoff({ scheduler })).subscribe()
    expect(scheduler.actions).toHaveLength(1)
    subscription.unsubscribe()
    expect(scheduler.actions).toEqual([])
  })

  it(
    'waits by asyncScheduler where no other is given',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('#')
      const subs = ['                  (^!)', '                  100ms (^!)', '                  300ms (^!)']
      const expected = '   300ms #'
      expectObservable(source.pipe(retryBackoff({ random }))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('doubles the delay, by default three attempts from 100 ms on', () => {
    expect(delaysOf({ random })).toEqual([100, 200])
  })

  it('multiplies the delay by the factor, up to the cap', () => {
    const options = { maxAttempts: 7, initialDelayMs: 10, factor: 3, maxDelayMs: 500, random }
    expect(delaysOf(options)).toEqual([10, 30, 90, 270, 500, 500])
  })

  it('holds the cap also over the first delay', () => {
    expect(delaysOf({ initialDelayMs: 100, maxDelayMs: 30, random })).toEqual([30, 30])
  })

  it('waits at most half a minute by default', () => {
    expect(delaysOf({ maxAttempts: 12, random }).slice(-3)).toEqual([25_600, 30_000, 30_000])
  })

  it('takes a random share of each bound, down to nothing (full jitter)', () => {
    const shares = [0.5, 0, 0.25, 0.75]
    const options = { maxAttempts: 5, initialDelayMs: 100, random: () => shares.shift() ?? 1 }
    expect(delaysOf(options)).toEqual([50, 0, 100, 600])
  })

  it('waits for as long as the error asks for: neither jittered nor cut, nor more than that', () => {
    const askFor = (retryAfter: number) => Object.assign(new Error('busy'), { retryAfter })
    const errors = [askFor(60_000), askFor(0), new Error('failed'), askFor(7)]
    const options = { maxAttempts: 5, initialDelayMs: 10, maxDelayMs: 1_000, random: () => 0.5 }
    expect(delaysOf(options, () => errors.shift())).toEqual([60_000, 0, 20, 7])
  })

  it.each([-1, Number.NaN, Infinity, '5'])('takes no notice of a retryAfter of %o', (retryAfter) => {
    expect(delaysOf({ random, maxAttempts: 2 }, () => ({ retryAfter }))).toEqual([100])
  })

  it('asks retryAfter of its options instead of the error', () => {
    const options = { maxAttempts: 2, retryAfter: (error: unknown) => Number(error) * 1_000 }
    expect(delaysOf(options, () => '3')).toEqual([3_000])
  })

  it('makes no further attempt for an error that is not retryable', () => {
    expect(delaysOf({ random }, () => new RowError('unfit'))).toEqual([])
    expect(delaysOf({ random }, () => ({ retryable: false, retryAfter: 5 }))).toEqual([])
    expect(delaysOf({ random }, () => ({ retryable: true }))).toHaveLength(2)
  })

  it('asks retryable of its options instead of the error', () => {
    const retryable = (error: unknown) => error instanceof RowError
    expect(delaysOf({ random, retryable }, () => new RowError('unfit'))).toHaveLength(2)
    expect(delaysOf({ random, retryable }, () => new Error('failed'))).toEqual([])
  })

  it('fails with the last error, not the first', () => {
    const scheduler = new VirtualTimeScheduler()
    const errors = [new Error('first'), new Error('second'), new Error('third')]
    const seen: unknown[] = []
    const remaining = [...errors]
    throwError(() => remaining.shift())
      .pipe(retryBackoff({ scheduler }))
      .subscribe({ error: (error: unknown) => seen.push(error) })
    scheduler.flush()
    expect(seen).toEqual([errors[2]])
    expect(seen[0]).toBe(errors[2])
  })

  it('tells of each repeat before its wait, with the attempt that failed', () => {
    const scheduler = new VirtualTimeScheduler()
    const told: unknown[] = []
    throwError(() => 'failed')
      .pipe(retryBackoff({ scheduler, random, onRetry: (retry) => told.push([scheduler.now(), retry]) }))
      .subscribe({ error: () => told.push([scheduler.now(), 'over']) })
    scheduler.flush()
    expect(told).toEqual([
      [0, { attempt: 1, delayMs: 100, error: 'failed' }],
      [100, { attempt: 2, delayMs: 200, error: 'failed' }],
      [300, 'over'],
    ])
  })

  it.each<[string, RetryBackoffOptions]>([
    ['random', { random: thrower }],
    ['retryable', { retryable: thrower }],
    ['retryAfter', { retryAfter: thrower }],
    ['onRetry', { onRetry: thrower }],
  ])('fails with what %s throws, and schedules nothing', (_, options) => {
    const scheduler = new VirtualTimeScheduler()
    const seen: unknown[] = []
    throwError(() => 'failed')
      .pipe(retryBackoff({ scheduler, ...options }))
      .subscribe({ error: (error: unknown) => seen.push(error) })
    expect(seen).toEqual(['thrown'])
    expect(scheduler.actions).toEqual([])
  })

  it('counts over values, by default', () => {
    const failing = () =>
      concat(
        of('value'),
        throwError(() => 'failed'),
      )
    expect(delaysOf({ random, maxAttempts: 3 }, undefined, failing)).toEqual([100, 200])
  })

  it('with resetOnSuccess begins anew after a value: count and delays', () => {
    let attempt = 0
    const failing = () =>
      concat(
        ++attempt === 3 ? of('value') : [],
        throwError(() => 'failed'),
      )
    const options = { random, maxAttempts: 4, resetOnSuccess: true }
    expect(delaysOf(options, undefined, failing)).toEqual([100, 200, 100, 200, 400])
  })

  it('counts anew with each subscription', () => {
    const scheduler = new VirtualTimeScheduler()
    let attempts = 0
    const failing = defer(() => throwError(() => ++attempts)).pipe(retryBackoff({ scheduler }))
    for (const expected of [3, 6]) {
      failing.subscribe({ error: () => {} })
      scheduler.flush()
      expect(attempts).toBe(expected)
    }
  })

  it('goes on for ever with maxAttempts Infinity, without a wait where the first delay is 0', () => {
    const options = { maxAttempts: Infinity, initialDelayMs: 0, random }
    let attempt = 0
    const source = () => (++attempt <= 1_100 ? throwError(() => 'failed') : of('value'))
    const delays = delaysOf(options, undefined, source)
    expect(delays).toHaveLength(1_100)
    expect(Math.max(...delays)).toBe(0)
  })

  it.each<[RetryBackoffOptions, RegExp]>([
    [{ maxAttempts: 0 }, /option "maxAttempts" must be a positive integer or Infinity, and it is 0/],
    [{ maxAttempts: 1.5 }, /option "maxAttempts" .* it is 1.5/],
    [{ initialDelayMs: -1 }, /option "initialDelayMs" must be a finite number from 0, and it is -1/],
    [{ maxDelayMs: Infinity }, /option "maxDelayMs" .* it is Infinity/],
    [{ factor: 0.5 }, /option "factor" must be a number from 1, and it is 0.5/],
    [{ factor: Number.NaN }, /option "factor" .* it is NaN/],
    [{ initialDelay: 5 } as RetryBackoffOptions, /unknown option "initialDelay"; did you mean "initialDelayMs"/],
  ])('refuses %o when it is made', (options, message) => {
    expect(() => retryBackoff(options)).toThrow(OptionError)
    expect(() => retryBackoff(options)).toThrow(message)
    expect(() => retryBackoff(options)).toThrow(/^retryBackoff: /)
  })
})

function thrower(): never {
  throw 'thrown'
}

/** How long each repeat really was waited for, until the source stops failing, no attempt is left or a day has gone by. */
function delaysOf(
  options: RetryBackoffOptions,
  error: () => unknown = () => 'failed',
  source: () => Observable<unknown> = () => throwError(error),
): readonly number[] {
  const scheduler = new VirtualTimeScheduler()
  scheduler.maxFrames = 86_400_000
  const starts: number[] = []
  defer(() => {
    starts.push(scheduler.now())
    return source()
  })
    .pipe(retryBackoff<unknown>({ scheduler, ...options }))
    .subscribe({ error: () => {} })
  scheduler.flush()
  return starts.slice(1).map((time, index) => time - (starts[index] ?? 0))
}
