import { catchError, concat, defer, EMPTY, ignoreElements, map, Observable, throwError } from 'rxjs'
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
    return this.#write([{ initial: offset }], (state) => ({ ...state, initial: offset }))
  }

  plan(batch: PlannedBatch, journal: readonly Uint8Array[] = []): Observable<undefined> {
    const rows = journal.map((bytes): LogRecord => ({ journal: batch.batchId, rows: bytes }))
    return this.#write([...rows, { plan: batch }], ({ unplanned: _, ...state }) => ({ ...state, pending: batch }))
  }

  /** @param sync `false` when nothing is lost and nothing comes twice if a power failure undoes it. */
  done(batch: PlannedBatch, outcome: BatchOutcome, sync = true): Observable<undefined> {
    const record = { done: batch.batchId, outcome }
    return this.#write([record], (state) => withDone(state, batch), sync)
  }

  /**
   * As {@link done}, but written in one go with the next plan, or by {@link flush}: for a batch that may be run once more, without harm, by whoever finds the log
   * without that entry.
   */
  hold(batch: PlannedBatch, outcome: BatchOutcome): void {
    this.#held = { done: batch.batchId, outcome }
    this.#recovered = withDone(this.#recovered, batch)
  }

  /** Whether an entry waits for the next one. */
  get holds(): boolean {
    return this.#held !== undefined
  }

  /** Writes what is held. */
  flush(): Observable<never> {
    return this.#held === undefined ? EMPTY : this.#write([], (state) => state, false).pipe(ignoreElements())
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

  #write(records: readonly LogRecord[], next: (state: Recovered) => Recovered, sync = true): Observable<undefined> {
    return defer(() => {
      const write = this.#writeNow(records, next, sync)
      return this.#tracker.isIdle ? write : concat(this.#tracker.idle, write)
    })
  }

  // A write that was begun runs to its end, whoever listens. After a failed one it is unknown what the log holds,
  // so nothing may be based on it until it is opened again.
  #writeNow(
    records: readonly LogRecord[],
    next: (state: Recovered) => Recovered,
    sync: boolean,
  ): Observable<undefined> {
    return new Observable((subscriber) => {
      if (this.#broken !== undefined) {
        const message = 'an earlier log entry may or may not have been written; open the checkpoint again to find out'
        subscriber.error(new CheckpointWriteError(message, { cause: this.#broken.error }))
        return
      }
      const settled = this.#tracker.begin()
      const all = this.#held === undefined ? records : [this.#held, ...records]
      this.#held = undefined
      settle(
        () => this.session.write(all, { sync }),
        () => {
          this.#recovered = next(this.#recovered)
          settled()
          subscriber.next(undefined)
          subscriber.complete()
        },
        (error) => {
          this.#broken = { error }
          settled()
          subscriber.error(error)
        },
      )
    })
  }
}

function withDone({ pending: _, ...state }: Recovered, batch: PlannedBatch): Recovered {
  return { ...state, done: batch }
}
