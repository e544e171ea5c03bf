import type { Guarantee } from '../guarantee.ts'
import type { QueryProgress } from '../progress.ts'
import type { SettlementCounts } from '../source.ts'
import type { PartitionSnapshot } from './partition-watch.ts'

/** Something that went wrong. */
export interface QueryProblem {
  /** Milliseconds. */
  readonly at: number
  readonly what: 'partition' | 'retry' | 'stall' | 'watchdog' | 'warning' | 'restart' | 'failed'
  readonly message: string
  readonly batchId?: number
  readonly partition?: string
}

/** How a query is doing. */
export interface QueryHealth {
  readonly healthy: boolean
  /** In words. */
  readonly reason: string
}

/** What a query has counted; times are milliseconds. */
export interface QueryCounts {
  committed: number
  abandoned: number
  replayed: number
  skipped: number
  overruns: number
  starts: number
  restarts: number
  portRetries: number
  warnings: number
  planEntries: number
  planMs: number
  doneEntries: number
  doneMs: number
  checkpointBytes: number
  journalDeduplicated: number
}

/** A query as it stands at one moment. Moments are milliseconds, 0 where something has never happened. */
export interface QuerySnapshot {
  readonly name: string
  readonly queryId: string | undefined
  readonly runId: string | undefined
  readonly sources: readonly string[]
  readonly sink: string | undefined
  readonly guarantee: Guarantee | undefined
  readonly up: boolean
  readonly failed: boolean
  /** In Spark's words. */
  readonly status: string
  readonly health: QueryHealth
  /** 0: the trigger doesn't follow the clock. */
  readonly intervalMs: number
  readonly startedAt: number
  readonly lastActivityAt: number
  readonly lastBatchAt: number
  readonly lastBatchId: number
  readonly counts: Readonly<QueryCounts>
  readonly settlements: SettlementCounts | undefined
  readonly lags: readonly { readonly source: string; readonly rows: number; readonly at: number }[]
  readonly partitions: readonly PartitionSnapshot[]
  /** Under way without a series of their own. */
  readonly otherPartitions: number
  readonly lastProgress: QueryProgress | undefined
  /** Latest first. */
  readonly problems: readonly QueryProblem[]
}
