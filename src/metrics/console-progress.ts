import { createLogUpdate } from 'log-update'
import {
  asyncScheduler,
  auditTime,
  distinctUntilChanged,
  EMPTY,
  interval,
  map,
  merge,
  type SchedulerLike,
  Subscription,
  share,
  startWith,
  switchMap,
} from 'rxjs'
import { describeError, OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import { redact } from '../redact.ts'
import type { Monitor } from './monitor.ts'
import type { PartitionSnapshot } from './partition-watch.ts'
import type { QueryProblem, QuerySnapshot } from './query-snapshot.ts'

/** What of a stream is needed: `process.stdout`, `process.stderr`, or one of your own. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }

/** Options of {@link consoleProgress}. */
export interface ConsoleProgressOptions {
  /** @default process.stderr */
  readonly out?: ProgressStream
  /** On a terminal: the partitions, too, as many as fit; those that need a look first. @default false */
  readonly partitions?: boolean
  /** Time. @default asyncScheduler */
  readonly scheduler?: SchedulerLike
}

const everyMs = 250
const partitionsShown = 12

/**
 * Shows on the terminal how queries are doing: on a TTY a line for each that is rewritten in place, else a plain line for each batch and each problem.
 * @returns ends it; what is shown last stays.
 * @throws OptionError
 */
export function consoleProgress(monitor: Monitor, options: ConsoleProgressOptions = {}): Subscription {
  validateOptions('consoleProgress', options, { out: rules.object, partitions: rules.boolean, scheduler: rules.object })
  const { out = process.stderr, partitions = false, scheduler = asyncScheduler } = options
  if (typeof out.write !== 'function')
    throw new OptionError('consoleProgress: option "out" must be a stream to write to')
  return out.isTTY === true ? inPlace(monitor, out, partitions, scheduler) : inLines(monitor, out, scheduler)
}

function inPlace(monitor: Monitor, out: ProgressStream, partitions: boolean, scheduler: SchedulerLike): Subscription {
  // log-update: well kept, and right about wide characters and lines that wrap, which a rewritten line gets wrong by itself.
  const update = createLogUpdate(out)
  const draw = (): void => {
    const now = scheduler.now()
    update(
      monitor
        .queries()
        .flatMap((query) => linesOf(query, now, partitions))
        .map(shownText)
        .join('\n'),
    )
  }
  // Its own error ends it, and nothing else. With no query under way nothing keeps the process.
  let broken = false
  const fail = (error: unknown): void => {
    broken = true
    subscription.unsubscribe()
    process.emitWarning(`consoleProgress has ended: ${redact(describeError(error))}`, 'SluiceWarning')
  }
  const safely = (work: () => void): void => {
    try {
      if (!broken) work()
    } catch (error) {
      fail(error)
    }
  }
  const subscription = new Subscription()
  const changes$ = monitor.changes$.pipe(auditTime(everyMs, scheduler), startWith(undefined), share())
  const ticks$ = changes$.pipe(
    map(() => monitor.queries().some(({ up }) => up)),
    distinctUntilChanged(),
    switchMap((up) => (up ? interval(everyMs, scheduler) : EMPTY)),
  )
  subscription.add(merge(ticks$, changes$).subscribe({ next: () => safely(draw), error: fail }))
  subscription.add(() =>
    safely(() => {
      draw()
      update.done()
    }),
  )
  return subscription
}

function inLines(monitor: Monitor, out: ProgressStream, scheduler: SchedulerLike): Subscription {
  const told = new Map<string, QueryProblem>()
  return new Subscription(
    (() => {
      const changes = monitor.changes$.subscribe(({ query: name, what }) => {
        const query = monitor.queries().find((each) => each.name === name)
        if (query === undefined) return
        if (what === 'batch') out.write(`${shownText(batchLine(query, scheduler.now()))}\n`)
        const [latest] = query.problems
        if (latest === undefined || told.get(name) === latest) return
        told.set(name, latest)
        out.write(`${shownText(problemLine(query.name, latest))}\n`)
      })
      return () => changes.unsubscribe()
    })(),
  )
}

function linesOf(query: QuerySnapshot, now: number, partitions: boolean): readonly string[] {
  const [latest] = query.problems
  const recent = latest !== undefined && now - latest.at < 60_000 ? [`  ${problemLine(query.name, latest)}`] : []
  return [
    batchLine(query, now),
    ...(partitions ? partitionLines(query.partitions, now) : stalledLines(query.partitions, now)),
    ...recent,
  ]
}

/** A line that says it all. */
function batchLine({ name, lastProgress, lags, partitions, up, health, status }: QuerySnapshot, now: number): string {
  const committed = partitions.reduce((sum, { rowsCommitted }) => sum + rowsCommitted, 0)
  const parts = [name]
  if (lastProgress !== undefined) {
    const { batchId, numInputRows, batchDuration, processedRowsPerSecond, timestamp } = lastProgress
    parts.push(`batch ${batchId}: ${count(numInputRows)} rows in ${duration(batchDuration)}`)
    parts.push(`${count(Math.round(processedRowsPerSecond))} rows/s`)
    parts.push(`${count(committed)} committed`)
    if (up) parts.push(`${duration(Math.max(0, now - Date.parse(timestamp) - batchDuration))} ago`)
  }
  if (lags.length > 0) parts.push(`lag ${count(lags.reduce((sum, { rows }) => sum + rows, 0))}`)
  parts.push(health.healthy ? (up ? status.toLowerCase() : health.reason) : `NOT HEALTHY: ${health.reason}`)
  return parts.join(' · ')
}

function stalledLines(partitions: readonly PartitionSnapshot[], now: number): readonly string[] {
  return partitions
    .filter(({ state }) => state === 'stalled')
    .slice(0, 3)
    .map((partition) => partitionLine(partition, now))
}

function partitionLines(partitions: readonly PartitionSnapshot[], now: number): readonly string[] {
  const urgent = ({ state }: PartitionSnapshot): number =>
    state === 'stalled' ? 0 : state === 'failed' ? 1 : state === 'idle' ? 3 : 2
  const sorted = partitions.toSorted((a, b) => urgent(a) - urgent(b) || (b.lagRows ?? 0) - (a.lagRows ?? 0))
  const more = sorted.length - partitionsShown
  return [
    ...sorted.slice(0, partitionsShown).map((partition) => partitionLine(partition, now)),
    ...(more > 0 ? [`  … and ${count(more)} more`] : []),
  ]
}

function partitionLine(
  { partition, state, rowsRead, rowsCommitted, lagRows, lastMovedAt }: PartitionSnapshot,
  now: number,
): string {
  const lag = lagRows === undefined ? '' : `  lag ${count(lagRows)}`
  return `  ${partition.padEnd(20)} ${state.padEnd(12)} ${count(rowsRead).padStart(12)} read ${count(rowsCommitted).padStart(12)} committed  moved ${duration(now - lastMovedAt)} ago${lag}`
}

function problemLine(query: string, { what, message, batchId, partition }: QueryProblem): string {
  const place = [
    query,
    ...(batchId === undefined ? [] : [`batch ${batchId}`]),
    ...(partition === undefined ? [] : [`partition ${partition}`]),
  ]
  return `${what}: ${place.join(', ')}: ${message}`
}

/** Names and errors come from elsewhere: what a terminal would obey (escapes, line ends) is shown as a blank. */
function shownText(line: string): string {
  return line.replace(/\p{Cc}+|\p{Bidi_Control}+/gu, ' ')
}

const number = new Intl.NumberFormat('en')

function count(value: number): string {
  return number.format(value)
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}
