import { asyncScheduler, type MonoTypeOperatorFunction, retry, type SchedulerLike, throwError, timer } from 'rxjs'
import { rules, validateOptions } from '../src/options.ts'
import { type RetryPolicy, retryDelay, retryPolicy, retryRules } from '../src/retry.ts'
import { longTimer } from '../src/timer.ts'

/** Options of {@link retryBackoff}. */
export interface RetryBackoffOptions extends Partial<RetryPolicy> {
  /** @default asyncScheduler */
  readonly scheduler?: SchedulerLike
  /** Called before each wait. `attempt` is the one that failed, from 1. */
  readonly onRetry?: (retry: { readonly attempt: number; readonly delayMs: number; readonly error: unknown }) => void
  /** Start counting anew after a value. @default false */
  readonly resetOnSuccess?: boolean
}

type RetryByOptions = Pick<RetryBackoffOptions, 'onRetry' | 'resetOnSuccess'> & { readonly scheduler: SchedulerLike }

/**
 * Subscribes again after an error, with exponentially growing, fully jittered delays.
 *
 * The delay before attempt n + 1 is a random share of `min(maxDelayMs, initialDelayMs · factorⁿ⁻¹)`; a delay that the error asks for wins.
 * Unsubscribing ends a wait at once. Values that were emitted before the error are not taken back: the source must start clean.
 *
 * ```
 * source     --#      --#      --x|
 * result     --…100ms…--…200ms…--x|
 * ```
 *
 * @param options see {@link RetryPolicy}; times in milliseconds.
 * @returns the source's values; fails with the source's last error when no attempt is left or the error isn't retryable.
 */
export function retryBackoff<T>(options: RetryBackoffOptions = {}): MonoTypeOperatorFunction<T> {
  validateOptions('retryBackoff', options, {
    ...retryRules,
    scheduler: {
      expected: 'an RxJS scheduler',
      accepts: (value) => typeof value === 'object' && value !== null && 'schedule' in value,
    },
    onRetry: rules.function,
    resetOnSuccess: rules.boolean,
  })
  const { scheduler = asyncScheduler, onRetry, resetOnSuccess = false, ...rest } = options
  return retryBy(retryPolicy('retryBackoff', rest), { scheduler, resetOnSuccess, ...(onRetry && { onRetry }) })
}

/** The same for a policy that was checked before: it stands on the way of every call of a port. */
export function retryBy<T>(
  policy: RetryPolicy,
  { scheduler, onRetry, resetOnSuccess = false }: RetryByOptions,
): MonoTypeOperatorFunction<T> {
  let immediate = 0
  return retry({
    resetOnSuccess,
    delay: (error: unknown, attempt) => {
      const delayMs = retryDelay(policy, attempt, error)
      if (delayMs === undefined) return throwError(() => error)
      onRetry?.({ attempt, delayMs, error })
      // A source that fails at once, again and again without a delay, would need a stack without end.
      return delayMs <= 0 && ++immediate % 20 === 0 ? timer(0, scheduler) : longTimer(delayMs, scheduler)
    },
  })
}
