import type { ObservableInput } from 'rxjs'
import type { BatchOutcome, PlannedBatch } from '../batch.ts'
import type { Result } from '../result.ts'

/**
 * The durable memory of one query. Opening it takes the lease: a second opener gets a `CheckpointLockedError`, whatever process it is in.
 */
export interface Checkpoint {
  /** `false` when it does not outlive the process. Default `true`. */
  readonly durable?: boolean
  /**
   * Takes the lease, checks everything it will rely on, and reads where the query stands.
   * Fails with `CheckpointLockedError`, or with `CheckpointCorruptError` (which names the file and what was expected, and leaves all as it was).
   * @param query.sources the names of the query's sources, in order; a checkpoint of other sources is refused.
   */
  readonly open: (query: { readonly sources: readonly string[] }) => Result<CheckpointSession>
}

/** A checkpoint that is open: its holder alone writes to it. */
export interface CheckpointSession {
  /** Stable over restarts. */
  readonly queryId: string
  /** Fencing token: grows by one with each open. */
  readonly epoch: number
  readonly recovered: Recovered
  /**
   * Makes the records durable, in order. Put-if-absent: a record that exists already with other content is a `CheckpointCorruptError`.
   * After an error it is unknown whether they were written (a prefix may have been); only opening again tells.
   * A session that lost its lease fails with `LeaseLostError` and writes nothing.
   * @param options.sync `false`: they must outlive the process from now on, but the machine only from the next write that is synced, or from `close`;
   * until then a power failure may undo them, the last ones first. A checkpoint that gains nothing by it syncs all the same. Default `true`.
   */
  readonly write: (records: readonly LogRecord[], options?: { readonly sync?: boolean }) => Result<unknown>
  /** Plans and journals that it has made durable since it was opened, in bytes; where it counts them. */
  readonly bytesWritten?: () => number
  /** How many finished batches are kept, where that is known. */
  readonly retain?: number
  /** The journaled rows of a batch, one chunk for each `journal` record, in order. Empty when there are none. */
  readonly readJournal?: (batchId: number) => ObservableInput<readonly unknown[]>
  /** Frees the lease. Nothing is written afterwards. */
  readonly close: () => Result<unknown>
}

/** Where a query stands. */
export interface Recovered {
  /** The offset the query began at; `undefined` for a new query. */
  readonly initial?: object
  /**
   * The last finished batch: the query goes on from its `end`. Of a batch that Spark planned no partitions are known, and of Spark's batch 0
   * no start either (`initial` is then `undefined` as well): it is given as the empty range at its `end`.
   */
  readonly done?: PlannedBatch
  /** A batch that was planned and not finished: it is replayed (or, for a queue, abandoned) first. */
  readonly pending?: PlannedBatch
  /** Instead of `pending`: a batch that Spark planned and did not finish. */
  readonly unplanned?: UnplannedBatch
}

/**
 * A range that is fixed in the log without its slices, because Spark doesn't log them. Ask `partitions(start, end)`, write the `plan`
 * with this `batchId`, `start` and `end`, and run it as a replayed batch; `latestOffset` is not asked.
 */
export interface UnplannedBatch {
  readonly batchId: number
  /** Missing for batch 0 of a query whose initial offset is not in the log: ask `initialOffset` and write `initial` first. */
  readonly start?: object
  readonly end: object
}

/**
 * An entry of the log. Offsets of a query with several sources are objects by source name.
 * `journal` rows are encoded by `encodeJournal`; several records of one batch are its chunks.
 */
export type LogRecord =
  | { readonly initial: object }
  | { readonly journal: number; readonly rows: Uint8Array }
  | { readonly plan: PlannedBatch }
  | { readonly done: number; readonly outcome: BatchOutcome }
