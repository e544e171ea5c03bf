import { AsyncSubject, catchError, concat, defer, EMPTY, ignoreElements, map, type Observable, throwError } from 'rxjs'
import { type Answer, asking } from './answer.ts'
import type { BatchOutcome, PlannedBatch } from './batch.ts'
import type { Checkpoint, CheckpointSession, LogRecord, Recovered } from './checkpoint/checkpoint.ts'
import { CheckpointWriteError } from './errors.ts'
import { frozenCopy } from './offset.ts'
import { fromCommand, fromResult, settle } from './result.ts'
import { Tracker } from './tracker.ts'

/**
 * A checkpoint's session together with where the query stands in it. Every stage that makes something durable goes through here,
 * so that a pipeline that is rebuilt within a run finds what a new process would find.
 */
export class QueryLog {
  readonly session: CheckpointSession
  /** Whether the last plan came as soon as it was asked for, so that the next one may be waited for. Set by `flushMeanwhile`. */
  plansAtOnce = false
  #recovered: Recovered
  #broken: { readonly error: unknown } | undefined
  /** Stands in `recovered` already. */
  #held: LogRecord | undefined
  readonly #tracker = new Tracker()

  constructor(session: CheckpointSession) {
    this.session = session
    this.#recovered = frozenCopy(session.recovered)
  }

  /** Opens the checkpoint, and with it takes its lease. */
  static open(checkpoint: Checkpoint, sources: readonly string[]): Observable<QueryLog> {
    return fromResult('checkpoint.open', () => checkpoint.open({ sources })).pipe(
      map((session) => new QueryLog(session)),
    )
  }

  get queryId(): string {
    return this.session.queryId
  }

  /** A write failed, so that it is unknown what the log holds. */
  get broken(): boolean {
    return this.#broken !== undefined
  }

  get recovered(): Recovered {
    return this.#recovered
  }

  get nextBatchId(): number {
    const last = this.#recovered.pending ?? this.#recovered.done
    return last === undefined ? 0 : last.batchId + 1
  }

  /** Where the next batch starts; `undefined` before the initial offset is known. */
  get position(): object | undefined {
    const { initial, done, pending } = this.#recovered
    return pending?.end ?? done?.end ?? initial
  }

  initial(offset: object): Observable<undefined> {
    return asking(() => this.#write([{ initial: offset }], (state) => ({ ...state, initial: offset })))
  }

  plan(batch: PlannedBatch, journal: readonly Uint8Array[] = []): Observable<undefined> {
    return asking(() => this.planNow(batch, journal))
  }

  /** As {@link plan}, at once. */
  planNow(batch: PlannedBatch, journal: readonly Uint8Array[] = []): Answer<undefined> {
    const rows = journal.map((bytes): LogRecord => ({ journal: batch.batchId, rows: bytes }))
    return this.#write([...rows, { plan: batch }], ({ unplanned: _, ...state }) => ({ ...state, pending: batch }))
  }

  /** @param sync `false` when nothing is lost and nothing comes twice if a power failure undoes it. */
  done(batch: PlannedBatch, outcome: BatchOutcome, sync = true): Observable<undefined> {
    return asking(() => this.doneNow(batch, outcome, sync))
  }

  /** As {@link done}, at once. */
  doneNow(batch: PlannedBatch, outcome: BatchOutcome, sync = true): Answer<undefined> {
    return this.#write([{ done: batch.batchId, outcome }], (state) => withDone(state, batch), sync)
  }

  /**
   * As {@link done}, but written in one go with the next plan, or by {@link flush}: for a batch that may be run once more, without harm, by whoever finds the log
   * without that entry.
   */
  hold(batch: PlannedBatch, outcome: BatchOutcome): undefined {
    this.#held = { done: batch.batchId, outcome }
    this.#recovered = withDone(this.#recovered, batch)
  }

  /** Whether an entry waits for the next one. */
  get holds(): boolean {
    return this.#held !== undefined
  }

  /** Writes what is held. */
  flush(): Observable<never> {
    if (this.#held === undefined) return EMPTY
    return asking(() => this.#write([], (state) => state, false)).pipe(ignoreElements())
  }

  /** Waits for a write in flight, writes what is held, then frees the lease, whatever became of that. */
  close(): Observable<undefined> {
    const close = fromCommand(() => this.session.close())
    const flushed = defer(() => (this.broken ? EMPTY : this.flush())).pipe(
      catchError((error: unknown) =>
        concat(
          close.pipe(ignoreElements()),
          throwError(() => error),
        ),
      ),
    )
    return concat(this.#tracker.idle, flushed, close)
  }

  // A write that was begun runs to its end, whoever listens. After a failed one it is unknown what the log holds,
  // so nothing may be based on it until it is opened again.
  #write(records: readonly LogRecord[], next: (state: Recovered) => Recovered, sync = true): Answer<undefined> {
    if (!this.#tracker.isIdle)
      return concat(
        this.#tracker.idle,
        asking(() => this.#write(records, next, sync)),
      )
    if (this.#broken !== undefined) {
      const { error: cause } = this.#broken
      const message = 'an earlier log entry may or may not have been written; open the checkpoint again to find out'
      return throwError(() => new CheckpointWriteError(message, { cause }))
    }
    const settled = this.#tracker.begin()
    const all = this.#held === undefined ? records : [this.#held, ...records]
    this.#held = undefined
    let answered: Answer<undefined> | 'later' = 'later'
    let later: AsyncSubject<undefined> | undefined
    settle(
      () => this.session.write(all, { sync }),
      () => {
        this.#recovered = next(this.#recovered)
        answered = undefined
        settled()
        later?.next(undefined)
        later?.complete()
      },
      (error) => {
        this.#broken = { error }
        answered = throwError(() => error)
        settled()
        later?.error(error)
      },
    )
    if (answered !== 'later') return answered
    later = new AsyncSubject()
    return later
  }
}

function withDone({ pending: _, ...state }: Recovered, batch: PlannedBatch): Recovered {
  return { ...state, done: batch }
}
