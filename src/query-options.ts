import { asyncScheduler, isObservable, type SchedulerLike } from 'rxjs'
import type { RowMode } from '../operators/check-rows.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import type { BoundSink } from './data-source.ts'
import type { DeadLetter } from './dead-letter.ts'
import { type Duration, durationMs, durationRule } from './duration.ts'
import { OptionError } from './errors.ts'
import type { BatchLimit } from './goal.ts'
import { type GuaranteeLevel, guaranteeLevels } from './guarantee.ts'
import { given, type OptionRule, oneOf, required, rules, validateOptions } from './options.ts'
import type { QuerySpec } from './query-spec.ts'
import { type RetryPolicy, retryPolicy } from './retry.ts'
import { defaultHighWaterBytes } from './run-context.ts'
import { continuously, type Trigger } from './trigger.ts'
import { type WatchdogOptions, watchdogSettings } from './watchdog.ts'

/** How much one batch takes. Without an option, what the source's `defaultLimit` says, else no limit. */
export interface LimitOptions {
  readonly maxRows?: number
  readonly maxBytes?: number
  readonly maxFiles?: number
  /** Fewer rows wait for more, but no longer than `maxDelay`. Needs a source with `distance`; `availableNow` and `once` ignore it. @default 0 */
  readonly minRows?: number
  /** Needed with `minRows`. Milliseconds, or a text such as '5 minutes'. */
  readonly maxDelay?: Duration
}

/** How often, and after which delays, a query that failed is run again. */
export interface RestartOptions {
  /** Runs in all, the first one included. The count begins anew after a committed batch. */
  readonly maxAttempts: number
  /** Delays between them. @default as `retry` */
  readonly backoff?: Partial<Omit<RetryPolicy, 'maxAttempts'>>
}

