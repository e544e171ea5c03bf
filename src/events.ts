import type { BatchOutcome } from './batch.ts'
import type { Guarantee } from './guarantee.ts'

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
  readonly rowsDropped: number
  readonly durationMs: number
}

/** How far a source is ahead of a batch. */
export interface SourceLag {
  /** Of a union the name in it. */
  readonly source: string
  /** The head of the source, asked while the batch ran. */
  readonly latestOffset: object
  /** Rows from the end of the batch to the head; 0 where the head lies before it. */
  readonly rows: number
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
    }
  | { readonly type: 'triggered' }
  | ({
      readonly type: 'planned'
      readonly start: object
      readonly end: object
      readonly partitions: number
      readonly replay: boolean
    } & InBatch)
  | ({ readonly type: 'partition-started' } & InPartition)
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
  | ({ readonly type: 'skipped' } & InBatch)
  | ({ readonly type: 'sink-committed' } & InBatch)
  | ({ readonly type: 'done'; readonly outcome: BatchOutcome } & InBatch)
  | ({ readonly type: 'source-committed' } & InBatch)
  | ({ readonly type: 'released' } & InBatch)
  | { readonly type: 'phase'; readonly phase: Phase; readonly durationMs: number }
  | { readonly type: 'idle' }
  | { readonly type: 'warning'; readonly message: string; readonly error?: unknown }
  | { readonly type: 'restarting'; readonly attempt: number; readonly delayMs: number; readonly error: unknown }
  | { readonly type: 'failed'; readonly error: unknown }
  | { readonly type: 'stopped' }
