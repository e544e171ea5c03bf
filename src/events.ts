import type { Activity, ActivityTimes } from './activity.ts'
import type { BatchOutcome } from './batch.ts'
import type { Guarantee } from './guarantee.ts'
import type { SettlementCounts } from './source.ts'

/** Steps of a trigger, by Spark's names where Spark has them: `addBatch` reads and writes, `commitOffsets` logs the batch as done. */
export type Phase =
  | 'latestOffset'
  | 'queryPlanning'
  | 'walCommit'
  | 'addBatch'
  | 'sinkCommit'
  | 'commitOffsets'
  | 'sourceCommit'

/** Where an event belongs. */
interface InBatch {
  readonly batchId: number
}

interface InPartition extends InBatch {
  readonly partitionId: number
  /** The source's stable label, else the slot number. */
  readonly partition: string
  readonly attempt: number
}

/** Rows and time of one finished attempt. */
export interface PartitionFigures {
  readonly chunksRead: number
  readonly rowsRead: number
  /** As reported by the source through `context.report`. */
  readonly bytesRead: number
  readonly rowsWritten: number
  /** As reported by the sink through `context.report`. */
  readonly bytesWritten: number
  /** Refused rows, which went to the dead-letter sink. */
  readonly rowsDropped: number
  /** Rows that `filterRows` left out. */
  readonly rowsFiltered: number
  /** Rows that the source left out because they were known already, as far as it reports them. */
  readonly rowsDeduplicated: number
  /** Rows that the source left out because they came too late, as far as it reports them. */
  readonly rowsLate: number
  readonly durationMs: number
}

/** An attempt as it stands at the moment of asking. Times are milliseconds; moments are those of the run's scheduler. */
export interface LiveFigures extends PartitionFigures {
  readonly startedAt: number
  readonly activity: Activity
  /** All of them together are the time since `startedAt`. */
  readonly activityMs: ActivityTimes
  /** With a chunk asked for, in `write` and in `finish`; unlike activities these run side by side. */
  readonly readMs: number
  readonly writeMs: number
  readonly finishMs: number
  /** Handed to the writer and not written yet. */
  readonly rowsInFlight: number
  /** Between reader and writer, in operators too. */
  readonly chunksInFlight: number
  /** When a chunk last came; 0: none has. */
  readonly lastReadAt: number
  /** When a chunk with rows last came; 0: none has. */
  readonly lastRowAt: number
  /** When a write last ended; 0: none has. */
  readonly lastWriteAt: number
}

/** How far a source is ahead of a batch. */
export interface SourceLag {
  /** Of a union the name in it. */
  readonly source: string
  /** The head of the source, asked while the batch ran. */
  readonly latestOffset: object
  /** Rows from the end of the batch to the head; 0 where the head lies before it. */
  readonly rows: number
  /** The same by partition, where the source can tell it. */
  readonly partitions?: Readonly<Record<string, number>>
}

/** What happens in a query, in the order in which it happens: the one place that metrics, logs and pages observe. */
export type QueryEvent = { readonly at: number } & QueryEventBody

/** What happened; {@link QueryEvent} adds in which query, and when. */
export type QueryEventBody =
  | {
      readonly type: 'started'
      readonly queryId: string
      readonly runId: string
      readonly name: string
      readonly guarantee: Guarantee
      /** Several in a union. */
      readonly sources: readonly string[]
      readonly sink: string
      /** Milliseconds, of a trigger that follows the clock. */
      readonly intervalMs?: number
    }
  | { readonly type: 'triggered' }
  // A tick of the trigger came during a batch.
  | { readonly type: 'overrun' }
  | ({
      readonly type: 'planned'
      readonly start: object
      readonly end: object
      readonly partitions: number
      readonly replay: boolean
    } & InBatch)
  // Of a journaled source: its rows are about to be made durable.
  | ({ readonly type: 'captured'; readonly bytes: number; readonly deduplicated: number } & InBatch)
  // `figures` can be asked at any time, also after the end: nothing is told for each chunk that is written.
  | ({ readonly type: 'partition-started'; readonly figures: () => LiveFigures } & InPartition)
  | ({ readonly type: 'partition-progress'; readonly rows: number } & InPartition)
  | ({ readonly type: 'partition-finished' } & InPartition & PartitionFigures)
  | ({ readonly type: 'partition-failed'; readonly error: unknown } & InPartition)
  | {
      readonly type: 'retry'
      readonly port: string
      readonly attempt: number
      readonly delayMs: number
      readonly error: unknown
      readonly batchId?: number
      readonly partitionId?: number
    }
  // May come after the end of its batch: nothing waits for the answer.
  | ({ readonly type: 'lag'; readonly sources: readonly SourceLag[] } & InBatch)
  // Once for each time that nothing more came from a partition; `idleMs` is for how long.
  | ({ readonly type: 'stall'; readonly idleMs: number } & InPartition)
  // The watchdog gave an attempt up: nothing came for `idleMs`, where `limitMs` were allowed.
  | ({
      readonly type: 'watchdog'
      readonly idleMs: number
      readonly limitMs: number
      readonly figures: LiveFigures
    } & InPartition)
  | ({ readonly type: 'skipped' } & InBatch)
  | ({ readonly type: 'sink-committed' } & InBatch)
  // `checkpointBytes`: written into the checkpoint since it was opened, where it counts them.
  | ({ readonly type: 'done'; readonly outcome: BatchOutcome; readonly checkpointBytes?: number } & InBatch)
  | ({ readonly type: 'source-committed' } & InBatch)
  | ({ readonly type: 'released' } & InBatch)
  // Before the first batch of a start, and at the end of each.
  | ({ readonly type: 'settlements'; readonly counts: SettlementCounts } & InBatch)
  | { readonly type: 'phase'; readonly phase: Phase; readonly durationMs: number }
  | { readonly type: 'idle' }
  | { readonly type: 'warning'; readonly message: string; readonly error?: unknown }
  | { readonly type: 'restarting'; readonly attempt: number; readonly delayMs: number; readonly error: unknown }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'stopped' }
