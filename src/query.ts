import {
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
  Subject,
  takeUntil,
  tap,
  throwError,
} from 'rxjs'
import { detectStalls } from '../operators/detect-stalls.ts'
import { locateError } from '../operators/locate-error.ts'
import { reportLag } from '../operators/report-lag.ts'
import { retryBackoff } from '../operators/retry-backoff.ts'
import { usingResource } from '../operators/using-resource.ts'
import { isDeterministic } from './deterministic.ts'
import type { QueryEvent, QueryEventBody } from './events.ts'
import type { BatchLimit } from './goal.ts'
import { runPipeline } from './pipeline.ts'
import { ProgressBuilder, type QueryProgress } from './progress.ts'
import { guaranteeOf } from './query-guarantee.ts'
import { QueryLog } from './query-log.ts'
import { flushQuietly, openPorts, startWriter, stopPort } from './query-ports.ts'
import type { QuerySpec } from './query-spec.ts'
import { redactError } from './redact.ts'
import { type RunContext, runContext } from './run-context.ts'
import { readAllAvailable, type StreamReader } from './source.ts'
import { tellSettlements } from './tell-settlements.ts'
import { Tracker } from './tracker.ts'
import type { Trigger, TriggerOutcome } from './trigger.ts'
import { Watchdog } from './watchdog.ts'

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
  const emit = (event: QueryEventBody, at = spec.scheduler.now()): QueryEvent => {
    const told = stamped(event, at)
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
  emit: (event: QueryEventBody, at?: number) => QueryEvent,
): Observable<QueryProgress> {
  const runId = crypto.randomUUID()
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
        const observe = (event: QueryEventBody, at?: number): void => {
          const told = emit(event, at)
          builder.observe(told)
          event$.next(told)
        }
        // What follows from events, and is told as events: nothing waits for it.
        const event$ = new Subject<QueryEvent>()
        const derived$ = merge(
          event$.pipe(reportLag(reader, spec.source.parts)),
          event$.pipe(detectStalls(spec.stallAfterMs, spec.scheduler)),
        ).pipe(
          tap((event) => observe(event)),
          ignoreElements(),
        )
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
          flushQuietly(log, emit),
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

function intervalOf(trigger: Trigger): { readonly intervalMs?: number } {
  const { intervalMs } = trigger as { readonly intervalMs?: number }
  return intervalMs === undefined ? {} : { intervalMs }
}

/** Each event is made to be told once, some of them for every chunk: it is no more copied than it has to be. */
function stamped(event: QueryEventBody, at: number): QueryEvent {
  if ('error' in event) return { at, ...event, error: redactError(event.error) }
  const told: QueryEventBody & { at?: number } = event
  told.at = at
  return told as QueryEvent
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

function limitOf(
  spec: { readonly limit: Partial<BatchLimit> },
  reader: Pick<StreamReader<never, never, never>, 'defaultLimit'>,
): BatchLimit {
  return { ...readAllAvailable, minRows: 0, maxDelayMs: Infinity, ...reader.defaultLimit, ...spec.limit }
}
