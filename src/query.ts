import { randomUUID } from 'node:crypto'
import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  endWith,
  filter,
  finalize,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  type SchedulerLike,
  Subject,
  takeUntil,
  tap,
  throwError,
} from 'rxjs'
import { commandPort } from '../operators/call-port.ts'
import { detectStalls } from '../operators/detect-stalls.ts'
import { locateError } from '../operators/locate-error.ts'
import { reportLag } from '../operators/report-lag.ts'
import { retryBackoff } from '../operators/retry-backoff.ts'
import type { RowsOperator } from '../operators/transform-rows.ts'
import { usingResource } from '../operators/using-resource.ts'
import { checkReader, checkWriter } from './check-ports.ts'
import type { Checkpoint } from './checkpoint/checkpoint.ts'
import { isDeterministic } from './deterministic.ts'
import { GuaranteeError } from './errors.ts'
import type { QueryEvent, QueryEventBody } from './events.ts'
import type { BatchLimit } from './goal.ts'
import { atLeast, computeGuarantee, type Guarantee, type GuaranteeLevel } from './guarantee.ts'
import { runPipeline } from './pipeline.ts'
import { ProgressBuilder, type QueryProgress } from './progress.ts'
import { QueryLog } from './query-log.ts'
import { redactError } from './redact.ts'
import { fromCommand, type Result } from './result.ts'
import type { RetryPolicy } from './retry.ts'
import { type RunContext, runContext } from './run-context.ts'
import type { Schema } from './schema.ts'
import type { StreamWriter, WriterGuarantee } from './sink.ts'
import { journalPort, readAllAvailable, type StreamReader } from './source.ts'
import { tellSettlements } from './tell-settlements.ts'
import { Tracker } from './tracker.ts'
import type { Trigger, TriggerOutcome } from './trigger.ts'
import { Watchdog } from './watchdog.ts'

/** Everything a run is made from. Reader and writer are made afresh on every start and restart. */
export interface QuerySpec<Offset extends object, Partition, Row extends object, Out extends object, Message> {
  readonly name: string
  readonly source: {
    readonly name: string
    readonly reader: () => StreamReader<Offset, Partition, Row>
    /** Of a union; else the one name. */
    readonly parts: readonly string[]
  }
  readonly operators: readonly RowsOperator[]
  readonly sink: { readonly id: string; readonly name: string; readonly writer: () => StreamWriter<Out, Message> }
  /** Of the rows that reach the sink. */
  readonly schema: Schema | undefined
  readonly checkpoint: Checkpoint
  readonly trigger: Trigger
  readonly limit: Partial<BatchLimit>
  readonly require: GuaranteeLevel | undefined
  readonly retry: RetryPolicy
  readonly restart: RetryPolicy
  readonly scheduler: SchedulerLike
  readonly concurrency: number
  readonly highWaterMark: number
  readonly highWaterBytes: number
  readonly maxPushed: number
  /** Milliseconds; Infinity: no partition is ever said to have stalled. */
  readonly stallAfterMs: number
  /** `undefined`: no attempt is ever given up. */
  readonly watchdog: ConstructorParameters<typeof Watchdog>[0] | undefined
}

/** How a run is steered and observed from outside. */
export interface RunControls {
  readonly kick$: Observable<unknown>
  /** Must repeat its value to late subscribers. */
  readonly drain$: Observable<unknown>
  /** Everything that must settle before the run is over, its lease included. */
  readonly tracker: Tracker
  readonly onEvent: (event: QueryEvent) => void
  readonly onOutcome: (outcome: TriggerOutcome) => void
}

/**
 * One run of a query, from taking the lease to freeing it. Emits the progress of each batch.
 * Completion and errors come after everything is torn down and unlocked; after an unsubscription `controls.tracker` tells when it is.
 */
export function runQuery<Offset extends object, Partition, Row extends object, Out extends object, Message>(
  spec: QuerySpec<Offset, Partition, Row, Out, Message>,
  controls: RunControls,
): Observable<QueryProgress> {
  const emit = (event: QueryEventBody): QueryEvent => {
    const at = spec.scheduler.now()
    const told = 'error' in event ? { at, ...event, error: redactError(event.error) } : { at, ...event }
    controls.onEvent(told)
    return told
  }
  const runs = new Tracker()
  return usingResource({
    open: () => QueryLog.open(spec.checkpoint, spec.source.parts),
    use: (log) => runWithRestarts(spec, controls, log, runs, emit),
    close: (log) => concat(runs.idle, log.close()),
    tracker: controls.tracker,
    onCloseError: (error) => emit({ type: 'warning', message: 'the checkpoint could not be closed', error }),
  }).pipe(
    locateError({ query: spec.name }),
    tap({
      error: (error: unknown) => emit({ type: 'failed', error }),
      complete: () => emit({ type: 'stopped' }),
      unsubscribe: () => controls.tracker.idle.subscribe({ complete: () => emit({ type: 'stopped' }) }),
    }),
  )
}

