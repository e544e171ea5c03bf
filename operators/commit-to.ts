import {
  catchError,
  concat,
  defer,
  EMPTY,
  ignoreElements,
  isObservable,
  Observable,
  type OperatorFunction,
  throwError,
} from 'rxjs'
import { type Answer, asking, inOrder, whenAnswered } from '../src/answer.ts'
import type { BatchOutcome } from '../src/batch.ts'
import type { BatchRun } from '../src/batch-run.ts'
import { CommitInDoubtError, describeError, PortError, restartsBatch } from '../src/errors.ts'
import type { QueryLog } from '../src/query-log.ts'
import { fromCommand, type Result } from '../src/result.ts'
import type { StreamWriter } from '../src/sink.ts'
import { type AckedReader, journalPort, type ReplayableReader } from '../src/source.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'
import { tellSettlements } from '../src/tell-settlements.ts'
import { askCommand, commandPort } from './call-port.ts'
import { restartBatch } from './restart-batch.ts'
import { timedAnswer } from './timed.ts'
import { uninterrupted, uninterruptible } from './uninterruptible.ts'
import type { PartitionMessage } from './write-to.ts'

/** What `commitTo` needs of a reader. */
export type CommittableReader<Offset extends object> =
  | Pick<ReplayableReader<Offset, never, never>, 'kind' | 'commit' | typeof journalPort>
  | Pick<AckedReader<Offset, never, never>, 'kind' | 'hold' | 'commit' | 'release' | 'settlements'>

/** What `commitTo` needs of a writer. One that says nothing of its guarantee is taken for the weakest. */
export type CommittableWriter<Message> = Pick<StreamWriter<never, Message>, 'begin' | 'commit' | 'abort'> &
  Partial<Pick<StreamWriter<never, Message>, 'guarantee'>>

/**
 * Ends a batch: collects the partitions' messages by slot, then `writer.commit` → the log says done → `reader.commit`, and emits the batch.
 * Where a replay does no harm (a transactional sink, a source without `commit`) and plans come at once, the log says it with the next plan ({@link QueryLog.hold}).
 * A queue is asked before the first of these whether it still holds the batch (`hold`); when it doesn't, the batch fails uncommitted.
 *
 * From `writer.commit` on nothing interrupts it. A commit that fails after its repeats is in doubt: the batch stays planned and is replayed
 * (of a queue: released and abandoned). When the sink says that it has lost the batch, it aborts, and the source is subscribed to
 * once more (see {@link restartBatch}). When a partition fails, or nobody listens any more, the writer aborts instead, after all attempts have settled.
 * **Hazard**: unsubscribing returns before that; wait for `batch.context.tracker.idle`.
 *
 * @returns an Observable of the one batch. Fails with the partitions' error, with `CommitInDoubtError`, or with the log's or the reader's error.
 */
export function commitTo<Offset extends object, Partition, Message>(
  writer: CommittableWriter<Message>,
  log: QueryLog,
  reader: CommittableReader<Offset>,
  batch: BatchRun<Offset, Partition>,
): OperatorFunction<PartitionMessage<Message>, BatchRun<Offset, Partition>> {
  const { context, batchId } = batch
  const ending = new BatchEnding(writer, log, reader, batch)
  const tell =
    (what: string) =>
    (error: unknown): void =>
      context.emit({ type: 'warning', message: `${what} of batch ${batchId} failed`, error })
  const commit = (messages: readonly Message[]): Observable<unknown> =>
    uninterrupted(context.tracker, tell('commit'), () => ending.commit(messages))
  // It never fails: the batch has failed already, with something else.
  const quietly = (step: Observable<unknown>): Observable<unknown> =>
    step.pipe(
      catchError((error: unknown) => {
        tell('abort')(error)
        return EMPTY
      }),
      uninterruptible(context.tracker, tell('abort')),
    )
  const rollBack = (messages: readonly (Message | undefined)[]): Observable<unknown> =>
    quietly(concat(ending.abort(messages), ending.giveBack()))

  const end$ = (source: Observable<PartitionMessage<Message>>): Observable<BatchRun<Offset, Partition>> =>
    new Observable((subscriber) => {
      const messages = new Array<Message | undefined>(batch.tasks.length).fill(undefined)
      const finished = new Set<number>()
      let collecting = true

      subscriber.add(() => {
        if (collecting) rollBack(messages).subscribe()
        collecting = false
      })
      subscribeWithin(subscriber, ending.holding(source), {
        next: ({ partitionId, message }) => {
          messages[partitionId] = message
          finished.add(partitionId)
        },
        error: (error: unknown) => {
          collecting = false
          const undo = restartsBatch(error) ? quietly(ending.abort(messages)) : rollBack(messages)
          undo.subscribe({ complete: () => subscriber.error(error) })
        },
        complete: () => {
          collecting = false
          const missing = batch.committed ? 0 : batch.tasks.length - finished.size
          const outcome =
            missing === 0
              ? commit(messages as Message[])
              : concat(
                  rollBack(messages),
                  throwError(() => new PortError(`${missing} of ${batch.tasks.length} partitions gave no message`)),
                )
          subscribeWithin(subscriber, outcome, {
            error: (error: unknown) => subscriber.error(error),
            complete: () => {
              subscriber.next(batch)
              subscriber.complete()
            },
          })
        },
      })
    })

  return (source) =>
    end$(source).pipe(
      restartBatch(
        writer,
        batch,
        defer(() => quietly(ending.giveBack())),
      ),
    )
}

