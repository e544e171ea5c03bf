import type { PartitionReport } from './activity.ts'

/**
 * One atomic step of a query: the range `[start, end)` of its source. Ids count 0, 1, 2, … without gaps;
 * a replayed batch has the same id and the same range as the first time.
 */
export interface Batch<Offset extends object = object> {
  /** Stable over restarts: it is kept in the checkpoint. */
  readonly queryId: string
  readonly batchId: number
  readonly start: Offset
  readonly end: Offset
}

/** A batch with the slices it is read in, as the log keeps it. */
export interface PlannedBatch<Offset extends object = object, Partition = unknown> extends Batch<Offset> {
  readonly partitions: readonly Partition[]
}

/** How a batch ended. `abandoned`: a batch of a queue whose messages went back to the queue; they come again in a later batch. */
export type BatchOutcome = 'committed' | 'abandoned'

/** One slice of a batch, for one attempt to read and write it. */
export interface PartitionContext {
  readonly queryId: string
  readonly batchId: number
  /** Index into the batch's partitions. */
  readonly partitionId: number
  /** 0 for the first attempt in this run. */
  readonly attempt: number
  /** Aborted when the attempt is over before it completed: an error elsewhere, an unsubscription. */
  readonly signal: AbortSignal
  /** Tells the engine what it can't see itself. `bytes` adds to the partition's bytes read or written. */
  readonly report: (report: PartitionReport) => void
}