function runWithRestarts<Offset extends object, Partition, Row extends object, Out extends object, Message>(
  spec: QuerySpec<Offset, Partition, Row, Out, Message>,
  controls: RunControls,
  log: QueryLog,
  runs: Tracker,
  emit: (event: QueryEventBody) => QueryEvent,
): Observable<QueryProgress> {
  const runId = randomUUID()
  let told = false
  let starts = 0
  let waiting = false
  let draining = false
  let failure: unknown
  return defer(() => {
    waiting = false
    // What failed is run again at once. A trigger that is made anew for the run ticks by itself; one that goes on elsewhere doesn't know.
    const kick$ = starts++ === 0 || typeof spec.trigger === 'function' ? controls.kick$ : merge(controls.kick$, of(0))
    const tracker = new Tracker()
    return usingResource({
      open: () => openPorts(spec, emit),
      use: ({ reader, writer }) => {
        const deterministic = spec.operators.every(isDeterministic)
        const repeatable = reader.kind === 'acked' || reader.repeatable !== false
        const guarantee = guaranteeOf(spec, reader, writer, { deterministic, repeatable })
        const builder = new ProgressBuilder({
          id: log.queryId,
          runId,
          name: spec.name,
          sources: spec.source.parts,
          sink: spec.sink.name,
          guarantee,
        })
        const observe = (event: QueryEventBody): void => {
          builder.observe(emit(event))
          event$.next(event)
        }
        // What follows from events, and is told as events: nothing waits for it.
        const event$ = new Subject<QueryEventBody>()
        const derived$ = merge(
          event$.pipe(reportLag(reader, spec.source.parts)),
          event$.pipe(detectStalls(spec.stallAfterMs, spec.scheduler)),
        ).pipe(tap(observe), ignoreElements())
        const context = contextOf(spec, log, observe, tracker, deterministic && repeatable)
        if (!told) {
          emit({
            type: 'started',
            queryId: log.queryId,
            runId,
            name: spec.name,
            guarantee,
            sources: spec.source.parts,
            sink: spec.sink.name,
            ...intervalOf(spec.trigger),
          })
        }
        told = true
        // A source may count on over runs or anew: who adds up has to know where it begins.
        tellSettlements(reader, log.nextBatchId, emit)
        const batches$ = concat(
          startWriter(spec, writer, log, context).pipe(takeUntil(controls.drain$)),
          runPipeline({ ...spec, ...controls, kick$, reader, writer, log, context, limit: limitOf(spec, reader) }).pipe(
            map((batch) => builder.finish(batch, spec.scheduler.now())),
          ),
        )
        return merge(derived$, batches$.pipe(finalize(() => event$.complete())))
      },
      close: ({ reader, writer }) =>
        concat(
          tracker.idle,
          stopPort('sink', () => writer.stop?.(), emit),
          stopPort('source', () => reader.stop?.(), emit),
        ),
      tracker: runs,
      onCloseError: (error) => emit({ type: 'warning', message: 'tear-down failed', error }),
    })
  }).pipe(
    retryBackoff({
      ...spec.restart,
      // A log that may have taken an entry or not can only be read again by opening it again.
      retryable: (error) => !draining && !log.broken && spec.restart.retryable(error),
      resetOnSuccess: true,
      scheduler: spec.scheduler,
      onRetry: (retry) => {
        waiting = true
        failure = retry.error
        emit({ type: 'restarting', ...retry })
      },
    }),
    // No batch is in flight between two runs, so there is nothing to wait for.
    takeUntil(
      controls.drain$.pipe(
        tap(() => {
          draining = true
        }),
        filter(() => waiting),
      ),
    ),
    // What failed before has not been made good: whoever drains hears of it.
    endWith(undefined),
    concatMap((progress) => (progress !== undefined ? of(progress) : waiting ? throwError(() => failure) : EMPTY)),
  )
}