/** The two ways in which a batch ends, as cold Observables that emit nothing of interest. */
class BatchEnding<Offset extends object, Partition, Message> {
  readonly #writer: CommittableWriter<Message>
  readonly #log: QueryLog
  readonly #reader: CommittableReader<Offset>
  readonly #batch: BatchRun<Offset, Partition>

  constructor(
    writer: CommittableWriter<Message>,
    log: QueryLog,
    reader: CommittableReader<Offset>,
    batch: BatchRun<Offset, Partition>,
  ) {
    this.#writer = writer
    this.#log = log
    this.#reader = reader
    this.#batch = batch
  }

  /** The source, and behind it the question to the queue. It is not repeated: what is delivered to somebody else already doesn't come back. */
  holding<T>(source: Observable<T>): Observable<T> {
    const reader = this.#reader
    const { start, end } = this.#batch
    if (reader.kind !== 'acked' || reader.hold === undefined) return source
    const held = defer(() => (this.#batch.committed ? EMPTY : fromCommand(() => reader.hold?.(start, end))))
    return concat(source, held.pipe(ignoreElements()))
  }

  commit(messages: readonly Message[]): Answer<unknown> {
    const reader = this.#reader
    const { commit } = reader
    const { end } = this.#batch
    const steps: (() => Answer<unknown>)[] = [() => this.#written(messages), () => this.#done('committed')]
    if (commit !== undefined)
      steps.push(() => this.#step('source-committed', 'commit of the source', () => commit.call(reader, end)))
    // Only a queue has any, one behind a journal included.
    if (reader.kind === 'acked' || reader[journalPort] !== undefined) steps.push(() => this.#tellSettlements())
    return inOrder(steps)
  }

  #written(messages: readonly Message[]): Answer<unknown> {
    const { planned, batchId, committed } = this.#batch
    if (committed) return undefined
    const written = this.#step('sink-committed', 'commit of the sink', () => this.#writer.commit(messages, planned))
    if (!isObservable(written)) return written
    return written.pipe(
      catchError((error: unknown) => {
        if (restartsBatch(error)) return throwError(() => error)
        const what = `whether the sink holds batch ${batchId} is unknown: ${describeError(error)}`
        return concat(
          this.giveBack(),
          throwError(() => new CommitInDoubtError(what, { cause: error })),
        )
      }),
    )
  }

  abort(messages: readonly (Message | undefined)[]): Observable<unknown> {
    const writer = this.#writer
    const { abort } = writer
    const { planned, tracker, committed } = this.#batch
    const aborted =
      abort === undefined || committed
        ? EMPTY
        : this.#bestEffort('abort of the sink', () => abort.call(writer, messages, planned))
    return concat(tracker.idle, aborted)
  }

  // A queue's batch can't be read again once it failed: its messages go back, and its id is closed.
  giveBack(): Observable<unknown> {
    const { start, end, batchId, context } = this.#batch
    const reader = this.#reader
    if (reader.kind !== 'acked') return EMPTY
    return concat(
      this.#bestEffort('release of the source', () => reader.release(start, end)),
      asking(() => {
        context.emit({ type: 'released', batchId })
        return inOrder([() => this.#done('abandoned'), () => this.#tellSettlements()])
      }),
    )
  }

  #tellSettlements(): undefined {
    const { context, batchId } = this.#batch
    tellSettlements(this.#reader, batchId, (event) => context.emit(event))
  }

  #done(outcome: BatchOutcome): Answer<unknown> {
    const { planned, batchId, context } = this.#batch
    const log = this.#log
    const tell = (): void => {
      const checkpointBytes = log.session.bytesWritten?.()
      context.emit({ type: 'done', batchId, outcome, ...(checkpointBytes === undefined ? {} : { checkpointBytes }) })
    }
    const bearsReplay = this.#bearsReplay
    // Its rows are read before the plan is logged, and may be long in coming.
    const isJournaled = this.#reader.kind !== 'acked' && this.#reader[journalPort] !== undefined
    const logged = timedAnswer(context, 'commitOffsets', () =>
      bearsReplay && log.plansAtOnce && !isJournaled
        ? log.hold(planned, outcome)
        : log.doneNow(planned, outcome, !bearsReplay && this.#reader.kind !== 'acked'),
    )
    return whenAnswered(logged, tell)
  }

  /**
   * Whether the next run may find the batch planned and not done. A transactional sink has the batch already and skips its replay, for which a source must not have
   * been told to let go of the rows. The log says it with the next plan then, in one go, if that comes at once; else without a sync of its own.
   *
   * Of a queue the log is written before the acknowledgement, and needn't be on the disk by then: a batch that a power failure undoes is closed as abandoned,
   * and what was acknowledged doesn't come again.
   */
  get #bearsReplay(): boolean {
    const reader = this.#reader
    return reader.kind !== 'acked' && reader.commit === undefined && this.#writer.guarantee === 'transactional'
  }

  #step(type: 'sink-committed' | 'source-committed', port: string, call: () => Result<unknown>): Answer<unknown> {
    const { batchId, context } = this.#batch
    const phase = type === 'sink-committed' ? 'sinkCommit' : 'sourceCommit'
    return whenAnswered(askCommand(context, port, call, { batchId, phase }), () => context.emit({ type, batchId }))
  }

  #bestEffort(port: string, call: () => Result<unknown>): Observable<unknown> {
    const { context, batchId } = this.#batch
    return commandPort(context, port, call, { batchId }).pipe(
      catchError((error: unknown) => {
        context.emit({ type: 'warning', message: `${port} failed for batch ${batchId}`, error })
        return EMPTY
      }),
    )
  }
}
