import { firstValueFrom, VirtualTimeScheduler } from 'rxjs'
import { memoryCheckpoint } from '../checkpoint/memory.ts'
import type { StreamSink, StreamSource } from '../data-source.ts'
import { describeError, OptionError } from '../errors.ts'
import type { Guarantee } from '../guarantee.ts'
import { rules, validateOptions } from '../options.ts'
import { fromCommand, fromResult, type Result } from '../result.ts'
import type { HasColumns } from '../row.ts'
import { journalPort, type StreamReader } from '../source.ts'
import { readStream } from '../stream.ts'
import { readerOf, writerOf } from './crash-ports.ts'
import { crashesText, exploredQuery, parseCrashes, untilExhausted } from './crash-query.ts'
import { type CrashFailure, type CrashReport, crashReport, expectedIds, judge, type Verdict } from './crash-report.ts'
import { CrashWorld, type Process } from './crash-world.ts'
import { modelCheckpoint } from './model-checkpoint.ts'

/** A real source and a real sink, together with the systems behind them: what outlives a process. */
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
  /** Crashes in one schedule: with 2 every pair of effects is tried. @default 1 */
  readonly crashes?: 1 | 2
  /** Ids that are to reach the sink, of those that the source has. @default all */
  readonly expected?: (id: number) => boolean
  /** Only this schedule, by the id from a report; what stands before the `@` is for people. */
  readonly only?: string
  /** A process that hasn't come to its end after so many milliseconds is `stuck`; `make`, `ids` and `close` have as long as they like. @default 10_000 */
  readonly patienceMs?: number
}

/**
 * Runs a real source into a real sink, and lets the process die after every call of their ports and after every log record in turn. Each time it is started
 * again on what was durable, to the end; then the rows in the sink are held against the guarantee that the query computed.
 * Partitions are read and written one after the other, so that a schedule is the same on every run, as far as the systems behind are.
 *
 * **Hazard**: a process dies between calls, never within one. What a connector does in several steps of its own needs a test of its own.
 *
 * @param make called anew for each schedule; schedules come one after the other.
 * @throws OptionError
 * @example
 * const report = await exploreConnectors(() => {
 *   const numbers = memoryStream<{ id: number }>()
 *   numbers.add(...Array.from({ length: 10 }, (_, id) => ({ id })))
 *   const sink = memorySink<{ id: number }>()
 *   return { source: numbers, sink, ids: () => sink.rows.map(({ id }) => id) }
 * })
 */
export async function exploreConnectors<Offset extends object, Partition, Row extends object, Message>(
  make: () => Result<Connectors<Offset, Partition, Row, Message>>,
  options: ExploreConnectorsOptions = {},
): Promise<CrashReport> {
  validateOptions('exploreConnectors', options, {
    rows: rules.positiveInteger,
    maxRows: rules.positiveInteger,
    crashes: { expected: '1 or 2', accepts: (value) => value === 1 || value === 2 },
    expected: rules.function,
    only: rules.string,
    patienceMs: rules.positiveInteger,
  })
  const only = options.only === undefined ? undefined : crashesOf(options.only)
  let schedules = 0
  const failures: CrashFailure[] = []
  const explore = async (crashes: readonly number[], crashesLeft: number): Promise<void> => {
    schedules++
    const { failure, effects } = await runSchedule(make, crashes, options)
    if (only !== undefined && effects < Math.max(0, ...only)) {
      throw new OptionError(
        `exploreConnectors: option "only" is ${JSON.stringify(options.only)}, and there are ${effects} effects`,
      )
    }
    if (failure !== undefined) failures.push(failure)
    if (crashesLeft === 0) return
    for (let at = (crashes.at(-1) ?? 0) + 1; at <= effects; at++) await explore([...crashes, at], crashesLeft - 1)
  }
  await explore(only ?? [], only === undefined ? (options.crashes ?? 1) : 0)
  return crashReport(schedules, failures)
}

function crashesOf(id: string): readonly number[] {
  const crashes = parseCrashes(id.slice(id.lastIndexOf('@') + 1))
  if (id.includes('@') && crashes !== undefined) return crashes
  throw new OptionError(
    `exploreConnectors: option "only" must be an id from a report such as "rate/memory@12", and it is ${JSON.stringify(id)}`,
  )
}