/** How a query runs: what `writeStream` takes besides the sink. */
export interface QueryOptions<Dead = unknown> {
  /** Names the query in errors, progress and metrics. */
  readonly name: string
  /** Where the query remembers how far it got. One checkpoint belongs to one query. */
  readonly checkpoint: Checkpoint
  /** @default continuously() */
  readonly trigger?: Trigger
  readonly limit?: LimitOptions
  /** Partitions read and written side by side. @default 4 */
  readonly concurrency?: number
  /** Chunks of one partition between its reader and its writer. @default 2 */
  readonly highWaterMark?: number
  /** Bytes of one partition between its reader and its writer, as far as the source reports them; a single chunk may be larger. @default 64 MiB */
  readonly highWaterBytes?: number
  /** Chunks that an Observable `read` may be ahead of its writer before it fails. @default 1000 */
  readonly maxPushed?: number
  /** A partition that is being read and gives nothing for so long is told of as `stall`. 0: never. @default '1 minute' */
  readonly stallAfter?: Duration
  /** Aborts an attempt at a partition in which nothing moves, and tries it again by `retry`; other partitions go on. `{}` for its defaults. @default nobody does */
  readonly watchdog?: WatchdogOptions
  /** For every call of a port, and for a partition as a whole. @default 3 attempts, 100 ms · 2ⁿ with full jitter, 30 s at most */
  readonly retry?: Partial<RetryPolicy>
  /** Rebuilds source and sink when a run fails, and recovers. @default one run only */
  readonly restart?: RestartOptions
  /** Refuse to start when the computed guarantee is less than this. */
  readonly require?: GuaranteeLevel
  /** The sink's stable name in this query: part of idempotency keys and ledger entries. @default 'main' */
  readonly sinkId?: string
  /** What becomes of rows that don't fit their schema. @default 'failFast' */
  readonly mode?: RowMode
  /** Takes the rows that `dropMalformed` refuses, and those that `permissive` can't keep. Required with the former; operators must be known to be deterministic. */
  readonly deadLetters?: BoundSink<DeadLetter, Dead>
  /** Time. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

const triggerRule: OptionRule = {
  expected: 'a trigger: an Observable or a function such as processingTime("5 seconds")',
  accepts: (value) => typeof value === 'function' || isObservable(value),
}

const portRule = (method: string, expected: string): OptionRule => ({
  expected,
  accepts: (value) => typeof value === 'object' && value !== null && method in value,
})

/** What of a query's specification comes from its options. */
export type QuerySettings = Pick<
  QuerySpec<object, unknown, object, object, unknown>,
  | 'name'
  | 'checkpoint'
  | 'trigger'
  | 'limit'
  | 'require'
  | 'retry'
  | 'restart'
  | 'scheduler'
  | 'concurrency'
  | 'highWaterMark'
  | 'highWaterBytes'
  | 'maxPushed'
  | 'stallAfterMs'
  | 'watchdog'
> & { readonly sinkId: string; readonly mode: RowMode }

/** The options with their defaults. @throws OptionError */
export function querySettings<Dead>(options: QueryOptions<Dead>): QuerySettings {
  validateOptions('writeStream', options, {
    name: required(rules.string),
    checkpoint: required(portRule('open', 'a checkpoint such as fileCheckpoint("checkpoints/name")')),
    trigger: triggerRule,
    limit: rules.object,
    concurrency: rules.positiveInteger,
    highWaterMark: rules.positiveInteger,
    highWaterBytes: rules.limit,
    maxPushed: rules.positiveInteger,
    stallAfter: durationRule,
    watchdog: rules.object,
    retry: rules.object,
    restart: rules.object,
    require: oneOf(...guaranteeLevels),
    sinkId: rules.string,
    mode: oneOf('failFast', 'dropMalformed', 'permissive'),
    deadLetters: portRule('streamWriter', 'a sink such as jsonLines({ path: "dead" })'),
    scheduler: portRule('schedule', 'an RxJS scheduler'),
  })
  const { name, checkpoint, mode = 'failFast', deadLetters, restart } = options
  if (mode === 'dropMalformed' && deadLetters === undefined) {
    throw new OptionError('writeStream: mode "dropMalformed" needs option "deadLetters": nothing is ever only dropped')
  }
  return {
    name,
    checkpoint,
    trigger: options.trigger ?? continuously(),
    limit: batchLimit(options.limit ?? {}),
    require: options.require,
    retry: retryPolicy('writeStream: retry', options.retry),
    restart: restartPolicy(restart),
    scheduler: options.scheduler ?? asyncScheduler,
    concurrency: options.concurrency ?? 4,
    highWaterMark: options.highWaterMark ?? 2,
    highWaterBytes: options.highWaterBytes ?? defaultHighWaterBytes,
    maxPushed: options.maxPushed ?? 1000,
    // 0 is never, and not at once
    stallAfterMs: durationMs(options.stallAfter ?? '1 minute', 'writeStream', 'stallAfter') || Infinity,
    watchdog: watchdogSettings(options.watchdog),
    sinkId: options.sinkId ?? 'main',
    mode,
  }
}

function batchLimit(limit: LimitOptions): Partial<BatchLimit> {
  const owner = 'writeStream: limit'
  validateOptions(owner, limit, {
    maxRows: rules.limit,
    maxBytes: rules.limit,
    maxFiles: rules.limit,
    minRows: rules.nonNegativeInteger,
    maxDelay: durationRule,
  })
  const { maxDelay, minRows = 0, ...read } = given(limit)
  if (minRows > 0 && maxDelay === undefined) {
    throw new OptionError(`${owner}: option "minRows" needs option "maxDelay", or the last rows would wait for ever`)
  }
  if (minRows > (limit.maxRows ?? Infinity))
    throw new OptionError(`${owner}: option "minRows" must not be more than "maxRows"`)
  return {
    ...read,
    minRows,
    ...(maxDelay === undefined ? {} : { maxDelayMs: durationMs(maxDelay, owner, 'maxDelay') }),
  }
}

function restartPolicy(restart: RestartOptions = { maxAttempts: 1 }): RetryPolicy {
  validateOptions('writeStream: restart', restart, { maxAttempts: required(rules.limit), backoff: rules.object })
  return retryPolicy('writeStream: restart', { ...restart.backoff, maxAttempts: restart.maxAttempts })
}
