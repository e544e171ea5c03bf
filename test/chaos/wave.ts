import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuaranteeLevel } from '../../src/guarantee.ts'
import { type FaultyProxy, faultyProxy } from '../../src/testing/faulty-proxy.ts'
import { Child } from './child.ts'
import { type Breakable, drawFault, injectPair, injectServer, type PairFault, type ServerFault } from './faults.ts'
import { type Feed, feedOf } from './feeds.ts'
import type { Pair, WorkerPlan } from './pairs.ts'
import { type Random, randomOfPair } from './random.ts'
import type { Reader, Readers } from './readers.ts'
import type { Servers } from './servers.ts'
import { smallDisk } from './small-disk.ts'

/** What came of a pair. */
export interface PairOutcome extends Pair {
  readonly guarantee: GuaranteeLevel | undefined
  readonly reason: string
  readonly faults: Readonly<Partial<Record<PairFault | ServerFault, number>>>
  /** Rows that were put into the source; distinct ones that arrived; arrivals beyond the first. */
  readonly fed: number
  readonly moved: number
  readonly lost: number
  readonly repeated: number
  /** Rows that nobody put in. */
  readonly foreign: number
  /** The first ids of each, for a search. */
  readonly examples: {
    readonly lost: readonly number[]
    readonly repeated: readonly number[]
    readonly foreign: readonly number[]
  }
  /** What befell it, and when, in seconds since the wave began. */
  readonly schedule: readonly string[]
  readonly countedBy: string
  /** Processes that were needed, and what some of them said when they ended by themselves. */
  readonly starts: number
  readonly failures: readonly string[]
  readonly drained: boolean
}

