import { createLogUpdate } from 'log-update'
import { asyncScheduler, auditTime, interval, merge, type SchedulerLike, Subscription } from 'rxjs'
import { OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import type { Monitor } from './monitor.ts'
import type { PartitionSnapshot } from './partition-watch.ts'
import type { QueryProblem, QuerySnapshot } from './query-watch.ts'

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
        .join('\n'),
    )
  }
  const subscription = merge(
    interval(everyMs, scheduler),
    monitor.changes$.pipe(auditTime(everyMs, scheduler)),
  ).subscribe(draw)
  subscription.add(() => {
    draw()
    update.done()
  })
  return subscription
}

function inLines(monitor: Monitor, out: ProgressStream, scheduler: SchedulerLike): Subscription {
  const told = new Map<string, QueryProblem>()
  return new Subscription(
    (() => {
      const changes = monitor.changes$.subscribe(({ query: name, event }) => {
        const query = monitor.queries().find((each) => each.name === name)
        if (query === undefined) return
        if (event === undefined) out.write(`${batchLine(query, scheduler.now())}\n`)
        const [latest] = query.problems
        if (latest === undefined || told.get(name) === latest) return
        told.set(name, latest)
        out.write(`${problemLine(query.name, latest)}\n`)
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
  return `${what}: ${place.join(', ')}: ${message.replaceAll('\n', ' ')}`
}

const number = new Intl.NumberFormat('en')

function count(value: number): string {
  return number.format(value)
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 120_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}
