import { asyncScheduler, type SchedulerLike } from 'rxjs'
import { type Duration, durationMs, durationRule, positiveDurationRule } from '../../../duration.ts'
import { type OptionRule, rules, validateOptions } from '../../../options.ts'
import { type RetryPolicy, retryPolicy } from '../../../retry.ts'
import type { RequestBudget } from './budget.ts'
import { checkFilters, type ResponseFilter } from './response-filters.ts'
import type { TlsOptions } from './tls.ts'
import type { Authorization } from './types.ts'

/** How long the parts of an attempt may take. What takes longer is aborted, and worth another attempt. */
export interface TimeoutOptions {
  /** Until it is known who asks: a token request, a vault, a function of one's own; 0: no bound. @default '1 minute' */
  readonly authorize?: Duration
  /** Until there is a connection, TLS included. @default '10 seconds' */
  readonly connect?: Duration
  /** From the request to the headers of the answer. Above a second it is kept to about half a second. @default '1 minute' */
  readonly headers?: Duration
  /** Between two pieces of the body, while somebody reads it. Above a second it is kept to about half a second. @default '1 minute' */
  readonly idle?: Duration
  /**
   * An attempt as a whole, from the wait for a connection until its answer was taken (after a redirect: from there on); 0: no bound. The wait for a budget isn't part
   * of it, nor is a body that is read at its reader's pace. @default '10 minutes'
   */
  readonly total?: Duration
}

/** What `rest`, `httpSink` and a client of one's own have in common: who asks, and how it survives. */
export interface ClientOptions {
  readonly auth?: Authorization
  /**
   * Attempts of one request: after 408, 425, 429, any 5xx, and where no answer came or its body broke off. `Retry-After` wins over the computed delay.
   * The query's own policy stands above: it tries the whole partition again. @default 5 attempts, 500 ms · 2ⁿ with full jitter, 60 s at most
   */
  readonly retry?: Partial<RetryPolicy>
  /** The longest `Retry-After` that is heeded: an answer that asks for more is asked again after this. @default '15 minutes' */
  readonly maxRetryAfter?: Duration
  /** Made with `requestBudget`; give one to all that use the same quota. @default no bound */
  readonly budget?: RequestBudget
  /** What answers mean, where their status doesn't say. */
  readonly filters?: readonly ResponseFilter[]
  /** A duration bounds an attempt as a whole. */
  readonly timeout?: Duration | TimeoutOptions
  readonly tls?: TlsOptions
  /** Connections to an origin; requests beyond wait. A body that is read at its reader's pace holds one. @default 32 */
  readonly connections?: number
  /** Time. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

/** For options that take these in. */
export const clientRules = {
  auth: {
    expected: 'an authorization such as bearer({ env: "TOKEN" })',
    accepts: (value) => typeof value === 'object' && value !== null && 'authorize' in value,
    secret: true,
  },
  retry: rules.object,
  maxRetryAfter: durationRule,
  budget: {
    expected: 'a budget made with requestBudget',
    accepts: (value) => typeof value === 'object' && value !== null && 'take' in value,
  },
  filters: { expected: 'a list of filters', accepts: Array.isArray },
  timeout: {
    expected: 'a duration, or an object of durations: authorize, connect, headers, idle, total',
    accepts: (value) => positiveDurationRule.accepts(value) || rules.object.accepts(value),
  },
  tls: rules.object,
  connections: rules.positiveInteger,
  scheduler: rules.object,
} as const satisfies Record<keyof ClientOptions, OptionRule>

/** {@link ClientOptions} with their defaults. */
export interface ClientSettings {
  readonly auth: Authorization | undefined
  readonly retry: RetryPolicy
  readonly maxRetryAfterMs: number
  readonly budget: RequestBudget | undefined
  readonly filters: readonly ResponseFilter[]
  /** 0: no bound. */
  readonly authorizeMs: number
  readonly connectMs: number
  readonly headersMs: number
  readonly idleMs: number
  /** 0: no bound. */
  readonly totalMs: number
  readonly tls: TlsOptions | undefined
  readonly connections: number
  readonly scheduler: SchedulerLike
}

const httpRetry: Partial<RetryPolicy> = { maxAttempts: 5, initialDelayMs: 500, maxDelayMs: 60_000 }

/** @throws OptionError */
export function clientSettings(owner: string, options: ClientOptions): ClientSettings {
  const { filters = [], timeout = {}, connections = 32, scheduler = asyncScheduler } = options
  checkFilters(`${owner}: filters`, filters)
  const times: TimeoutOptions = typeof timeout === 'object' ? timeout : { total: timeout }
  validateOptions(`${owner}: timeout`, times, {
    authorize: durationRule,
    connect: positiveDurationRule,
    headers: positiveDurationRule,
    idle: positiveDurationRule,
    total: durationRule,
  })
  const ms = (name: keyof TimeoutOptions, byDefault: Duration): number =>
    durationMs(times[name] ?? byDefault, `${owner}: timeout`, name)
  return {
    auth: options.auth,
    retry: retryPolicy(`${owner}: retry`, { ...httpRetry, ...options.retry }),
    maxRetryAfterMs: durationMs(options.maxRetryAfter ?? '15 minutes', owner, 'maxRetryAfter'),
    budget: options.budget,
    filters,
    authorizeMs: ms('authorize', '1 minute'),
    connectMs: ms('connect', '10 seconds'),
    headersMs: ms('headers', '1 minute'),
    idleMs: ms('idle', '1 minute'),
    totalMs: ms('total', '10 minutes'),
    tls: options.tls,
    connections,
    scheduler,
  }
}