interface Outcome {
  readonly effects: number
  readonly failure: CrashFailure | undefined
}

async function runSchedule<Offset extends object, Partition, Row extends object, Message>(
  make: () => Result<Connectors<Offset, Partition, Row, Message>>,
  crashes: readonly number[],
  options: ExploreConnectorsOptions,
): Promise<Outcome> {
  const { rows = 10 } = options
  const world = new CrashWorld(crashes)
  const store = memoryCheckpoint()
  const connectors = await answer('make', make)
  const { source, sink, ids, close } = connectors
  if (typeof ids !== 'function')
    throw new OptionError('exploreConnectors: what "make" answers with must have "ids", which says what is in the sink')
  try {
    let life: Life
    do {
      life = await runProcess(connectors, store, world.start(), options)
    } while (life.end === 'died')
    const { guarantee, ordered, problem } = life
    const expected = expectedIds(rows, options.expected)
    const verdict = problem ?? judge({ ids: await answer('ids', ids), expected, guarantee, crashes, ordered })
    const id = `${source.name}/${typeof sink === 'function' ? 'sink' : sink.name}@${crashesText(crashes)}`
    const failure = verdict && { id, ...verdict, guarantee, trace: world.story() }
    return { effects: world.effects, failure }
  } finally {
    if (close !== undefined) await firstValueFrom(fromCommand(close))
  }
}

/** How a process came to its end. */
interface Life {
  readonly end: 'died' | 'ended'
  readonly guarantee: Guarantee
  readonly ordered: boolean
  readonly problem: Verdict | undefined
}

async function runProcess<Offset extends object, Partition, Row extends object, Message>(
  { source, sink }: Connectors<Offset, Partition, Row, Message>,
  store: ReturnType<typeof memoryCheckpoint>,
  process: Process,
  { rows = 10, maxRows = 4, patienceMs = 10_000 }: ExploreConnectorsOptions,
): Promise<Life> {
  const scheduler = new VirtualTimeScheduler()
  let guarantee: Guarantee = { level: 'at-least-once', reason: 'the query did not start' }
  let ordered = true
  let problem: Verdict | undefined
  let ended = false

  const streamReader = () => {
    const reader = source.streamReader()
    ordered = isOrdered(reader)
    return readerOf(reader, process)
  }
  const streamWriter = () => writerOf(typeof sink === 'function' ? sink() : sink.streamWriter(), process)
  const trigger = untilExhausted(() => true, rows)
  const run = readStream({ ...source, streamReader })
    .writeStream<Row, Message>(streamWriter as typeof streamWriter & HasColumns<Row, Row>, {
      ...exploredQuery(modelCheckpoint(store, process), trigger, maxRows, scheduler),
      concurrency: 1,
    })
    .start()
  run.events$.subscribe((event) => {
    if (event.type === 'started') guarantee = event.guarantee
  })
  run.terminated.then(
    () => {
      ended = true
    },
    (error: unknown) => {
      ended = true
      problem = { problem: 'failed', detail: describeError(error) }
    },
  )

  const patience = AbortSignal.timeout(patienceMs)
  const until = async (over: () => boolean): Promise<void> => {
    while (!over() && !patience.aborted) {
      scheduler.flush()
      await turn()
    }
  }
  await until(() => ended || process.dead)
  const stuck = !ended && !process.dead
  const end = process.dead ? 'died' : 'ended'
  process.die()
  run.stop() // of a process that died it never settles: the dead get no answer
  await until(() => process.underWay === 0)
  if (stuck) problem = { problem: 'stuck', detail: `the query neither went on nor ended within ${patienceMs} ms` }
  else if (process.underWay > 0)
    problem = { problem: 'stuck', detail: `a call of a port did not settle within ${patienceMs} ms` }
  return { end: problem === undefined ? end : 'ended', guarantee, ordered, problem }
}

/** Rows of a queue come again behind others. */
function isOrdered<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
): boolean {
  return reader.kind !== 'acked' && reader[journalPort]?.acked !== true
}

function answer<T>(port: string, call: () => Result<T>): Promise<T> {
  return firstValueFrom(fromResult(port, call))
}

/** Lets everything that is ready run, input and output included. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
