import type { Observable, ObservableInput } from 'rxjs'
import type { PartitionContext, PlannedBatch } from './batch.ts'
import type { CheckpointSession } from './checkpoint/checkpoint.ts'
import type { Result } from './result.ts'

/** How much one batch may take. `Infinity` where nobody set a limit. */
export interface ReadLimit {
  readonly maxRows: number
  readonly maxBytes: number
  readonly maxFiles: number
}

/** No limit at all: what {@link ReaderBase.latestOffset} gets when everything that is there is wanted. */
export const readAllAvailable: ReadLimit = { maxRows: Infinity, maxBytes: Infinity, maxFiles: Infinity }

/** What a call of `read` gets besides its partition. */
export interface ReadContext extends PartitionContext {}

/**
 * What every stream reader offers, in the order in which the engine calls it:
 *
 * `initialOffset` once in the life of a query → for each batch `latestOffset` → `partitions` → (the plan is made durable)
 * → `read` for each partition → (of a queue: `hold`) → (the writer commits, the batch is logged as done) → `commit`. A replayed batch starts at `read`.
 *
 * Every call but `read` is made one at a time; `reportLatestOffset`, and `distance` with it, also beside the others, once a batch, for the lag.
 * A call that fails is repeated by the query's retry policy; not for the lag, which then isn't told.
 */
export interface ReaderBase<Offset extends object, Partition, Row extends object> {
  /** Where a new query begins. Asked once in the life of a query and logged at once, so "now" is a fine answer. */
  readonly initialOffset: () => Result<Offset>
  /**
   * How far the next batch may go: the first position *not* in it.
   * Pure: the same start, limit and state of the source give the same answer. Answer `start` when nothing is new. Respect the limit.
   */
  readonly latestOffset: (start: Offset, limit: ReadLimit) => Result<Offset>
  /** Cuts `[start, end)` into slices that neither overlap nor leave a gap. Pure. `[]` when start equals end. */
  readonly partitions: (start: Offset, end: Offset) => Result<readonly Partition[]>
  /**
   * The rows of one slice, in chunks (hundreds to thousands of rows each). Stateless: partitions are read side by side, and again after a failure.
   * An async generator is pulled at the writer's pace; an Observable can't be paused, and fails when it overruns the writer.
   * Pass `context.signal` on to whatever waits.
   */
  readonly read: (partition: Partition, context: ReadContext) => ObservableInput<readonly Row[]>
  /** Negative when `a` is before `b`. Lets the engine reject regressions and lets `availableNow` go to its target in several batches. */
  readonly compare?: (a: Offset, b: Offset) => number
  /** Rows between two offsets (an estimate is fine): for lag, and for `minRows`. */
  readonly distance?: (from: Offset, to: Offset) => Result<number>
  /** The same by {@link partitionKey}, where partitions have positions of their own: for the lag of each. */
  readonly distances?: (from: Offset, to: Offset) => Result<Readonly<Record<string, number>>>
  /** A stable label for metrics (a station, a queue). Without it the slot number is used. */
  readonly partitionKey?: (partition: Partition) => string
  /** The head of the source, whatever the limit: for lag, and for the target of `availableNow`. */
  readonly reportLatestOffset?: () => Result<Offset>
  /** What a batch takes when the query sets no limit. */
  readonly defaultLimit?: Partial<ReadLimit>
  /** Emits when there may be something to read (push sources). Subscribed once a run, by triggers that listen. */
  readonly available?: Observable<unknown>
  /**
   * Called once at the end of a run, after all calls to the sink and the log have settled. A read that ignores its abort signal
   * may still be under way: nobody waits for it.
   */
  readonly stop?: () => Result<unknown>
}

/** Where `journaled` hangs what only the engine calls. */
export const journalPort: unique symbol = Symbol('sluice.journal')

/** How the engine takes a batch's rows into its journal before anything else happens to them. */
export interface JournalPort {
  /** Whether the source is a queue, so that a crash between journal and acknowledgement delivers again. */
  readonly acked: boolean
  /** Whether rows that are delivered again are recognised. */
  readonly identity: boolean
  /** Once at the start of a run, before anything else. */
  readonly bind: (session: CheckpointSession, last: PlannedBatch | undefined) => Result<unknown>
  /** Reads the rows of a batch that is about to be logged, as encoded journal records. */
  readonly capture: (batch: PlannedBatch, context: ReadContext) => Result<readonly Uint8Array[]>
  /** Rows and plan are durable: the source may forget them. */
  readonly captured: (batch: PlannedBatch) => Result<unknown>
  /** Of a queue, where it counts them. */
  readonly settlements?: (() => SettlementCounts) | undefined
}

