import { firstValueFrom, VirtualTimeScheduler } from 'rxjs'
import { describeError, OptionError } from '../errors.ts'
import type { Guarantee } from '../guarantee.ts'
import { fromCommand, fromResult, type Result } from '../result.ts'
import type { HasColumns } from '../row.ts'
import { journalPort, type StreamReader } from '../source.ts'
import { readStream } from '../stream.ts'
import { within } from './conformance/conformance-test.ts'
import type { Connectors, ExploreConnectorsOptions } from './connectors.ts'
import { readerOf, writerOf } from './crash-ports.ts'
import { exploredQuery, untilExhausted } from './crash-query.ts'
import { expectedIds, judge, type Verdict } from './crash-report.ts'
import { CrashWorld, type Process } from './crash-world.ts'
import { ModelStore } from './model-checkpoint.ts'
import type { Outcome } from './model-run.ts'
import { faultsText, type ScheduledFault } from './schedule.ts'

/** Runs connectors through one schedule. */
export async function runOnConnectors<Offset extends object, Partition, Row extends object, Message>(
  make: () => Result<Connectors<Offset, Partition, Row, Message>>,
  faults: readonly ScheduledFault[],
  options: ExploreConnectorsOptions,
): Promise<Outcome> {
  const { rows = 10, patienceMs = 10_000 } = options
  const answer = <T>(port: string, call: () => Result<T>): Promise<T> =>
    within(firstValueFrom(fromResult(port, call)), JSON.stringify(port), patienceMs)
  const connectors = await answer('make', make)
  const { source, sink, ids, close } = connectors
  if (typeof ids !== 'function')
    throw new OptionError('exploreConnectors: what "make" answers with must have "ids", which says what is in the sink')
  const run = new ConnectorRun(connectors, faults, options)
  try {
    const problem = await run.toTheEnd()
    const { guarantee, ordered, world } = run
    const expected = expectedIds(rows, options.expected)
    const verdict = problem ?? judge({ ids: await answer('ids', ids), expected, guarantee, faults, ordered })
    const id = `${source.name}/${typeof sink === 'function' ? 'sink' : sink.name}@${faultsText(faults)}`
    const failure = verdict && { id, ...verdict, guarantee, trace: world.story() }
    return { effects: world.effects, failure }
  } finally {
    if (close !== undefined) await within(firstValueFrom(fromCommand(close)), '"close"', patienceMs)
  }
}

/** A process and its query. */
interface Life {
  readonly process: Process
  readonly scheduler: VirtualTimeScheduler
  readonly stop: () => void
  /** How it ended, if it did. */
  ended: { readonly error?: unknown } | undefined
}

/** Turns of the event loop without an effect after which a call that is held may answer. */
const quietTurns = 25

class ConnectorRun<Offset extends object, Partition, Row extends object, Message> {
  readonly world: CrashWorld
  guarantee: Guarantee = { level: 'at-least-once', reason: 'the query did not start' }
  ordered = true
  readonly #connectors: Connectors<Offset, Partition, Row, Message>
  readonly #options: ExploreConnectorsOptions
  readonly #store = new ModelStore()
  /** Those that stood still: they may go on at any time. */
  readonly #lives: Life[] = []

  constructor(
    connectors: Connectors<Offset, Partition, Row, Message>,
    faults: readonly ScheduledFault[],
    options: ExploreConnectorsOptions,
  ) {
    this.#connectors = connectors
    this.#options = options
    this.world = new CrashWorld(faults)
  }

  /** Starts processes until one has ended by itself. @returns what went wrong on the way. */
  async toTheEnd(): Promise<Verdict | undefined> {
    for (;;) {
      const ending = await this.#run(this.#start())
      if (typeof ending === 'object') return ending
      if (ending === 'still') continue
      this.world.wake()
      const woken = this.#lives.splice(0)
      for (const life of woken) {
        const late = await this.#run(life)
        if (typeof late === 'object') return late
      }
      if (ending === 'done' && woken.length === 0) return undefined
    }
  }

  /** Lets a process run to its end, or until it stands still. */
  async #run(life: Life): Promise<'done' | 'again' | 'still' | Verdict> {
    const { patienceMs = 10_000 } = this.#options
    const { process } = life
    const patience = AbortSignal.timeout(patienceMs)
    let stopped = false
    const until = async (over: () => boolean): Promise<void> => {
      for (let quiet = 0, effects = -1; !over() && !patience.aborted; quiet++) {
        for (const { scheduler, process: other } of [life, ...this.#lives]) if (!other.still) scheduler.flush()
        await turn()
        if (this.world.effects !== effects || process.underWay > 0) quiet = 0
        effects = this.world.effects
        if (quiet < quietTurns || process.held === undefined) continue
        if (process.held === 'hang') {
          stopped = true
          life.stop() // somebody's patience has come to its end
        }
        while (process.held === 'hang') {
          await turn()
          process.release()
        }
        process.release()
      }
    }
    await until(() => life.ended !== undefined || process.dead || process.still)
    if (process.still) {
      this.#lives.push(life)
      return 'still'
    }
    const stuck = life.ended === undefined && !process.dead
    const again = process.dead || process.faults > 0
    process.die()
    life.stop() // of a process that died it never settles: the dead get no answer
    await until(() => process.underWay === 0)
    if (stuck) return { problem: 'stuck', detail: `the query neither went on nor ended within ${patienceMs} ms` }
    if (process.underWay > 0)
      return { problem: 'stuck', detail: `a call of a port did not settle within ${patienceMs} ms` }
    if (life.ended !== undefined && 'error' in life.ended) {
      return again ? 'again' : { problem: 'failed', detail: describeError(life.ended.error) }
    }
    return life.ended === undefined || stopped ? 'again' : 'done'
  }

  #start(): Life {
    const { source, sink } = this.#connectors
    const { rows = 10, maxRows = 4 } = this.#options
    const process = this.world.start()
    const scheduler = new VirtualTimeScheduler()
    const streamReader = () => {
      const reader = source.streamReader()
      this.ordered = isOrdered(reader)
      return readerOf(reader, process)
    }
    const streamWriter = () => writerOf(typeof sink === 'function' ? sink() : sink.streamWriter(), process)
    const trigger = untilExhausted(() => true, rows)
    const run = readStream({ ...source, streamReader })
      .writeStream<Row, Message>(streamWriter as typeof streamWriter & HasColumns<Row, Row>, {
        ...exploredQuery(this.#store.checkpoint(process), trigger, maxRows, scheduler),
        concurrency: 1,
      })
      .start()
    const life: Life = {
      process,
      scheduler,
      ended: undefined,
      stop: () => run.stop(),
    }
    run.events$.subscribe((event) => {
      if (event.type === 'started') this.guarantee = event.guarantee
    })
    run.terminated.then(
      () => {
        life.ended = {}
      },
      (error: unknown) => {
        life.ended = { error }
      },
    )
    return life
  }
}

/** Rows of a queue come again behind others. */
function isOrdered<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
): boolean {
  return reader.kind !== 'acked' && reader[journalPort]?.acked !== true
}

/** Lets everything that is ready run, input and output included. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
