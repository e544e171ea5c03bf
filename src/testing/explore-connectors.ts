import { OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import type { Result } from '../result.ts'
import { runOnConnectors } from './connector-run.ts'
import type { Connectors, ExploreConnectorsOptions } from './connectors.ts'
import { type CrashFailure, type CrashReport, crashReport, shortestOf } from './crash-report.ts'
import { type Models, models } from './models.ts'
import { type FaultKind, faultKinds, parseFaults, type ScheduledFault, schedulesOf } from './schedule.ts'

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
  let stuck = 0
  const found: { readonly failure: CrashFailure; readonly length: number }[] = []
  const exploration = schedulesOf(faults, crashes)
  for (let step = exploration.next(); step.done !== true; ) {
    schedules++
    const { failure, effects } = await run(step.value)
    if (failure !== undefined) found.push({ failure, length: step.value.length })
    if (failure?.problem === 'stuck' && (step.value.length === 0 || ++stuck === enoughStuck)) break
    step = exploration.next(effects)
  }
  // One fault less was tried before two: what fails with the fewest is there already.
  const failures = found.map(({ failure }) => failure)
  return crashReport(schedules, failures, shortestOf(found, (one) => one)?.failure)
}

/** Each takes all the patience there is: a port that hangs in these hangs in all, and the search would take hours. Without any fault one is enough. */
const enoughStuck = 3

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
