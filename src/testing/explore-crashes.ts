import { type Observable, VirtualTimeScheduler } from 'rxjs'
import { memoryCheckpoint } from '../checkpoint/memory.ts'
import type { StreamSource } from '../data-source.ts'
import { describeError, OptionError } from '../errors.ts'
import { computeGuarantee, type Guarantee, type GuaranteeInput } from '../guarantee.ts'
import { journaled } from '../journaled.ts'
import { rules, validateOptions } from '../options.ts'
import type { QueryOptions } from '../query-options.ts'
import type { StreamWriter } from '../sink.ts'
import { readStream } from '../stream.ts'
import { crashesText, exploredQuery, parseCrashes, untilExhausted } from './crash-query.ts'
import { type CrashFailure, type CrashReport, crashReport, expectedIds, judge, type Verdict } from './crash-report.ts'
import { CrashWorld, type Process } from './crash-world.ts'
import { modelCheckpoint } from './model-checkpoint.ts'
import { type ModelOut, ModelSink, type ModelSinkKind } from './model-sink.ts'
import { type ModelOffset, ModelQueue, type ModelRange, type ModelRow, ModelTable } from './model-source.ts'

/**
 * - `replayable`: a table that grows; `acked`: a queue;
 * - `journaled`: the queue behind a journal; `identified`: the same, with an identity.
 */
export type ModelSourceKind = 'replayable' | 'acked' | 'journaled' | 'identified'

/** What a pipeline under exploration is made of. Use them as they are, or wrapped. */
export interface ModelPorts {
  readonly source: StreamSource<ModelOffset, ModelRange, ModelRow>
  readonly sink: () => StreamWriter<ModelOut, readonly number[]>
  /** For `writeStream`: name, checkpoint, trigger, limit, time. */
  readonly options: QueryOptions<never>
}

/** Builds the pipeline anew for each process: `({ source, sink, options }) => readStream(source).pipe(…).writeStream(sink, options)`. */
export type ModelPipeline = (ports: ModelPorts) => Observable<unknown>

/** Options of {@link exploreCrashes}. */
export interface ExploreOptions {
  /** @default all four */
  readonly sources?: readonly ModelSourceKind[]
  /** @default all four */
  readonly sinks?: readonly ModelSinkKind[]
  /** Rows of the source. @default 10 */
  readonly rows?: number
  /** Rows a batch. @default 4 */
  readonly maxRows?: number
  /** Partitions a batch. @default 2 */
  readonly partitions?: number
  /** Crashes in one schedule: with 2 every pair of effects is tried. @default 1 */
  readonly crashes?: 1 | 2
  /** Ids that are to reach the sink, of those that the source has. @default all */
  readonly expected?: (id: number) => boolean
  /** Only this schedule, by the id from a report. */
  readonly only?: string
}

const sourceKinds = ['replayable', 'acked', 'journaled', 'identified'] as const
const sinkKinds = ['transactional', 'key', 'position', 'append'] as const

/**
 * Runs a pipeline against a model source, a model sink and a model checkpoint, and lets its process die after every effect in turn: each log record, read,
 * write, commit, acknowledgement, release. Each time it is started again on what was durable, to the end; then the rows in the sink are held against
 * the guarantee that the pair of source and sink has.
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
    rows: rules.positiveInteger,
    maxRows: rules.positiveInteger,
    partitions: rules.positiveInteger,
    crashes: { expected: '1 or 2', accepts: (value) => value === 1 || value === 2 },
    expected: rules.function,
    only: rules.string,
  })
  const schedules: Schedule[] = []
  const failures: CrashFailure[] = []
  const run = (schedule: Schedule): number => {
    schedules.push(schedule)
    const { failure, effects } = runSchedule(pipeline, schedule, options)
    if (failure !== undefined) failures.push(failure)
    return effects
  }
  // The run with one crash more goes the same way up to that crash, so its parent's effects are all there is to try.
  const explore = (schedule: Schedule, crashesLeft: number): void => {
    const effects = run(schedule)
    if (crashesLeft === 0) return
    for (let at = (schedule.crashes.at(-1) ?? 0) + 1; at <= effects; at++) {
      explore({ ...schedule, crashes: [...schedule.crashes, at] }, crashesLeft - 1)
    }
  }

  if (options.only !== undefined) run(parseSchedule(options.only))
  else {
    for (const source of options.sources ?? sourceKinds) {
      for (const sink of options.sinks ?? sinkKinds) explore({ source, sink, crashes: [] }, options.crashes ?? 1)
    }
  }
  return crashReport(schedules.length, failures)
}

interface Schedule {
  readonly source: ModelSourceKind
  readonly sink: ModelSinkKind
  /** The process dies after these effects, counted from 1 over all processes. */
  readonly crashes: readonly number[]
}

