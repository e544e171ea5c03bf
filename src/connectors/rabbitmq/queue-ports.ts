import type { Suspects } from './suspects.ts'

/** Deliveries that were put into batches before, over the life of the query. */
export interface QueueOffset {
  readonly delivered: number
}

/** Deliveries `[from, to)`; of them those of a queue, those of a slice by key. */
export interface QueuePartition {
  readonly from: number
  readonly to: number
  readonly queue?: string
  /** The slice, and how many there are. */
  readonly slice?: number
  readonly of?: number
}

/** What became of deliveries. */
export interface QueueCounts {
  /** By the broker, to this process. */
  delivered: number
  /** Of them, those that had been delivered before, to whomever. */
  redelivered: number
  /** Acknowledged, or rejected, on the channel that they came over. */
  settled: number
  /** Not to be acknowledged any more, because their channel was gone: they are delivered again. */
  stale: number
  /** Given back, because their batch failed. */
  released: number
  deadLettered: number
  /** Channels that were used. */
  generations: number
}

/** What is remembered over all readers of a source: a run that failed is followed by another reader. */
export interface QueueMemory {
  readonly counts: QueueCounts
  /** `undefined` where no message is given up. */
  readonly suspects: Suspects | undefined
  /** Warnings of the start that were told. */
  readonly warned: Set<string>
}
