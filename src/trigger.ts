import {
  defer,
  EMPTY,
  ignoreElements,
  map,
  merge,
  type Observable,
  of,
  repeat,
  type SchedulerLike,
  scan,
  switchMap,
  takeWhile,
} from 'rxjs'
import { type Duration, durationMs, positiveDurationRule } from './duration.ts'
import { OptionError } from './errors.ts'
import { validateOptions } from './options.ts'
import { longTimer } from './timer.ts'

/** What became of a tick. */
export interface TriggerOutcome {
  /** The batch that was finished; `undefined` when there was nothing to do. */
  readonly batchId: number | undefined
  /** The source's position reached the target that was frozen at the start (triggers that are `bounded`). */
  readonly caughtUp: boolean
}

/** What a trigger may listen to. */
export interface TriggerContext {
  /** Emits after each tick was dealt with. It may emit synchronously within the tick. */
  readonly outcome$: Observable<TriggerOutcome>
  /** The source's `available`; never emits where the source has none. */
  readonly available$: Observable<unknown>
  readonly scheduler: SchedulerLike
}

/**
 * What asks for the next batch: any Observable, or a function of the query's context. A tick during a batch is remembered once.
 * When the trigger completes, the query completes after the batch in flight.
 */
export type Trigger = Observable<unknown> | TriggerFunction

/** A trigger that listens to its query. Called once a run. */
export interface TriggerFunction {
  (context: TriggerContext): Observable<unknown>
  /** The query freezes a target when it starts, and {@link TriggerOutcome.caughtUp} says when it is reached. */
  readonly bounded?: true
  /** One batch and no more: it is not held back to wait for `minRows`. */
  readonly single?: true
  /** Of a trigger that follows the clock, milliseconds: a tick during a batch means that the batch took too long. */
  readonly intervalMs?: number
}

/**
 * A batch at once, then at every multiple of the interval on the clock ('1 minute': at each full minute).
 * A batch that takes longer is followed by the next one at once; multiples missed meanwhile are dropped.
 * @param interval 0 means {@link continuously}.
 */
export function processingTime(interval: Duration): TriggerFunction {
  const intervalMs = durationMs(interval, 'processingTime', 'interval')
  if (intervalMs === 0) return continuously()
  const trigger = ({ scheduler }: TriggerContext) =>
    defer(() => {
      let dueMs = -Infinity
      return defer(() => {
        const nowMs = scheduler.now()
        // Timers may fire a little early and clocks are set back: then this round only waits again.
        const tick = nowMs >= dueMs ? of(0) : EMPTY
        dueMs = Math.floor(nowMs / intervalMs) * intervalMs + intervalMs
        // The timer comes first: a batch that blocks the thread for longer than the interval is followed by one at once.
        return merge(longTimer(dueMs - nowMs, scheduler).pipe(ignoreElements()), tick)
      }).pipe(repeat())
    })
  return Object.assign(trigger, { intervalMs })
}

/** Everything that is there when the query starts, in as many batches as the limit makes of it; then the query completes. */
export function availableNow(): TriggerFunction {
  const trigger = ({ outcome$ }: TriggerContext) =>
    merge(outcome$.pipe(takeWhile(({ batchId, caughtUp }) => batchId !== undefined && !caughtUp)), of(0))
  return Object.assign(trigger, { bounded: true } as const)
}

/** One batch at most, within the query's limit (whatever `minRows`); then the query completes. A restart is another run, with a batch of its own. */
export function once(): TriggerFunction {
  return Object.assign(() => of(0), { single: true } as const)
}

/** Options of {@link whenAvailable}. */
export interface WhenAvailableOptions {
  /** How long after an attempt that found nothing the source is asked again, should it not announce anything. @default '10 seconds' */
  readonly maxWait?: Duration
}

/** For push sources: a batch whenever the source announces something, and again as long as batches find something. */
export function whenAvailable(options: WhenAvailableOptions = {}): TriggerFunction {
  validateOptions('whenAvailable', options, { maxWait: positiveDurationRule })
  const maxWaitMs = durationMs(options.maxWait ?? '10 seconds', 'whenAvailable', 'maxWait')
  return (context) =>
    tickAfter(context, context.outcome$.pipe(map(({ batchId }) => (batchId === undefined ? maxWaitMs : 0))))
}

/** Options of {@link continuously}. */
export interface ContinuouslyOptions {
  /** The first wait after an attempt that found nothing; each further one doubles it. A batch starts over. @default '50 milliseconds' */
  readonly minIdle?: Duration
  /** The longest wait. @default '5 seconds' */
  readonly maxIdle?: Duration
}

/** The default trigger: the next batch at once while there is data, and ever longer waits while there is none. */
export function continuously(options: ContinuouslyOptions = {}): TriggerFunction {
  validateOptions('continuously', options, { minIdle: positiveDurationRule, maxIdle: positiveDurationRule })
  const { minIdle = 50, maxIdle = 5_000 } = options
  const minIdleMs = durationMs(minIdle, 'continuously', 'minIdle')
  const maxIdleMs = durationMs(maxIdle, 'continuously', 'maxIdle')
  if (minIdleMs > maxIdleMs) {
    throw new OptionError(
      `continuously: option "minIdle" must not be more than "maxIdle", and they are ${minIdleMs} ms and ${maxIdleMs} ms`,
    )
  }
  const nextIdle = (idleMs: number, { batchId }: TriggerOutcome) =>
    batchId === undefined ? Math.min(maxIdleMs, Math.max(minIdleMs, idleMs * 2)) : 0
  return (context) => tickAfter(context, context.outcome$.pipe(scan(nextIdle, 0)))
}

/**
 * A tick at once, one for each `available$`, and one after each delay (milliseconds; 0 is synchronous); the latest of these replaces what waits.
 * The first tick comes last in the merge: its outcome may be synchronous and must find `outcome$` subscribed.
 */
function tickAfter({ available$, scheduler }: TriggerContext, delay$: Observable<number>): Observable<unknown> {
  return merge(delay$, available$.pipe(map(() => 0)), of(0)).pipe(switchMap((delayMs) => longTimer(delayMs, scheduler)))
}