function scheduleId({ source, sink, crashes }: Schedule): string {
  return `${source}/${sink}@${crashesText(crashes)}`
}

function parseSchedule(id: string): Schedule {
  const [, source, sink, text = ''] = /^(\w+)\/(\w+)@(.+)$/.exec(id) ?? []
  const found = { source: sourceKinds.find((kind) => kind === source), sink: sinkKinds.find((kind) => kind === sink) }
  const crashes = parseCrashes(text)
  if (found.source === undefined || found.sink === undefined || crashes === undefined) {
    throw new OptionError(
      `exploreCrashes: option "only" must be an id from a report such as "acked/append@12", and it is ${JSON.stringify(id)}`,
    )
  }
  return { source: found.source, sink: found.sink, crashes }
}

interface Outcome {
  readonly effects: number
  readonly failure: CrashFailure | undefined
}

function runSchedule(pipeline: ModelPipeline, schedule: Schedule, options: ExploreOptions): Outcome {
  const { rows = 10, maxRows = 4, partitions = 2 } = options
  const world = new CrashWorld(schedule.crashes)
  const source = schedule.source === 'replayable' ? new ModelTable(rows, partitions) : new ModelQueue(rows, partitions)
  const sink = new ModelSink(schedule.sink)
  const store = memoryCheckpoint()
  let guarantee = expectedGuarantee(schedule)
  let problem: Verdict | undefined

  for (let process = world.start(), died = true; died; process = world.start()) {
    const scheduler = new VirtualTimeScheduler()
    const lifetime = process
    const ports: ModelPorts = {
      source: { name: 'model', streamReader: () => sourceReader(source, schedule.source, lifetime) },
      sink: () => sink.writer(lifetime),
      options: exploredQuery(
        modelCheckpoint(store, lifetime),
        untilExhausted(() => source.exhausted, rows),
        maxRows,
        scheduler,
      ),
    }
    let ended = false
    const subscription = pipeline(ports).subscribe({
      next: (value) => {
        guarantee = guaranteeIn(value) ?? guarantee
      },
      error: (error: unknown) => {
        ended = true
        problem = { problem: 'failed', detail: describeError(error) }
      },
      complete: () => {
        ended = true
      },
    })
    scheduler.flush()
    died = lifetime.dead
    if (!died && !ended) problem = { problem: 'stuck', detail: 'the pipeline neither goes on nor ends' }
    lifetime.die()
    subscription.unsubscribe()
  }
  problem ??= judge({
    ids: sink.ids,
    expected: expectedIds(rows, options.expected),
    guarantee,
    crashes: schedule.crashes,
    ordered: schedule.source === 'replayable',
  })
  const failure =
    problem === undefined ? undefined : { id: scheduleId(schedule), ...problem, guarantee, trace: world.story() }
  return { effects: world.effects, failure }
}

function sourceReader(
  source: ModelTable | ModelQueue,
  kind: ModelSourceKind,
  process: Process,
): ReturnType<ModelPorts['source']['streamReader']> {
  const reader = source.reader(process)
  if (kind === 'replayable' || kind === 'acked') return reader
  const identity = kind === 'identified' ? { identity: ({ id }: ModelRow) => String(id) } : {}
  // Partitions are opaque to whoever wraps the ports; a journaled source's are of its own kind.
  return journaled(reader, identity) as unknown as ReturnType<ModelPorts['source']['streamReader']>
}

function expectedGuarantee({ source, sink }: Schedule): Guarantee {
  const writer: GuaranteeInput['writer'] = sink === 'key' || sink === 'position' ? { idempotent: sink } : sink
  const reader = source === 'journaled' || source === 'identified' ? 'journaled' : source
  return computeGuarantee({ reader, identity: source === 'identified', writer, deterministic: true, durable: true })
}

function guaranteeIn(value: unknown): Guarantee | undefined {
  return typeof value === 'object' && value !== null && 'guarantee' in value
    ? (value.guarantee as Guarantee)
    : undefined
}

function isSome(kinds: readonly string[]): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && value.length > 0 && value.every((kind) => kinds.includes(kind as string))
}
