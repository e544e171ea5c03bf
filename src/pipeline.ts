import {
  concat,
  concatMap,
  defer,
  EMPTY,
  filter,
  identity,
  ignoreElements,
  isObservable,
  map,
  merge,
  NEVER,
  Observable,
  of,
  Subject,
  startWith,
  switchMap,
  takeUntil,
  tap,
} from 'rxjs'
import { attemptPartition } from '../operators/attempt-partition.ts'
import { beginBatch } from '../operators/begin-batch.ts'
import { commitTo } from '../operators/commit-to.ts'
import { conflateMap } from '../operators/conflate-map.ts'
import { flushed, flushMeanwhile } from '../operators/flush-meanwhile.ts'
import { holdBack } from '../operators/hold-back.ts'
import { latestOffset } from '../operators/latest-offset.ts'
import { locateError } from '../operators/locate-error.ts'
import { logPlan } from '../operators/log-plan.ts'
import { planPartitions } from '../operators/plan-partitions.ts'
import { readPartition } from '../operators/read-partition.ts'
import { recoverBatch } from '../operators/recover-batch.ts'
import { timed } from '../operators/timed.ts'
import { type RowsOperator, transformRows } from '../operators/transform-rows.ts'
import { watchProgress } from '../operators/watch-progress.ts'
import { writeTo } from '../operators/write-to.ts'
import type { BatchRun, PartitionTask } from './batch-run.ts'
import { bindPorts } from './bind-ports.ts'
import { Breath } from './breath.ts'
import { OptionError } from './errors.ts'
import { type BatchLimit, Goal } from './goal.ts'
import { mergeBounded } from './merge-bounded.ts'
import type { QueryLog } from './query-log.ts'
import type { RunContext } from './run-context.ts'
import type { StreamWriter } from './sink.ts'
import { journalPort, type StreamReader } from './source.ts'
import { followedBy } from './subscribe-within.ts'
import { longTimer } from './timer.ts'
import type { Trigger, TriggerContext, TriggerOutcome } from './trigger.ts'

/** Everything a run is composed of. */
export interface Pipeline<Offset extends object, Partition, Row extends object, Out extends object, Message> {
  readonly reader: StreamReader<Offset, Partition, Row>
  readonly operators: readonly RowsOperator[]
  readonly writer: StreamWriter<Out, Message>
  readonly log: QueryLog
  readonly trigger: Trigger
  readonly limit: BatchLimit
  readonly context: RunContext
  /** Asks for a batch besides the trigger. */
  readonly kick$: Observable<unknown>
  /** Emits when no further batch shall begin; must repeat its value to late subscribers. */
  readonly drain$: Observable<unknown>
  /** Told what became of each tick. */
  readonly onOutcome: (outcome: TriggerOutcome) => void
}

/**
 * The whole of it: trigger → latestOffset → partitions → mergeMap(read) → sink → commit.
 *
 * Emits each batch after it was committed. Completes after the trigger has, and the batch in flight.
 */