export interface WaveOptions {
  readonly pairs: readonly Pair[]
  readonly folder: string
  readonly servers: Servers
  readonly readers: Readers
  readonly random: Random
  readonly seed: number
  /** How long things break. What is under way then may take a while to arrive. */
  readonly faultsMs: number
  readonly serverFaults: readonly ServerFault[]
  /** After the last fault: without a further row for so long, what is missing is lost. @default 40_000 */
  readonly patienceMs?: number
  /** Ends everything early. */
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

const diskMiB = 16
const rowsAtOnce = 60
const mostRows = 20_000
const defaultPatienceMs = 40_000
const mostExamples = 5

interface Running extends Breakable {
  /** Its own, for the faults that befall it. */
  readonly random: Random
  readonly plan: WorkerPlan
  readonly feed: Feed
  readonly reader: Reader
  readonly faults: Partial<Record<PairFault | ServerFault, number>>
  readonly schedule: string[]
  fed: number
  /** Told of so far when it was fed last, and when that was. */
  fedAt: number
  fedAtMs: number
  trouble: Promise<void> | undefined
}

/** Runs some pairs side by side, breaks things, lets them come to rest, and counts. */
export async function runWave(options: WaveOptions): Promise<PairOutcome[]> {
  const { pairs, log } = options
  const open: (() => unknown)[] = []
  const running: Running[] = []
  try {
    for (const pair of pairs) running.push(await begin(pair, options, open))
    await breakThings(running, options)
    const arrived = await Promise.all(running.map((one) => arrivals(one, options)))
    const drained = await Promise.all(running.map(({ child }) => child.drain(20_000)))
    const outcomes: PairOutcome[] = []
    for (const [at, one] of running.entries()) {
      const outcome = { ...(await count(one)), drained: drained[at] === true }
      if (arrived[at] !== true) log(`${outcome.source} → ${outcome.sink}: not all arrived in time`)
      outcomes.push(outcome)
    }
    return outcomes
  } finally {
    await Promise.all(running.map(({ child }) => child.kill()))
    for (const close of open.reverse()) await close()
  }
}

async function begin(
  pair: Pair,
  { folder: base, servers, readers, seed }: WaveOptions,
  open: (() => unknown)[],
): Promise<Running> {
  const folder = join(base, String(pair.index))
  mkdirSync(join(folder, 'in'), { recursive: true })
  open.push(() => rmSync(folder, { recursive: true, force: true }))
  const disk = smallDisk(join(folder, 'disk'), diskMiB)
  open.push(disk.close)
  const proxies: FaultyProxy[] = []
  const through = async (uses: boolean, url: string, port: number): Promise<string> => {
    if (!uses) return ''
    const proxy = await faultyProxy({ port })
    proxies.push(proxy)
    open.push(proxy.close)
    return proxy.url(url).replace(/\/$/, '')
  }
  const { source, sink } = pair
  const plan: WorkerPlan = {
    ...pair,
    folder: join(folder, 'in'),
    disk: disk.path,
    amqp: await through(/queue|stream/.test(source) || sink === 'RabbitMQ', servers.rabbit.url, servers.rabbit.port),
    postgres: await through(
      source === 'PostgreSQL' || sink.startsWith('PG'),
      servers.postgres.url,
      servers.postgres.port,
    ),
    http: await through(source === 'REST' || sink === 'HTTP', servers.http.url, servers.http.port),
  }
  const feed = await feedOf(plan, servers)
  const child = new Child(plan, join(folder, '../cache'))
  child.start()
  const reader = readers.of(plan, servers)
  return {
    plan,
    feed,
    reader,
    child,
    proxies,
    disk,
    random: randomOfPair(seed, pair.index),
    faults: {},
    schedule: [],
    fed: 0,
    fedAt: -1,
    fedAtMs: 0,
    trouble: undefined,
  }
}

async function breakThings(running: readonly Running[], options: WaveOptions): Promise<void> {
  const { random, servers, faultsMs, log } = options
  const start = performance.now()
  const end = start + faultsMs
  const seconds = (): number => (performance.now() - start) / 1_000
  const met = options.serverFaults.filter((fault) => running.some(({ plan }) => meets(plan, fault)))
  const restarts = met.map((fault, at) => ({ fault, at: end - faultsMs + ((at + 0.5) * faultsMs) / met.length }))
  let down: ServerFault | undefined
  let restarting: Promise<void> | undefined
  const troubles: unknown[] = []
  while (performance.now() < end && !options.signal.aborted) {
    // Nobody feeds a server that is going down: what is in a source for good has to be known.
    for (const one of running) if (down === undefined || !feeds(one.plan, down)) await feedMore(one)
    await sleep(random.between(50, 250))
    const due = restarts[0]
    if (down === undefined && due !== undefined && performance.now() >= due.at) {
      restarts.shift()
      for (const one of running.filter(({ plan }) => meets(plan, due.fault))) note(one, due.fault, seconds())
      const begun = performance.now()
      down = due.fault
      restarting = injectServer(due.fault, servers, random.between(300, 1_500)).then(() => {
        down = undefined
        log(`${due.fault}, back after ${((performance.now() - begun) / 1_000).toFixed(1)} s`)
      })
      restarting.catch(() => undefined) // told below
    }
    const one = random.oneOf(running)
    const early = random.next() < 0.1 // before it stands on its feet again
    if (one.trouble !== undefined || (one.child.progress < 2 && !early)) continue
    const { fault, forMs } = drawFault(one, one.random)
    note(one, fault, seconds(), forMs)
    one.child.progress = 0
    one.trouble = injectPair(fault, one, forMs)
      .catch((error: unknown) => void troubles.push(error))
      .finally(() => {
        one.trouble = undefined
      })
  }
  await restarting
  await Promise.all(running.map(({ trouble }) => trouble))
  if (troubles.length > 0) throw new AggregateError(troubles, 'a fault could not be made')
  for (const { fault } of restarts) log(`no time for: ${fault}`)
}

/** More rows for whoever has moved since the last time, so that there is always something under way and never a heap. */
async function feedMore(one: Running): Promise<void> {
  const told = one.child.rows
  // Who was killed between a commit and its word of it never tells: so it is fed after a while in any case.
  const isIdle = performance.now() - one.fedAtMs > 2_000
  if ((one.fed > 0 && told <= one.fedAt && !isIdle) || one.fed >= mostRows) return
  const ids = Array.from({ length: rowsAtOnce }, (_, more) => one.fed + more)
  if (await one.feed(ids)) {
    one.fed += ids.length
    one.fedAt = told
    one.fedAtMs = performance.now()
  }
}

/** @param at seconds since the wave began. @param forMs how long it lasts, for those that do. */
function note({ faults, schedule, fed }: Running, fault: PairFault | ServerFault, at: number, forMs?: number): void {
  faults[fault] = (faults[fault] ?? 0) + 1
  schedule.push(`${at.toFixed(1)} s ${fault}${forMs === undefined ? '' : ` (${forMs} ms)`} after ${fed} rows`)
}

function meets({ amqp, postgres, http }: WorkerPlan, fault: ServerFault): boolean {
  if (fault.startsWith('broker')) return amqp !== ''
  return fault.startsWith('database') ? postgres !== '' : http !== ''
}

/** Waits until all rows are there, or until nothing comes any more. */
async function arrivals(
  { reader, fed }: Running,
  { signal, patienceMs = defaultPatienceMs }: WaveOptions,
): Promise<boolean> {
  let most = -1
  for (let last = performance.now(); performance.now() - last < patienceMs && !signal.aborted; await sleep(500)) {
    const distinct = new Set(await reader.ids()).size
    if (distinct >= fed) return true
    if (distinct > most) last = performance.now()
    most = Math.max(most, distinct)
  }
  return false
}

async function count(one: Running): Promise<Omit<PairOutcome, 'drained'>> {
  const { plan, reader, child, fed, faults, schedule } = one
  const { index, source, sink, checkpoint } = plan
  const ids = await reader.ids()
  const known = new Set(ids.filter((id) => id >= 0 && id < fed))
  const foreignIds = ids.filter((id) => !known.has(id))
  const foreign = foreignIds.length
  const lost = Array.from({ length: fed }, (_, id) => id).filter((id) => !known.has(id))
  const seen = new Set<number>()
  const again = ids.filter((id) => known.has(id) && seen.size === seen.add(id).size)
  const some = (which: Iterable<number>): number[] => [...new Set(which)].sort((a, b) => a - b).slice(0, mostExamples)
  return {
    ...{ index, source, sink, checkpoint, faults, fed, foreign },
    ...(plan.seeded && { seeded: plan.seeded }),
    guarantee: child.guarantee,
    reason: child.reason,
    moved: known.size,
    lost: lost.length,
    repeated: again.length,
    examples: { lost: some(lost), repeated: some(again), foreign: some(foreignIds) },
    schedule,
    countedBy: reader.by,
    starts: child.starts,
    failures: child.failures,
  }
}

/** Whether the server that fails is the one that rows are put into. */
function feeds({ source }: Pair, fault: ServerFault): boolean {
  if (fault.startsWith('broker')) return /queue|stream/.test(source)
  return fault.startsWith('database') && source === 'PostgreSQL'
}
