import { type Observable, type Subscription, VirtualTimeScheduler } from 'rxjs'
import { describeError } from '../errors.ts'
import { computeGuarantee, type Guarantee, type GuaranteeInput } from '../guarantee.ts'
import { journaled } from '../journaled.ts'
import { exploredQuery, untilExhausted } from './crash-query.ts'
import { type CrashFailure, expectedIds, judge, type Verdict } from './crash-report.ts'
import { CrashWorld, type Process } from './crash-world.ts'
import type { ModelPipeline, ModelPorts, ModelSourceKind } from './model.ts'
import { ModelStore } from './model-checkpoint.ts'
import { ModelSink, type ModelSinkKind } from './model-sink.ts'
import { ModelQueue, type ModelRow, ModelTable } from './model-source.ts'
import { faultsText, type ScheduledFault } from './schedule.ts'

/** What a schedule is run on. */
export interface ModelShape {
  readonly source: ModelSourceKind
  readonly sink: ModelSinkKind
  readonly rows: number
  readonly maxRows: number
  readonly partitions: number
}

/** What a schedule came to. */
export interface Outcome {
  readonly effects: number
  readonly failure: CrashFailure | undefined
}

/** Runs a pipeline through one schedule. @param id what stands before the `@` of the schedule's id. */
export function runOnModel(
  pipeline: ModelPipeline,
  shape: ModelShape,
  faults: readonly ScheduledFault[],
  id: string,
  isExpected?: (id: number) => boolean,
): Outcome {
  const run = new ModelRun(pipeline, shape, faults)
  const found = run.toTheEnd() ?? run.verdict(isExpected)
  const trace = run.world.story()
  const failure = found && { id: `${id}@${faultsText(faults)}`, ...found, guarantee: run.guarantee, trace }
  return { effects: run.world.effects, failure }
}

/** What a process was found as, when nothing of it moved any more. */
type Ending = 'done' | 'again' | 'still' | Verdict

class ModelRun {
  readonly world: CrashWorld
  readonly #pipeline: ModelPipeline
  readonly #shape: ModelShape
  readonly #faults: readonly ScheduledFault[]
  readonly #store = new ModelStore()
  readonly #sources: readonly Part<ModelTable | ModelQueue>[]
  readonly #sinks: readonly Part<ModelSink>[]
  guarantee: Guarantee

