import { asyncScheduler, type SchedulerLike } from 'rxjs'
import type { QueryEventBody } from './events.ts'
import { defaultRetryPolicy, type RetryPolicy } from './retry.ts'
import { Tracker } from './tracker.ts'
import type { Watchdog } from './watchdog.ts'

/** What every stage of a run shares. Stages that are composed by hand get one from {@link runContext}. */
export interface RunContext {
  /** Name of the query: for errors. */
  readonly name: string
  readonly sinkId: string
  /** Fencing token of the checkpoint's session. */
  readonly epoch: number
  readonly scheduler: SchedulerLike
  /** For every call of a port, and for a partition as a whole. */
  readonly retry: RetryPolicy
  /** Partitions read and written side by side. */
  readonly concurrency: number
  /** Chunks of one partition between reader and writer. */
  readonly highWaterMark: number
  /** Bytes of one partition between reader and writer, as far as the source reports them. */
  readonly highWaterBytes: number
  /** Chunks that an Observable `read` may be ahead of the writer before it fails. */
  readonly maxPushed: number
  /** Whether a replay is known to bring the same rows. */
  readonly deterministic: boolean
  /** Never throws. @param at when it happened, by the scheduler, where that is known; else now. */
  readonly emit: (event: QueryEventBody, at?: number) => void
  /** Work that must settle before the lease is freed. */
  readonly tracker: Tracker
  /** Gives up attempts in which nothing moves; one for the run. Without it nobody does. */
  readonly watchdog?: Watchdog
}

/** 64 MiB. */
export const defaultHighWaterBytes = 64 * 2 ** 20

/** A context with its defaults filled in. */
export function runContext(options: Partial<RunContext> = {}): RunContext {
  return {
    name: 'query',
    sinkId: 'main',
    epoch: 1,
    scheduler: asyncScheduler,
    retry: defaultRetryPolicy,
    concurrency: 4,
    highWaterMark: 2,
    highWaterBytes: defaultHighWaterBytes,
    maxPushed: 1000,
    deterministic: true,
    emit: () => {},
    tracker: new Tracker(),
    ...options,
  }
}
