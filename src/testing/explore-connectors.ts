import type { StreamSink, StreamSource } from '../data-source.ts'
import { OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import type { Result } from '../result.ts'
import { runOnConnectors } from './connector-run.ts'
import { type CrashFailure, type CrashReport, crashReport, shortestOf } from './crash-report.ts'
import { type Models, models } from './models.ts'
import { type FaultKind, faultKinds, parseFaults, type ScheduledFault, schedulesOf } from './schedule.ts'

/**
 * A source and a sink, together with the systems behind them: what outlives a process. Either may be a model:
 * `({ sink }) => ({ source: mine(), ...sink('transactional') })`.
 */
export interface Connectors<Offset extends object, Partition, Row extends object, Message> {
  /** Has all its rows, or gets them while it is looked at; the exploration ends where a look finds nothing new. */
  readonly source: StreamSource<Offset, Partition, Row>
  readonly sink: StreamSink<Row, Message>
  /** The ids of the rows in the sink, in its order. Asked when a schedule is over. */
  readonly ids: () => Result<readonly number[]>
  /**
   * Frees what they hold: folders, tables, servers, and the files and connections that a process which died left open (it isn't stopped, so nobody else closes them).
   * Called when a schedule is over, also when it failed.
   */
  readonly close?: () => Result<unknown>
}

/** Options of {@link exploreConnectors}. */
export interface ExploreConnectorsOptions {
  /** Rows of the source; their ids count from 0, in its order. @default 10 */
  readonly rows?: number
  /** Rows a batch. @default 4 */
  readonly maxRows?: number
  /** What befalls the effects. @default all six */
  readonly faults?: readonly FaultKind[]
  /** Faults in one schedule, of whatever kind: with 2 every pair of effects is tried. @default 1 */
  readonly crashes?: 1 | 2
  /** Ids that are to reach the sink, of those that the source has. @default all */
  readonly expected?: (id: number) => boolean
  /** Only this schedule, by the id from a report; what stands before the `@` is for people. */
  readonly only?: string
  /** A process that hasn't come to its end after so many milliseconds is `stuck`; `make`, `ids` and `close` have as long as they like. @default 10_000 */
  readonly patienceMs?: number
}

/**
 * Runs a source into a sink, and lets something go wrong at every call of their ports and every log record in turn, as {@link exploreCrashes} does on its models.
 * Each time the query is started again on what was durable, to the end; then the rows in the sink are held against the guarantee that the query computed.
 * Partitions are read and written one after the other, so that a schedule is the same on every run, as far as the systems behind are.
 *
 * **Hazard**: a process dies between calls, never within one. What a connector does in several steps of its own needs a test of its own.
 *
 * @param make called anew for each schedule; schedules come one after the other. It is given models, for the side that isn't its own.
 * @throws OptionError
 * @example
 * const report = await exploreConnectors(({ sink }) => {
 *   const numbers = memoryStream<{ id: number }>()
 *   numbers.add(...Array.from({ length: 10 }, (_, id) => ({ id })))
 *   return { source: numbers, ...sink('transactional') }
 * })
 */
export async function exploreConnectors<Offset extends object, Partition, Row extends object, Message>(
  make: (models: Models) => Result<Connectors<Offset, Partition, Row, Message>>,
  options: ExploreConnectorsOptions = {},
): Promise<CrashReport> {
  validateOptions('exploreConnectors', options, {
    rows: rules.positiveInteger,
    maxRows: rules.positiveInteger,
    faults: { expected: `some of ${faultKinds.join(', ')}`, accepts: isSomeFaults },
    crashes: { expected: '1 or 2', accepts: (value) => value === 1 || value === 2 },
    expected: rules.function,
    only: rules.string,
    patienceMs: rules.positiveInteger,
  })
  const { rows = 10, faults = faultKinds, crashes = 1, only } = options
  const run = (scheduled: readonly ScheduledFault[]) => runOnConnectors(() => make(models(rows)), scheduled, options)
  if (only !== undefined) {
    const scheduled = faultsOf(only)
    const { failure, effects } = await run(scheduled)
    if (effects < Math.max(0, ...scheduled.map(({ at }) => at))) {
      throw new OptionError(
        `exploreConnectors: option "only" is ${JSON.stringify(only)}, and there are ${effects} effects`,
      )
    }
    return crashReport(1, failure === undefined ? [] : [failure])
  }

  let schedules = 0
  const found: { readonly failure: CrashFailure; readonly length: number }[] = []
  const exploration = schedulesOf(faults, crashes)
  for (let step = exploration.next(); step.done !== true; ) {
    schedules++
    const { failure, effects } = await run(step.value)
    if (failure !== undefined) found.push({ failure, length: step.value.length })
    step = exploration.next(effects)
  }
  // One fault less was tried before two: what fails with the fewest is there already.
  const failures = found.map(({ failure }) => failure)
  return crashReport(schedules, failures, shortestOf(found, (one) => one)?.failure)
}

function faultsOf(id: string): readonly ScheduledFault[] {
  const faults = id.includes('@') ? parseFaults(id.slice(id.lastIndexOf('@') + 1)) : undefined
  if (faults !== undefined) return faults
  throw new OptionError(
    `exploreConnectors: option "only" must be an id from a report such as "memory/sink@12", and it is ${JSON.stringify(id)}`,
  )
}

function isSomeFaults(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((kind) => faultKinds.includes(kind as FaultKind))
}