  constructor(pipeline: ModelPipeline, shape: ModelShape, faults: readonly ScheduledFault[]) {
    const { rows, partitions } = shape
    this.world = new CrashWorld(faults)
    this.#pipeline = pipeline
    this.#shape = shape
    this.#faults = faults
    this.#sources = [0, rows].map((first) => ({
      part:
        shape.source === 'replayable'
          ? new ModelTable(rows, partitions, first)
          : new ModelQueue(rows, partitions, first),
      used: false,
    }))
    this.#sinks = [0, 1].map(() => ({ part: new ModelSink(shape.sink), used: false }))
    this.guarantee = expectedGuarantee(shape)
  }

  /** Starts processes until one has ended by itself. @returns what went wrong on the way. */
  toTheEnd(): Verdict | undefined {
    for (;;) {
      const ending = this.#live()
      if (typeof ending === 'object') return ending
      if (ending === 'still') continue
      // Whoever stood still goes on, and then everything is looked at once more.
      const told = this.world.trace.length
      this.world.wake()
      if (this.#late !== undefined) return this.#late
      if (ending === 'done' && this.world.trace.length === told) return undefined
    }
  }

  verdict(isExpected?: (id: number) => boolean): Verdict | undefined {
    const { rows, source } = this.#shape
    const used = this.#sources.flatMap(({ used }, index) => (used ? [index * rows] : []))
    const expected = used.flatMap((first) => expectedIds(rows, isExpected, first))
    const guarantee = this.guarantee
    const ordered = source === 'replayable'
    const verdicts = this.#sinks
      .filter(({ used }) => used)
      .map(({ part }) => judge({ ids: part.ids, expected, guarantee, faults: this.#faults, ordered, firsts: used }))
    return verdicts.find((verdict) => verdict !== undefined)
  }

  #late: Verdict | undefined

  #live(): Ending {
    const scheduler = new VirtualTimeScheduler()
    const process = this.world.start()
    const life = new Life(this.#pipeline(this.#ports(process, scheduler)), process, (guarantee) => {
      this.guarantee = guarantee
    })
    const settle = (): void => {
      scheduler.flush()
      while (process.held === 'slow') {
        process.release()
        scheduler.flush()
      }
      if (process.dead || process.still || life.ended) return
      if (process.held !== 'hang') return
      life.stop() // somebody's patience has come to its end
      scheduler.flush()
      while (process.held !== undefined) {
        process.release()
        scheduler.flush()
      }
      process.die()
    }
    const ending = (): Ending => {
      if (process.dead) return 'again'
      if (!life.ended) return { problem: 'stuck', detail: 'the pipeline neither goes on nor ends' }
      const { error } = life
      if (error === undefined) return 'done'
      if (process.faults > 0) return 'again'
      return { problem: 'failed', detail: describeError(error.cause) }
    }
    const finish = (): Ending => {
      settle()
      if (process.still) return 'still'
      const end = ending()
      if (typeof end === 'object') this.#late ??= end
      life.end()
      return end
    }
    process.onGoingOn(finish)
    return finish()
  }

  #ports(process: Process, scheduler: VirtualTimeScheduler): ModelPorts {
    const [first, second] = [0, 1].map((index) => this.#part(index, process)) as [Parts, Parts]
    const exhausted = (): boolean => this.#sources.every(({ part, used }) => !used || part.exhausted)
    const trigger = untilExhausted(exhausted, 2 * this.#shape.rows)
    const options = exploredQuery(this.#store.checkpoint(process), trigger, this.#shape.maxRows, scheduler)
    return { ...first, options, second }
  }

  #part(index: number, process: Process): Parts {
    const source = this.#sources[index] as Part<ModelTable | ModelQueue>
    const sink = this.#sinks[index] as Part<ModelSink>
    return {
      source: {
        name: index === 0 ? 'model' : 'second model',
        streamReader: () => {
          source.used = true
          return sourceReader(source.part, this.#shape.source, process)
        },
      },
      sink: () => {
        sink.used = true
        return sink.part.writer(process)
      },
    }
  }
}

type Parts = Pick<ModelPorts, 'source' | 'sink'>

interface Part<T> {
  readonly part: T
  used: boolean
}

/** A pipeline that somebody listens to. */
class Life {
  readonly #process: Process
  readonly #subscription: Subscription
  ended = false
  error: { readonly cause: unknown } | undefined

  constructor(pipeline: Observable<unknown>, process: Process, onGuarantee: (guarantee: Guarantee) => void) {
    this.#process = process
    this.#subscription = pipeline.subscribe({
      next: (value) => {
        const guarantee = guaranteeIn(value)
        if (guarantee !== undefined) onGuarantee(guarantee)
      },
      error: (cause: unknown) => {
        this.ended = true
        this.error = { cause }
      },
      complete: () => {
        this.ended = true
      },
    })
  }

  stop(): void {
    this.#subscription.unsubscribe()
  }

  end(): void {
    this.#process.die()
    this.#subscription.unsubscribe()
  }
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

function expectedGuarantee({ source, sink }: Pick<ModelShape, 'source' | 'sink'>): Guarantee {
  const writer: GuaranteeInput['writer'] = sink === 'key' || sink === 'position' ? { idempotent: sink } : sink
  const reader = source === 'journaled' || source === 'identified' ? 'journaled' : source
  return computeGuarantee({ reader, identity: source === 'identified', writer, deterministic: true, durable: true })
}

function guaranteeIn(value: unknown): Guarantee | undefined {
  return typeof value === 'object' && value !== null && 'guarantee' in value
    ? (value.guarantee as Guarantee)
    : undefined
}
