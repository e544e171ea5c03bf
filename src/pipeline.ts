import {
  concat,
  concatMap,
  defer,
  EMPTY,
  from,
  ignoreElements,
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
import { callPort } from '../operators/call-port.ts'
import { commitTo } from '../operators/commit-to.ts'
import { conflateMap } from '../operators/conflate-map.ts'
import { holdBack } from '../operators/hold-back.ts'
import { latestOffset } from '../operators/latest-offset.ts'
import { locateError } from '../operators/locate-error.ts'
import { logPlan } from '../operators/log-plan.ts'
import { planPartitions } from '../operators/plan-partitions.ts'
import { readPartition } from '../operators/read-partition.ts'
import { recoverBatch } from '../operators/recover-batch.ts'
import { timed } from '../operators/timed.ts'
import { type RowsOperator, transformRows } from '../operators/transform-rows.ts'
import { writeTo } from '../operators/write-to.ts'
import type { BatchRun } from './batch-run.ts'
import { bindPorts } from './bind-ports.ts'
import { Breath } from './breath.ts'
import { mergeBounded } from './merge-bounded.ts'
import type { QueryLog } from './query-log.ts'
import type { RunContext } from './run-context.ts'
import type { StreamWriter } from './sink.ts'
import { type ReadLimit, readAllAvailable, type StreamReader } from './source.ts'
import { longTimer } from './timer.ts'
import type { Trigger, TriggerContext, TriggerOutcome } from './trigger.ts'

/** How much a batch takes: no more than the source's {@link ReadLimit}, no less than `minRows` (unless it has waited for `maxDelayMs`). */
export interface BatchLimit extends ReadLimit {
  /** @default 0 */
  readonly minRows: number
  /** Milliseconds. @default Infinity */
  readonly maxDelayMs: number
}

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
  const { reader, writer, log, context } = pipeline
  const located = { query: context.name }

  const runBatch = (planned: BatchRun<Offset, Partition>): Observable<BatchRun<Offset, Partition>> =>
    of(planned).pipe(
      beginBatch(writer),
      concatMap((batch) =>
        from(batch.committed ? [] : batch.tasks).pipe(
          mergeBounded(
            (task) =>
              attemptPartition(task, (attempt) =>
                readPartition(reader, attempt).pipe(
                  transformRows<Row, Out>(pipeline.operators),
                  writeTo(writer, attempt),
                ),
              ).pipe(locateError({ ...located, batch, partitionId: task.partitionId })),
            context.concurrency,
          ),
          timed(context, 'addBatch', 'completion'),
          commitTo(writer, log, reader, batch),
        ),
      ),
      locateError({ ...located, batch: planned }),
    )

  return defer(() => {
    const plan = batchPlanner(pipeline)
    const outcome$ = new Subject<TriggerOutcome>()
    const breath = new Breath(context.scheduler)
    let recovered: BatchRun<Offset, Partition> | undefined

    const start = recoverBatch(reader, log, context).pipe(
      tap((batch) => {
        recovered = batch
      }),
      ignoreElements(),
    )
    const lookForBatch = defer(() => {
      context.emit({ type: 'triggered' })
      const batch$ = recovered === undefined ? plan.next() : of(recovered).pipe(takeUntil(pipeline.drain$))
      recovered = undefined
      let batchId: number | undefined
      const told = defer(() => {
        const outcome = { batchId, caughtUp: plan.caughtUp(batchId !== undefined) }
        if (batchId === undefined) context.emit({ type: 'idle' })
        breath.ended()
        pipeline.onOutcome(outcome)
        outcome$.next(outcome)
        return EMPTY
      })
      return concat(
        batch$.pipe(
          tap((batch) => {
            batchId = batch.batchId
          }),
          concatMap(runBatch),
        ),
        told,
      )
    })

    const answerTick = defer(() => {
      const pause = breath.pause()
      return pause === undefined ? lookForBatch : concat(pause, lookForBatch)
    })
    const { trigger, kick$, drain$ } = pipeline
    const available$ = reader.available ?? NEVER
    return ticks(trigger, { outcome$, available$, scheduler: context.scheduler }, [kick$, plan.held$], drain$).pipe(
      map(() => answerTick),
      startWith(start),
      conflateMap((step) => step),
      locateError(located),
    )
  })
}

interface BatchPlanner<Offset extends object, Partition> {
  /** The next batch, logged; or nothing. */
  readonly next: () => Observable<BatchRun<Offset, Partition>>
  /** Emits when a range that was held back is due. */
  readonly held$: Observable<unknown>
  readonly caughtUp: (hadBatch: boolean) => boolean
}

function batchPlanner<Offset extends object, Partition, Row extends object, Out extends object, Message>({
  reader,
  log,
  limit,
  trigger,
  context,
  drain$,
}: Pipeline<Offset, Partition, Row, Out, Message>): BatchPlanner<Offset, Partition> {
  const held$ = new Subject<Observable<number>>()
  const bounded = typeof trigger === 'function' && trigger.bounded === true
  const admitted =
    limit.minRows > 0 && !bounded
      ? holdBack(reader, { ...limit, onHeld: (leftMs) => held$.next(longTimer(leftMs, context.scheduler)) }, context)
      : map(<T>(range: T) => range)
  const { compare, reportLatestOffset } = bindPorts(reader, ['compare', 'reportLatestOffset'])
  // Without an order of offsets "reached" can't be told: then all that is there now is one batch.
  const { maxRows, maxBytes, maxFiles } = limit
  const limited = [maxRows, maxBytes, maxFiles].some((value) => value !== Infinity)
  const readLimit = bounded && compare === undefined ? readAllAvailable : { maxRows, maxBytes, maxFiles }
  if (limited && readLimit === readAllAvailable) {
    const message =
      'availableNow takes all there is in one batch and ignores the limit, because the source has no compare'
    context.emit({ type: 'warning', message })
  }
  let target: Offset | undefined
  let whole = false

  const freeze = (): Observable<Offset> =>
    reportLatestOffset === undefined
      ? callPort(context, 'latestOffset', () => reader.latestOffset(log.position as Offset, readAllAvailable))
      : callPort(context, 'reportLatestOffset', () => reportLatestOffset())
  const reached = (): boolean =>
    target !== undefined && compare !== undefined && compare(log.position as Offset, target) >= 0
  const ask = (): Observable<BatchRun<Offset, Partition>> =>
    reached()
      ? EMPTY
      : of(log.position as Offset).pipe(
          latestOffset(reader, readLimit, context),
          admitted,
          planPartitions(reader, context),
          takeUntil(drain$),
          tap(() => {
            whole = bounded && compare === undefined
          }),
          logPlan(log, reader.kind === 'acked' ? {} : reader, context),
        )

  return {
    held$: held$.pipe(switchMap((timer) => timer)),
    next: () =>
      bounded && compare !== undefined && target === undefined
        ? freeze().pipe(
            takeUntil(drain$),
            concatMap((offset) => {
              target = offset
              return ask()
            }),
          )
        : ask(),
    caughtUp: (hadBatch) => bounded && (whole || !hadBatch || reached()),
  }
}

/** The trigger's ticks and others besides, for as long as the trigger goes on. */
function ticks(
  trigger: Trigger,
  context: TriggerContext,
  besides: readonly Observable<unknown>[],
  drain$: Observable<unknown>,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const own = typeof trigger === 'function' ? trigger(context) : trigger
    subscriber.add(
      merge(...besides).subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
      }),
    )
    subscriber.add(own.pipe(takeUntil(drain$)).subscribe(subscriber))
  })
}
