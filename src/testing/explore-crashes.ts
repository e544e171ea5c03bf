import { OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import { readStream } from '../stream.ts'
import { type CrashReport, crashReport, shortestOf } from './crash-report.ts'
import type { ModelPipeline, ModelSourceKind } from './model.ts'
import { type ModelShape, type Outcome, runOnModel } from './model-run.ts'
import type { ModelSinkKind } from './model-sink.ts'
import { type FaultKind, faultKinds, parseFaults, type ScheduledFault, schedulesOf } from './schedule.ts'
import { type Failing, shrinkOnModel } from './shrink.ts'

/** Options of {@link exploreCrashes}. */
export interface ExploreOptions {
  /** @default all four */
  readonly sources?: readonly ModelSourceKind[]
  /** @default all four */
  readonly sinks?: readonly ModelSinkKind[]
  /** What befalls the effects. @default all six */
  readonly faults?: readonly FaultKind[]
  /** Rows of the source. @default 10 */
  readonly rows?: number
  /** Rows a batch. @default 4 */
  readonly maxRows?: number
  /** Partitions a batch. @default 2 */
  readonly partitions?: number
  /** Faults in one schedule, of whatever kind: with 2 every pair of effects is tried. @default 1 */
  readonly crashes?: 1 | 2
  /** Ids that are to reach the sink, of those that the source has. @default all */
  readonly expected?: (id: number) => boolean
  /** Only this schedule, by the id from a report. */
  readonly only?: string
}

const sourceKinds = ['replayable', 'acked', 'journaled', 'identified'] as const
const sinkKinds = ['transactional', 'key', 'position', 'append'] as const

/**
 * Runs a pipeline against a model source, a model sink and a model checkpoint, and lets something go wrong at every effect in turn: each log record, read,
 * write, commit, acknowledgement, release. The process dies there, the call fails, hangs, answers late or fails although it took effect, or another process takes the lease.
 * Each time the pipeline is started again on what was durable, until it comes to its end by itself; then the rows in the sink are held against
 * the guarantee that the pair of source and sink has. Of what fails, the shortest schedule on the fewest rows is looked for.
 *
 * Deterministic: virtual time, no random numbers. A failing schedule is run again by its id.
 *
 * @param pipeline @default source → sink
 * @throws OptionError
 */
export function exploreCrashes(
  pipeline: ModelPipeline = ({ source, sink, options }) => readStream(source).writeStream(sink, options),
  options: ExploreOptions = {},
): CrashReport {
  validateOptions('exploreCrashes', options, {
    sources: { expected: `some of ${sourceKinds.join(', ')}`, accepts: isSome(sourceKinds) },
    sinks: { expected: `some of ${sinkKinds.join(', ')}`, accepts: isSome(sinkKinds) },
    faults: { expected: `some of ${faultKinds.join(', ')}`, accepts: isSome(faultKinds) },
    rows: rules.positiveInteger,
    maxRows: rules.positiveInteger,
    partitions: rules.positiveInteger,
    crashes: { expected: '1 or 2', accepts: (value) => value === 1 || value === 2 },
    expected: rules.function,
    only: rules.string,
  })
  const { rows = 10, maxRows = 4, partitions = 2, faults = faultKinds, crashes = 1, only } = options
  const run = (shape: ModelShape, scheduled: readonly ScheduledFault[]): Outcome =>
    runOnModel(pipeline, shape, scheduled, nameOf(shape, { rows, maxRows, partitions }), options.expected)
  if (only !== undefined) {
    const { shape, faults: scheduled } = parseId(only, { rows, maxRows, partitions })
    const { failure } = run(shape, scheduled)
    return crashReport(1, failure === undefined ? [] : [failure])
  }

  let schedules = 0
  const failures: Failing[] = []
  for (const source of options.sources ?? sourceKinds) {
    for (const sink of options.sinks ?? sinkKinds) {
      const shape = { source, sink, rows, maxRows, partitions }
      const exploration = schedulesOf(faults, crashes)
      for (let step = exploration.next(); step.done !== true; ) {
        schedules++
        const { failure, effects } = run(shape, step.value)
        if (failure !== undefined) failures.push({ failure, shape, faults: step.value })
        step = exploration.next(effects)
      }
    }
  }
  const shortest = shortestOf(failures, ({ failure, faults: { length } }) => ({ failure, length }))
  return crashReport(
    schedules,
    failures.map(({ failure }) => failure),
    shortest && shrinkOnModel(shortest, run),
  )
}

type Size = Pick<ModelShape, 'rows' | 'maxRows' | 'partitions'>

/** A shape of another size than the exploration's says so. */
function nameOf({ source, sink, ...size }: ModelShape, usual: Size): string {
  const { rows, maxRows, partitions } = size
  const same = rows === usual.rows && maxRows === usual.maxRows && partitions === usual.partitions
  return `${source}/${sink}${same ? '' : `(${rows},${maxRows},${partitions})`}`
}

function parseId(id: string, usual: Size): { readonly shape: ModelShape; readonly faults: readonly ScheduledFault[] } {
  const [, from, to, size, text = ''] = /^(\w+)\/(\w+)(?:\(([1-9]\d*,[1-9]\d*,[1-9]\d*)\))?@(.+)$/.exec(id) ?? []
  const [source, sink] = [sourceKinds.find((kind) => kind === from), sinkKinds.find((kind) => kind === to)]
  const faults = parseFaults(text)
  if (source === undefined || sink === undefined || faults === undefined) {
    throw new OptionError(
      `exploreCrashes: option "only" must be an id from a report such as "acked/append@12", and it is ${JSON.stringify(id)}`,
    )
  }
  if (size === undefined) return { shape: { source, sink, ...usual }, faults }
  const [rows, maxRows, partitions] = size.split(',').map(Number) as [number, number, number]
  return { shape: { source, sink, rows, maxRows, partitions }, faults }
}

function isSome(kinds: readonly string[]): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.length > 0 && value.every((kind) => kinds.includes(kind as string))
}