/**
 * A source that can be read again at any offset (HTTP by id or time, files, tables, Kafka).
 * `commit(end)` says that everything before `end` is finished for good; it is cumulative, comes after the batch was logged as done,
 * and once more for the last finished batch when a query starts again.
 */
export interface ReplayableReader<Offset extends object, Partition, Row extends object>
  extends ReaderBase<Offset, Partition, Row> {
  readonly kind?: 'replayable'
  /**
   * `false`: reading a partition again may bring other rows, because what is behind it changes (rows are updated or deleted there).
   * Then nothing may recognise rows by their place in a batch. `journaled` makes a source repeatable. @default true
   */
  readonly repeatable?: boolean
  readonly commit?: (end: Offset) => Result<unknown>
  /** Set by `journaled` only. */
  readonly [journalPort]?: JournalPort
}

/** What became of what a queue delivered, counted since the source was made. */
export interface SettlementCounts {
  /** Acknowledged (or rejected for good) on the connection that it came over. */
  readonly acknowledged: number
  /** Given back. */
  readonly released: number
  /** Not acknowledged any more, because its connection was gone: it comes again. */
  readonly stale: number
  /** Delivered before, to whomever. */
  readonly redelivered: number
  /** Put away as poison. */
  readonly deadLettered: number
}

/**
 * A queue: what was delivered can be read again only until it is committed or released on the same connection.
 * The offset counts deliveries (`{ delivered: n }`) and never goes back.
 */
export interface AckedReader<Offset extends object, Partition, Row extends object>
  extends ReaderBase<Offset, Partition, Row> {
  readonly kind: 'acked'
  /** Messages that are delivered and not acknowledged at a time, at most: as many may come again after a crash. */
  readonly outstanding?: number
  /**
   * Fails when `[start, end)` can't be acknowledged any more, because it is being delivered again: its connection was lost since it was read.
   * Called once, right before the writer commits, and not repeated; the batch is then released and abandoned, and the sink never has it.
   * With a writer that gathers until its commit this leaves one way to a repeat: a connection lost between `hold` and the broker's receipt of `commit`.
   */
  readonly hold?: (start: Offset, end: Offset) => Result<unknown>
  /** Acknowledges everything before `end`. Called after the writer committed and the batch was logged as done. Never sends a stale ack. */
  readonly commit: (end: Offset) => Result<unknown>
  /** Gives `[start, end)` back to the queue: the batch failed and is abandoned; the messages come again in a later batch. */
  readonly release: (start: Offset, end: Offset) => Result<unknown>
  /** What became of its deliveries so far, for metrics. Asked before the first batch of a start, and at the end of each. */
  readonly settlements?: () => SettlementCounts
}

/** A source of a stream, of either kind. */
export type StreamReader<Offset extends object, Partition, Row extends object> =
  | ReplayableReader<Offset, Partition, Row>
  | AckedReader<Offset, Partition, Row>

/**
 * A source so small that one call answers everything: the rows since `start` and where they end.
 * With `readBetween` a batch is replayed through it. Without it the source can't repeat itself and must be `journaled`.
 * Rows together with an `end` equal to `start` are an error.
 */
export interface SimpleStreamReader<Offset extends object, Row extends object> {
  readonly initialOffset: () => Result<Offset>
  readonly read: (start: Offset, limit: ReadLimit) => Result<{ readonly rows: readonly Row[]; readonly end: Offset }>
  readonly readBetween?: (start: Offset, end: Offset) => Result<readonly Row[]>
  readonly commit?: (end: Offset) => Result<unknown>
  readonly compare?: (a: Offset, b: Offset) => number
  readonly stop?: () => Result<unknown>
}

/** A source read once from end to end. `partitions` is called once, `read` for each. */
export interface BatchReader<Partition, Row extends object> {
  readonly partitions: () => Result<readonly Partition[]>
  readonly read: (partition: Partition, context: ReadContext) => ObservableInput<readonly Row[]>
  readonly partitionKey?: (partition: Partition) => string
  readonly stop?: () => Result<unknown>
}