/** When the sink can't be made, the source that was is stopped. */
function openPorts<Offset extends object, Partition, Row extends object, Out extends object, Message>(
  { source, sink }: QuerySpec<Offset, Partition, Row, Out, Message>,
  emit: (event: QueryEventBody) => void,
): Observable<{ readonly reader: StreamReader<Offset, Partition, Row>; readonly writer: StreamWriter<Out, Message> }> {
  return defer(() => {
    const reader = source.reader()
    checkReader(source.name, reader)
    return defer(() => {
      const writer = sink.writer()
      checkWriter(sink.name, writer)
      return of({ reader, writer })
    }).pipe(
      catchError((error: unknown) =>
        concat(
          stopPort('source', () => reader.stop?.(), emit),
          throwError(() => error),
        ),
      ),
    )
  })
}

function guaranteeOf<Offset extends object, Partition, Row extends object, Out extends object, Message>(
  spec: QuerySpec<Offset, Partition, Row, Out, Message>,
  reader: StreamReader<Offset, Partition, Row>,
  writer: StreamWriter<Out, Message>,
  replays: { readonly deterministic: boolean; readonly repeatable: boolean },
): Guarantee {
  const journal = reader.kind === 'acked' ? undefined : reader[journalPort]
  const kind = reader.kind === 'acked' ? 'acked' : journal?.acked === true ? 'journaled' : 'replayable'
  const identity = journal?.identity ?? false
  const durable = spec.checkpoint.durable ?? true
  const of = (promise: WriterGuarantee) =>
    computeGuarantee({ reader: kind, identity, writer: promise, ...replays, durable })
  const whole = of(writer.guarantee)
  const sinks = Object.entries(writer.sinkGuarantees ?? {}).map(([id, promise]) => [id, of(promise)] as const)
  const { require: wanted } = spec
  if (wanted !== undefined && !atLeast(whole.level, wanted)) {
    const weak = sinks.filter(([, { level }]) => !atLeast(level, wanted)).map(([id]) => `sink ${JSON.stringify(id)}`)
    const because = [weak.join(', '), whole.reason].filter((part) => part !== '').join(': ')
    throw new GuaranteeError(`it requires ${wanted}, and it can give ${whole.level}: ${because}`)
  }
  return sinks.length === 0 ? whole : { ...whole, sinks: Object.fromEntries(sinks) }
}

function intervalOf(trigger: Trigger): { readonly intervalMs?: number } {
  const { intervalMs } = trigger as { readonly intervalMs?: number }
  return intervalMs === undefined ? {} : { intervalMs }
}

function contextOf(
  spec: Pick<
    RunContext,
    'name' | 'scheduler' | 'retry' | 'concurrency' | 'highWaterMark' | 'highWaterBytes' | 'maxPushed'
  > & {
    readonly watchdog: ConstructorParameters<typeof Watchdog>[0] | undefined
    readonly sink: { readonly id: string }
  },
  log: QueryLog,
  emit: RunContext['emit'],
  tracker: Tracker,
  deterministic: boolean,
): RunContext {
  const { name, scheduler, retry, concurrency, highWaterMark, highWaterBytes, maxPushed } = spec
  return runContext({
    name,
    scheduler,
    retry,
    concurrency,
    highWaterMark,
    highWaterBytes,
    maxPushed,
    sinkId: spec.sink.id,
    epoch: log.session.epoch,
    deterministic,
    emit,
    tracker,
    ...(spec.watchdog === undefined ? {} : { watchdog: new Watchdog(spec.watchdog) }),
  })
}

function startWriter<Out extends object, Message>(
  spec: { readonly sink: { readonly id: string }; readonly schema: Schema | undefined; readonly name: string },
  writer: StreamWriter<Out, Message>,
  log: QueryLog,
  context: RunContext,
): Observable<never> {
  const { queryId, session } = log
  const start = { queryId, sinkId: spec.sink.id, epoch: session.epoch, schema: spec.schema, onlySink: true }
  return commandPort(context, 'start of the sink', () => writer.start?.(start)).pipe(ignoreElements())
}

function limitOf(
  spec: { readonly limit: Partial<BatchLimit> },
  reader: Pick<StreamReader<never, never, never>, 'defaultLimit'>,
): BatchLimit {
  return { ...readAllAvailable, minRows: 0, maxDelayMs: Infinity, ...reader.defaultLimit, ...spec.limit }
}

function stopPort(port: string, stop: () => Result<unknown>, emit: (event: QueryEventBody) => void): Observable<never> {
  return fromCommand(stop).pipe(
    catchError((error: unknown) => {
      emit({ type: 'warning', message: `stop of the ${port} failed`, error })
      return EMPTY
    }),
    ignoreElements(),
  )
}