export function runPipeline<Offset extends object, Partition, Row extends object, Out extends object, Message>(
  pipeline: Pipeline<Offset, Partition, Row, Out, Message>,
): Observable<BatchRun<Offset, Partition>> {
  const { reader, writer, log, limit, context } = pipeline
  const located = { query: context.name }

  const writeBatch = (batch: BatchRun<Offset, Partition>): Observable<BatchRun<Offset, Partition>> =>
    tasksOf(batch).pipe(
      mergeBounded(
        (task) =>
          attemptPartition(task, (attempt) =>
            readPartition(reader, attempt).pipe(
              transformRows<Row, Out>(pipeline.operators),
              watchProgress(attempt, context.watchdog),
              writeTo(writer, attempt),
            ),
          ).pipe(locateError({ ...located, batch, partitionId: task.partitionId })),
        context.concurrency,
      ),
      timed(context, 'addBatch', 'completion'),
      commitTo(writer, log, reader, batch),
    )
  const runBatch = (batch: BatchRun<Offset, Partition>): Observable<BatchRun<Offset, Partition>> =>
    (writer.begin === undefined ? writeBatch(batch) : of(batch).pipe(beginBatch(writer), concatMap(writeBatch))).pipe(
      locateError({ ...located, batch }),
    )

  return defer(() => {
    const { trigger, kick$, drain$ } = pipeline
    const { bounded = false, single = false } = typeof trigger === 'function' ? trigger : {}
    const goal = new Goal(reader, log, limit, bounded, context)
    const held$ = new Subject<Observable<number>>()
    const onHeld = (leftMs: number): void => held$.next(longTimer(leftMs, context.scheduler))
    const holdsBack = limit.minRows > 0 && !bounded && !single
    const admitted = holdsBack ? holdBack(reader, { ...limit, onHeld }, context) : identity
    const position = (): Observable<Offset> => (goal.reached ? EMPTY : of(log.position as Offset))
    const isJournaled = reader.kind !== 'acked' && reader[journalPort] !== undefined
    let drained = false
    const drained$ = drain$.pipe(
      tap(() => {
        drained = true
      }),
    )
    const nextBatch = defer(() => (goal.isFrozen ? position() : concat(goal.frozen, defer(position)))).pipe(
      latestOffset(reader, goal.readLimit, context),
      admitted,
      planPartitions(reader, context),
      // What a journaled source was asked for is journaled: it may have it no more.
      isJournaled ? identity : takeUntil(drained$),
      flushMeanwhile(log, context),
      filter(() => isJournaled || !drained),
      logPlan(log, reader.kind === 'acked' ? bindPorts(reader, ['partitionKey']) : reader, context),
    )
    const outcome$ = new Subject<TriggerOutcome>()
    const breath = new Breath(context.scheduler)
    let recovered: BatchRun<Offset, Partition> | undefined

    const start = recoverBatch(reader, log, context).pipe(
      takeUntil(drain$),
      tap((batch) => {
        recovered = batch
      }),
      ignoreElements(),
    )
    let answering = false
    let asked = false
    const lookForBatch = (): Observable<BatchRun<Offset, Partition>> => {
      answering = true
      context.emit({ type: 'triggered' })
      const batch$ = recovered === undefined ? nextBatch : of(recovered).pipe(takeUntil(drain$))
      recovered = undefined
      let batchId: number | undefined
      const tell = (outcome: TriggerOutcome): Observable<never> => {
        if (batchId === undefined) context.emit({ type: 'idle' })
        breath.ended()
        answering = false
        pipeline.onOutcome(outcome)
        outcome$.next(outcome)
        return asked ? EMPTY : flushed(log, context)
      }
      // That the batch is done is logged with the next plan, when that comes at once.
      const told = (): Observable<never> => {
        const outcome = { batchId, caughtUp: goal.caughtUp(batchId !== undefined) }
        if (!log.holds || (batchId !== undefined && !outcome.caughtUp)) return tell(outcome)
        return flushed(log, context).pipe(followedBy(() => tell(outcome)))
      }
      return batch$.pipe(
        concatMap((batch) => {
          batchId = batch.batchId
          if (!batch.replay) goal.planned()
          return runBatch(batch)
        }),
        followedBy<BatchRun<Offset, Partition>>(told),
      )
    }

    const answerTick = (): Observable<BatchRun<Offset, Partition>> => {
      asked = false
      const pause = breath.pause()
      return pause === undefined ? lookForBatch() : concat(flushed(log, context), pause, defer(lookForBatch))
    }
    const available$ = reader.available ?? NEVER
    return ticks(
      trigger,
      { outcome$, available$, scheduler: context.scheduler },
      [kick$, held$.pipe(switchMap((timer) => timer))],
      drain$,
      () => {
        if (answering && followsClock(trigger)) context.emit({ type: 'overrun' })
      },
    ).pipe(
      map(() => {
        asked = true
        return answerTick
      }),
      startWith(() => start),
      conflateMap((step) => step()),
      locateError(located),
    )
  })
}

/** None of a batch that the sink holds, which may turn out each time anew. */
function tasksOf<Partition>(batch: BatchRun<object, Partition>): Observable<PartitionTask<Partition>> {
  return new Observable((subscriber) => {
    for (const task of batch.committed ? [] : batch.tasks) subscriber.next(task)
    subscriber.complete()
  })
}

/** Whether it ticks whatever the query does, so that a tick during a batch means that the batch took too long. */
function followsClock(trigger: Trigger): boolean {
  return typeof trigger !== 'function' || trigger.intervalMs !== undefined
}

/** The trigger's ticks and others besides, for as long as the trigger goes on. */
function ticks(
  trigger: Trigger,
  context: TriggerContext,
  besides: readonly Observable<unknown>[],
  drain$: Observable<unknown>,
  onTick: () => void,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const own: unknown = typeof trigger === 'function' ? trigger(context) : trigger
    if (!isObservable(own)) {
      throw new OptionError(
        'writeStream: option "trigger" must be an Observable or a function that answers with one; was its call forgotten (availableNow instead of availableNow())?',
      )
    }
    subscriber.add(
      merge(...besides).subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
      }),
    )
    subscriber.add(own.pipe(tap(onTick), takeUntil(drain$)).subscribe(subscriber))
  })
}
