import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { readJsonLines } from '../../../../../src/connectors/json-lines/read.ts'
import { httpServer } from '../../../../support/http-server.ts'
import { RandomReceiver } from './receiver.ts'
import { isBad, queryOf, random, type Scenario, scenarioOf } from './scenario.ts'

/** What came of an attack. `wrong` names rows that were lost, or are there twice, where none may be. */
export interface Attack {
  readonly scenario: Scenario
  readonly wrong: readonly string[]
  /** Runs that were ended from outside, and that failed by themselves. */
  readonly ended: number
  readonly failed: number
  readonly counts: Readonly<Record<string, number>>
}

/** @param after milliseconds (an abort) or requests (a kill). */
type Run = (after: number) => Promise<'done' | 'ended' | 'failed'>

/** Runs a scenario to its end, through so many aborts (in this process) or kills (of a child). */
export async function attack(seed: number, how: 'abort' | 'kill', interruptions: number): Promise<Attack> {
  const scenario = scenarioOf(seed)
  const folder = await mkdtemp(join(tmpdir(), 'sluice-random-'))
  const receiver = new RandomReceiver(scenario)
  const server = await httpServer({ '*': receiver.route })
  const places = { url: `${server.url}/rows`, checkpoint: join(folder, 'log'), refused: join(folder, 'refused') }
  const run: Run =
    how === 'abort' ? aborted(() => queryOf(scenario, places)) : killed(seed, places, () => server.requests.length)
  const next = random(seed * 17 + 5)
  const outcomes = { done: 0, ended: 0, failed: 0 }
  try {
    for (let n = 0; outcomes.done === 0; n++) {
      if (n > interruptions + 40) throw new Error(`seed ${seed}: it does not end`)
      receiver.isCalm = n > interruptions + 20
      const within = how === 'abort' ? 120 : 10
      outcomes[await run(n < interruptions ? next() * within : Infinity)]++
    }
    if (server.errors.length > 0) throw new AggregateError(server.errors, `seed ${seed}: errors of the receiver`)
    const wrong = [...differences(scenario, receiver.taken, await refusedIn(places.refused))]
    return { scenario, wrong, ended: outcomes.ended, failed: outcomes.failed, counts: receiver.counts }
  } finally {
    await server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function aborted(query: () => ReturnType<typeof queryOf>): Run {
  return async (afterMs) => {
    const run = query().start()
    const end = run.terminated.then(
      () => 'done' as const,
      () => 'failed' as const,
    )
    if (afterMs === Infinity) return end
    const first = await Promise.race([end, sleep(afterMs, 'ended' as const)])
    if (first === 'ended') await run.stop()
    return first
  }
}

function killed(
  seed: number,
  { url, checkpoint, refused }: Parameters<typeof queryOf>[1],
  requests: () => number,
): Run {
  const child = fileURLToPath(new URL('./child.ts', import.meta.url))
  return async (after) => {
    const last = requests() + after
    const running = spawn(process.execPath, [child, String(seed), url, checkpoint, refused], { stdio: 'ignore' })
    const look = setInterval(() => {
      if (requests() > last) running.kill('SIGKILL')
    }, 2)
    const [code, signal] = (await once(running, 'close')) as [number | null, string | null]
    clearInterval(look)
    return signal !== null ? 'ended' : code === 0 ? 'done' : 'failed'
  }
}

async function refusedIn(path: string): Promise<number[]> {
  const ids: number[] = []
  try {
    for await (const { row } of readJsonLines<{ row: string }>(path)) ids.push((JSON.parse(row) as { id: number }).id)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return ids
}

function* differences(scenario: Scenario, taken: readonly number[], refused: readonly number[]): Generator<string> {
  for (let id = 0; id < scenario.total; id++) {
    const [t, r] = [taken, refused].map((list) => list.filter((each) => each === id).length)
    const bad = isBad(scenario, id)
    if (t !== (bad ? 0 : 1)) yield `row ${id} was taken ${t} times`
    if (r !== (bad ? 1 : 0)) yield `row ${id} was refused ${r} times`
  }
}
