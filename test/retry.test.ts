import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError, PortError } from '../src/errors.ts'
import { defaultRetryPolicy, type RetryPolicy, retryDelay, retryPolicy } from '../src/retry.ts'

const error = new Error('network')
/** All of the bound, as nearly as jitter allows. */
const whole = { random: () => 1 - Number.EPSILON / 2 }

describe('retryPolicy', () => {
  it('fills in the defaults', () => {
    expect(retryPolicy('x')).toEqual(defaultRetryPolicy)
    expect(retryPolicy('x', { maxAttempts: 5 })).toEqual({ ...defaultRetryPolicy, maxAttempts: 5 })
    expect(defaultRetryPolicy).toMatchObject({ maxAttempts: 3, initialDelayMs: 100, maxDelayMs: 30_000, factor: 2 })
  })

  it('takes an option that is undefined as one that is not given', () => {
    const options = { maxAttempts: undefined, factor: undefined, random: undefined } as unknown as Partial<RetryPolicy>
    expect(retryPolicy('x', options)).toEqual(defaultRetryPolicy)
  })

  it.each([
    ['maxAttempts', [0, -1, 1.5, Number.NaN, '3', null]],
    ['initialDelayMs', [-1, Number.NaN, Number.POSITIVE_INFINITY, '1']],
    ['maxDelayMs', [-1, Number.NaN, Number.POSITIVE_INFINITY, '1']],
    ['factor', [0.5, 0, -2, Number.NaN, Number.POSITIVE_INFINITY, '2']],
    ['random', [0.5]],
    ['retryable', [true]],
    ['retryAfter', [1000]],
  ])('refuses a bad %s', (name, values) => {
    for (const value of values) {
      const refused = expect(() => retryPolicy('owner', { [name]: value }), String(value))
      refused.toThrow(OptionError)
      refused.toThrow(`owner: option "${name}" must be `)
    }
  })

  it('refuses an option that it does not know', () => {
    expect(() => retryPolicy('owner', { maxAttempt: 3 } as never)).toThrow('did you mean "maxAttempts"?')
  })
})

describe('retryDelay', () => {
  it('grows by the factor, up to the longest delay', () => {
    const policy = retryPolicy('x', { ...whole, maxAttempts: Number.POSITIVE_INFINITY, maxDelayMs: 1000 })
    const delays = [1, 2, 3, 4, 5, 6].map((attempt) => Math.round(retryDelay(policy, attempt, error) as number))
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000])
  })

  it('is a random share of its bound: full jitter', () => {
    const at = (share: number): number | undefined => retryDelay(retryPolicy('x', { random: () => share }), 2, error)
    expect([at(0), at(0.25), at(0.5)]).toEqual([0, 50, 100])
  })

  it('ends with the last attempt', () => {
    const delays = (maxAttempts: number): boolean[] =>
      [1, 2, 3].map((attempt) => retryDelay(retryPolicy('x', { maxAttempts }), attempt, error) !== undefined)
    expect(delays(1)).toEqual([false, false, false])
    expect(delays(3)).toEqual([true, true, false])
    expect(delays(Number.POSITIVE_INFINITY)).toEqual([true, true, true])
  })

  it('asks the error whether to try again, and the policy before that', () => {
    expect(retryDelay(retryPolicy('x'), 1, new PortError('protocol'))).toBeUndefined()
    expect(retryDelay(retryPolicy('x', { retryable: () => true }), 1, new PortError('protocol'))).toBeDefined()
    expect(retryDelay(retryPolicy('x', { retryable: () => false }), 1, error)).toBeUndefined()
  })

  it('is what the error asks for, uncut and without jitter', () => {
    const limited = Object.assign(new Error('429'), { retryAfter: 120_000 })
    expect(retryDelay(retryPolicy('x', { maxDelayMs: 1000 }), 1, limited)).toBe(120_000)
    expect(retryDelay(retryPolicy('x'), 1, Object.assign(new Error('429'), { retryAfter: 0 }))).toBe(0)
    expect(retryDelay(retryPolicy('x', { retryAfter: () => 7 }), 1, error)).toBe(7)
    expect(retryDelay(retryPolicy('x'), 3, limited), 'no attempt is left').toBeUndefined()
  })

  it('is a time within its bounds for every policy and every attempt', () => {
    fc.assert(
      fc.property(
        fc.record({
          initialDelayMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e9, noNaN: true })),
          maxDelayMs: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e12, noNaN: true })),
          factor: fc.double({ min: 1, max: 1e300, noNaN: true }),
        }),
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (options, attempt, share) => {
          const random = () => share
          const policy = retryPolicy('x', { ...options, random, maxAttempts: Number.POSITIVE_INFINITY })
          const delay = retryDelay(policy, attempt, error) as number
          expect(delay).toBeGreaterThanOrEqual(0)
          expect(delay).toBeLessThanOrEqual(options.maxDelayMs)
          if (options.initialDelayMs === 0) expect(delay).toBe(0)
        },
      ),
      { numRuns: 500 },
    )
  })
})
