import type { Batch, PartitionContext } from './batch.ts'
import type { DeadLetter } from './dead-letter.ts'
import type { Result } from './result.ts'
import type { Schema } from './schema.ts'

/**
 * What a writer promises about a batch that reaches it twice (a crash, a retry):
 * - `transactional`: the batch takes effect once; a replay is recognised by (queryId, sinkId, batchId).
 * - `{ idempotent: 'key' }`: rows overwrite themselves by a natural key.
 * - `{ idempotent: 'position' }`: requests carry {@link WriteContext.idempotencyKey}, and the receiver drops repeats.
 * - `append`: a replay is written again.
 */
export type WriterGuarantee = 'transactional' | { readonly idempotent: 'key' | 'position' } | 'append'

/** What a writer learns when a run begins. */
export interface StartContext {
  readonly queryId: string
  readonly sinkId: string
  /** Fencing token: greater for each process that took the query over. */
  readonly epoch: number
  /** The rows' schema; `undefined` where the pipeline states none. A writer that needs one refuses here. */
  readonly schema: Schema | undefined
  /** Whether the batch is done when this writer has committed it. `false` for one of several sinks; then, and where it is missing, others may commit after it. */
  readonly onlySink?: boolean
}

/** What {@link StreamWriter.open} gets: the partition, and the keys of its requests. */
export interface WriteContext extends PartitionContext {
  readonly sinkId: string
  readonly epoch: number
  /** Whether a replay brings the same rows in the same order. When `false`, {@link idempotencyKey} needs the rows. */
  readonly deterministic: boolean
  /**
   * A key for the request that carries rows `[firstOrdinal, firstOrdinal + count)` of this partition: the same on every retry and replay.
   * Cut requests at fixed ordinals, never at chunk ends or on time. Two identical rows have two keys.
   * @param rows the rows of the request; required where `deterministic` is `false`, so that other rows get another key.
   */
  readonly idempotencyKey: (firstOrdinal: number, count: number, rows?: readonly object[]) => string
}

/**
 * A writer lives as long as a run. Calls, in order:
 *
 * `start` once → for each batch: `begin` → `open` for each partition → (write … finish, or discard) → `commit`, or `abort` → at the end `stop`.
 *
 * Batches never overlap. Partitions of one batch are written side by side.
 *
 * A sink that loses the batch in the middle (its one transaction is gone) says so by an error with `restartsBatch: true`, from any call of a partition or
 * from `commit`: when all partitions have settled come `abort`, then `begin` and all partitions once more, as often as the retry policy has it.
 */
export interface StreamWriter<Row extends object, Message> {
  readonly guarantee: WriterGuarantee
  /** Of a writer that is made of several: what each of them promises, by sink id. It is told beside the guarantee of the whole. */
  readonly sinkGuarantees?: Readonly<Record<string, WriterGuarantee>>
  /** Opens pools, creates tables. */
  readonly start?: (context: StartContext) => Result<unknown>
  /** Answers `committed` when this batch is in the sink already: it is then skipped unread. */
  readonly begin?: (batch: Batch) => Result<'write' | 'committed'>
  /** Once per partition and attempt. */
  readonly open: (context: WriteContext) => Result<PartitionWriter<Row, Message>>
  /**
   * Makes the batch visible. `messages` stand by partition. Idempotent by (queryId, sinkId, batchId): it is repeated when it failed
   * and when a replayed batch reaches it again, possibly after it took effect.
   */
  readonly commit: (messages: readonly Message[], batch: Batch) => Result<unknown>
  /** The batch failed before `commit` was ever called, or is begun again. `undefined` stands for partitions that didn't finish. */
  readonly abort?: (messages: readonly (Message | undefined)[], batch: Batch) => Result<unknown>
  /** Called once at the end of a run, after everything else has settled. */
  readonly stop?: () => Result<unknown>
}

/** Writes one partition in one attempt: `write` … `finish`, or `discard`. */
export interface PartitionWriter<Row extends object, Message> {
  /** Called with one chunk at a time: the next call comes only after this one settled. */
  readonly write: (rows: readonly Row[]) => Result<unknown>
  /** All rows have been written. The message goes to {@link StreamWriter.commit}. */
  readonly finish: () => Result<Message>
  /** The attempt failed, possibly after it finished (a sink beside it did not). Awaited before a further attempt opens. */
  readonly discard?: () => Result<unknown>
  /** Set by `withDeadLetters` only. */
  readonly [deadLetterPort]?: (letters: readonly DeadLetter[]) => Result<unknown>
}

/** Where a writer that also takes refused rows hangs the way to them. */
export const deadLetterPort: unique symbol = Symbol('sluice.deadLetters')
