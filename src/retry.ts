import { isRetryable, restartsBatch, retryAfterOf } from './errors.ts'
import { given, type OptionRule, rules, validateOptions } from './options.ts'

/** How often, and after which delays, something that failed is tried again. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. `1`: never again. @default 3 */
  readonly maxAttempts: number
  /** Upper bound of the first delay, in milliseconds; each further bound is `factor` times the one before. @default 100 */
  readonly initialDelayMs: number
  /** The bound grows no further than this, in milliseconds. A delay that the error asks for is not cut. @default 30_000 */
  readonly maxDelayMs: number
  /** @default 2 */
  readonly factor: number
  /** A number in [0, 1): the delay is that share of its bound (full jitter). @default Math.random */
  readonly random: () => number
  /** Whether an error is worth another attempt. @default its boolean property `retryable`, else `true` */
  readonly retryable: (error: unknown) => boolean
  /** The delay an error asks for, in milliseconds. @default its property `retryAfter` */
  readonly retryAfter: (error: unknown) => number | undefined
}

export const defaultRetryPolicy: RetryPolicy = {
  maxAttempts: 3,
  initialDelayMs: 100,
  maxDelayMs: 30_000,
  factor: 2,
  random: Math.random,
  retryable: isRetryable,
  retryAfter: retryAfterOf,
}

export const retryRules = {
  maxAttempts: rules.limit,
  initialDelayMs: rules.nonNegativeNumber,
  maxDelayMs: rules.nonNegativeNumber,
  factor: {
    expected: 'a number from 1',
    accepts: (value) => rules.nonNegativeNumber.accepts(value) && Number(value) >= 1,
  },
  random: rules.function,
  retryable: rules.function,
  retryAfter: rules.function,
} as const satisfies Record<keyof RetryPolicy, OptionRule>

/** The policy with its defaults filled in. @throws OptionError */
export function retryPolicy(owner: string, options: Partial<RetryPolicy> = {}): RetryPolicy {
  validateOptions(owner, options, retryRules)
  return { ...defaultRetryPolicy, ...given(options) }
}

/**
 * The delay before attempt number `attempt` + 1 (from 1), in milliseconds; `undefined` when there shall be none.
 * A delay taken from the error wins over the computed one.
 */
export function retryDelay(policy: RetryPolicy, attempt: number, error: unknown): number | undefined {
  if (attempt >= policy.maxAttempts || !policy.retryable(error)) return undefined
  const bound = Math.min(
    policy.maxDelayMs,
    policy.initialDelayMs * Math.min(policy.factor ** (attempt - 1), Number.MAX_VALUE),
  )
  return policy.retryAfter(error) ?? policy.random() * bound
}

/** The same for what is a part of a batch: an error that says that the whole batch must be written again is none that a repeat of the part could mend. */
export function withoutRestarts(policy: RetryPolicy): RetryPolicy {
  return { ...policy, retryable: (error) => !restartsBatch(error) && policy.retryable(error) }
}
