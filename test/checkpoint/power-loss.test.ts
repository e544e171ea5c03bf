import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { CheckpointSession, LogRecord, Recovered } from '../../src/checkpoint/checkpoint.ts'
import { fileCheckpointOn } from '../../src/checkpoint/file.ts'
import { encodeJournal } from '../../src/checkpoint/journal.ts'
import { judge, type Processes } from '../../src/checkpoint/process-identity.ts'
import { ModelDisk, PowerCut, type Survival } from './model-disk.ts'
import { collect, settle } from './settle.ts'

const sources = ['src']
const batches = 5

function writesFor(queryId: string): LogRecord[][] {
  const plan = (id: number): LogRecord => ({
    plan: { queryId, batchId: id, start: { seq: id }, end: { seq: id + 1 }, partitions: [{ at: id }] },
  })
  const journal = (id: number): LogRecord[] => [
    { journal: id, rows: encodeJournal([id]) },
    { journal: id, rows: encodeJournal([id]) },
  ]
  const writes: LogRecord[][] = [[{ initial: { seq: 0 } }], [...journal(0), plan(0)]]
  for (let id = 0; id < batches; id++) {
    const done: LogRecord = { done: id, outcome: outcomeOf(id) }
    if (id % 2 === 0) writes.push([done], [...journal(id + 1), plan(id + 1)])
    else writes.push([done, plan(id + 1)])
  }
  return writes
}

function outcomeOf(batchId: number): 'committed' | 'abandoned' {
  return batchId % 2 === 0 ? 'committed' : 'abandoned'
}

interface Standing {
  readonly initial: boolean
  readonly done: number
  readonly pending: number
}

/** Where a query stands after some records. */
function after(records: readonly LogRecord[]): Standing {
  let [initial, done, pending] = [false, -1, -1]
  for (const record of records) {
    if ('initial' in record) initial = true
    else if ('plan' in record) pending = record.plan.batchId
    else if ('done' in record) {
      done = record.done
      pending = -1
    }
  }
  return { initial, done, pending }
}

function standing({ initial, done, pending }: Recovered): Standing {
  return { initial: initial !== undefined, done: done?.batchId ?? -1, pending: pending?.batchId ?? -1 }
}

/** A machine that was started `boot` times: no process of an earlier start is alive. */
function machine(boot: number): Processes {
  const self = { host: 'h', pid: 1, bootId: String(boot), pidNamespace: 'n', startTime: '1' }
  return { self: () => self, liveness: (holder) => judge(holder, self, () => true) }
}

interface Memory {
  queryId: string | undefined
  epoch: number
  /** Records that were confirmed, and those that were in flight when the power went. */
  confirmed: LogRecord[]
  inFlight: LogRecord[]
}

/** Opens, checks that nothing confirmed is missing and nothing else is there, and goes on with the writes until the power goes. */
async function live(disk: ModelDisk, boot: number, memory: Memory): Promise<void> {
  const checkpoint = fileCheckpointOn({ files: disk, processes: machine(boot), now: () => boot }, '/data/cp', {
    retain: 2,
  })
  try {
    const session = await settle(checkpoint.open({ sources }))
    await check(session, memory)
    memory.queryId = session.queryId
    memory.epoch = session.epoch
    const writes = writesFor(session.queryId)
    const from = recordsUpTo(writes.flat(), session.recovered)
    memory.confirmed = writes.flat().slice(0, from)
    memory.inFlight = []
    let index = 0
    for (const records of writes) {
      const rest = records.slice(Math.max(0, from - index))
      index += records.length
      memory.inFlight = rest
      if (rest.length > 0) await session.write(rest)
      memory.confirmed.push(...rest)
      memory.inFlight = []
    }
    await session.close()
  } catch (error) {
    if (!isPowerCut(error)) throw error
  }
}

function isPowerCut(error: unknown): boolean {
  return error instanceof PowerCut || (error instanceof Error && error.cause !== undefined && isPowerCut(error.cause))
}

/** The number of records that lead to what was recovered; a journal without its plan doesn't count. */
function recordsUpTo(records: readonly LogRecord[], recovered: Recovered): number {
  const target = JSON.stringify(standing(recovered))
  for (let count = 0; count <= records.length; count++)
    if (JSON.stringify(after(records.slice(0, count))) === target) return count
  throw new Error(`no prefix of the records leads to ${target}`)
}

async function check(session: CheckpointSession, memory: Memory): Promise<void> {
  if (memory.queryId !== undefined) expect(session.queryId).toBe(memory.queryId)
  expect(session.epoch).toBeGreaterThan(memory.epoch)
  const legal = memory.inFlight.map((_, count) => after([...memory.confirmed, ...memory.inFlight.slice(0, count + 1)]))
  expect([after(memory.confirmed), ...legal]).toContainEqual(standing(session.recovered))
  const { done, pending } = session.recovered
  // The same outcome again is no change, another one would be refused.
  if (done !== undefined) await session.write([{ done: done.batchId, outcome: outcomeOf(done.batchId) }])
  if (pending === undefined) return
  expect(pending).toMatchObject({
    start: { seq: pending.batchId },
    end: { seq: pending.batchId + 1 },
    partitions: [{ at: pending.batchId }],
  })
  const journaled = pending.batchId % 2 === 1 || pending.batchId === 0
  expect(await collect(session.readJournal?.(pending.batchId) ?? [])).toEqual(
    journaled ? [[pending.batchId], [pending.batchId]] : [],
  )
}

const forgotten = (): Memory => ({ queryId: undefined, epoch: 0, confirmed: [], inFlight: [] })

async function callsOfOneLife(): Promise<number> {
  const disk = new ModelDisk()
  await live(disk, 1, forgotten())
  return disk.calls
}

const survivals: Record<string, Survival> = {
  'nothing that was not synced survives': () => false,
  'everything survives (kill -9)': () => true,
}

it.each(Object.keys(survivals))('recovers a confirmed prefix wherever the power goes: %s', async (name) => {
  const survives = survivals[name] as Survival
  const calls = await callsOfOneLife()
  expect(calls).toBeGreaterThan(200)
  for (let cut = 0; cut <= calls; cut++) {
    const disk = new ModelDisk(undefined, cut)
    const memory = forgotten()
    await live(disk, 1, memory)
    const next = disk.afterPowerLoss(survives)
    await live(next, 2, memory)
    expect(after(memory.confirmed), `cut before call ${cut}`).toEqual({
      initial: true,
      done: batches - 1,
      pending: batches,
    })
  }
})

it('recovers after several losses in a row, whatever part of the unsynced changes survives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(250), { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.boolean()),
      async (cuts, chance) => {
        const survives: Survival = () => chance.next().value
        const memory = forgotten()
        let disk = new ModelDisk()
        for (const [index, cut] of cuts.entries()) {
          disk = disk.afterPowerLoss(survives, cut)
          await live(disk, index + 1, memory)
        }
        await live(disk.afterPowerLoss(survives), cuts.length + 1, memory)
        expect(after(memory.confirmed)).toEqual({ initial: true, done: batches - 1, pending: batches })
      },
    ),
    { numRuns: 150 },
  )
})
