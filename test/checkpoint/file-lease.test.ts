import { describe, expect, it } from 'vitest'
import type { CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { fileCheckpointOn } from '../../src/checkpoint/file.ts'
import type { FileSystem } from '../../src/checkpoint/file-system.ts'
import { judge, type Liveness, nodeProcesses, type ProcessIdentity } from '../../src/checkpoint/process-identity.ts'
import { CheckpointLockedError, LeaseLostError } from '../../src/errors.ts'
import { ModelDisk } from './model-disk.ts'
import { PausingFiles } from './pausing-files.ts'
import { failureOf, settle } from './settle.ts'

const dir = '/data/cp'
const self: ProcessIdentity = { host: 'h', pid: 7, bootId: 'b', pidNamespace: 'n', startTime: '1' }

function open(
  files: FileSystem,
  options: { liveness?: Liveness; takeOver?: boolean } = {},
): Promise<CheckpointSession> {
  const processes = { self: () => self, liveness: () => options.liveness ?? 'alive' }
  const checkpoint = fileCheckpointOn({ files, processes, now: () => 0 }, dir, {
    retain: 2,
    takeOver: options.takeOver ?? false,
  })
  return settle(checkpoint.open({ sources: ['src'] }))
}

const initial: LogRecord = { initial: { seq: 0 } }
const done = (batchId: number): LogRecord => ({ done: batchId, outcome: 'committed' })
const plan = (session: CheckpointSession, batchId: number, by: string): LogRecord => ({
  plan: { queryId: session.queryId, batchId, start: { seq: batchId }, end: { seq: batchId + 1 }, partitions: [by] },
})

describe('judging a holder', () => {
  const other = (changes: Partial<ProcessIdentity>): ProcessIdentity => ({ ...self, ...changes })
  const unseen: ProcessIdentity = { host: 'h', pid: 7 }
  it.each<[string, ProcessIdentity, ProcessIdentity, boolean, Liveness]>([
    ['a running process', self, self, true, 'alive'],
    ['a process that is gone', self, self, false, 'dead'],
    ['a machine started anew', other({ bootId: 'old' }), self, true, 'dead'],
    ['another machine', other({ host: 'x', bootId: 'y' }), self, false, 'unknown'],
    ['another container, same kernel', other({ host: 'x', pidNamespace: 'm' }), self, false, 'unknown'],
    ['the same container, restarted', other({ pidNamespace: 'm' }), self, false, 'unknown'],
    ['a system without boot ids', unseen, unseen, true, 'alive'],
    ['a system without boot ids, gone', unseen, unseen, false, 'dead'],
    ['another machine without boot ids', { host: 'x', pid: 7 }, unseen, false, 'unknown'],
  ])('%s', (_, holder, observer, running, expected) => {
    expect(judge(holder, observer, () => running)).toBe(expected)
  })

  it('finds this process alive, and neither a free id nor an earlier process with this id', () => {
    const me = nodeProcesses.self()
    expect(nodeProcesses.liveness(me)).toBe('alive')
    expect(nodeProcesses.liveness({ ...me, pid: 2 ** 22 + 1 })).toBe('dead')
    if (me.startTime !== undefined) expect(nodeProcesses.liveness({ ...me, startTime: '1' })).toBe('dead')
  })
})

describe('a lease that was not released', () => {
  it('of a living process is refused, naming it', async () => {
    const disk = new ModelDisk()
    await open(disk)
    const error = await failureOf(() => open(disk))
    expect(error).toBeInstanceOf(CheckpointLockedError)
    expect(error.message).toContain('process 7 on h, since 1970-01-01T00:00:00.000Z')
  })

  it('of a dead process is taken over, with the next epoch', async () => {
    const disk = new ModelDisk()
    const first = await open(disk)
    const second = await open(disk, { liveness: 'dead' })
    expect([second.epoch, second.queryId]).toEqual([first.epoch + 1, first.queryId])
  })

  it('of a process that cannot be seen is refused, naming the way out', async () => {
    const disk = new ModelDisk()
    await open(disk)
    const error = await failureOf(() => open(disk, { liveness: 'unknown' }))
    expect(error).toBeInstanceOf(CheckpointLockedError)
    expect(error.message).toContain('takeOver: true')
    expect((await open(disk, { liveness: 'unknown', takeOver: true })).epoch).toBe(2)
  })
})

describe('a process that lost its lease', () => {
  it('writes nothing more, and its close leaves the new lease alone', async () => {
    const disk = new ModelDisk()
    const stale = await open(disk)
    await stale.write([initial, plan(stale, 0, 'stale')])
    const fresh = await open(disk, { takeOver: true })
    expect(await failureOf(() => stale.write([done(0)]))).toBeInstanceOf(LeaseLostError)
    expect(await failureOf(() => stale.write([done(0)]))).toBeInstanceOf(LeaseLostError)
    await stale.close()
    expect(await failureOf(() => open(disk))).toBeInstanceOf(CheckpointLockedError)
    expect(fresh.recovered.pending).toBeDefined()
    await fresh.write([done(0)])
  })

  it('learns so, and changes nothing that the new holder has seen, at whichever call it stood still', async () => {
    let calls = 0
    for (; ; calls++) {
      const disk = new ModelDisk()
      const { files, pauser } = pausable(disk)
      const stale = await open(files)
      await stale.write([initial, plan(stale, 0, 'stale')])
      const paused = pauser.pauseBefore(calls)
      const outcome = settle(stale.write([done(0), plan(stale, 1, 'stale')])).then(
        () => 'written' as const,
        (error: unknown) => error,
      )
      const first = await Promise.race([paused, outcome])
      if (first === 'written') break
      const fresh = await open(disk, { takeOver: true })
      pauser.resume()
      expect(await outcome, `paused before call ${calls}`).toBeInstanceOf(LeaseLostError)

      const { done: last, pending } = fresh.recovered
      const next = pending?.batchId ?? (last?.batchId ?? -1) + 1
      if (pending === undefined) await fresh.write([plan(fresh, next, 'fresh')])
      await fresh.write([done(next), plan(fresh, next + 1, 'fresh')])
      await fresh.close()
      const found = (await open(disk)).recovered
      expect(found.done).toMatchObject({ batchId: next, partitions: [pending === undefined ? 'fresh' : 'stale'] })
      expect(found.pending).toMatchObject({ batchId: next + 1, partitions: ['fresh'] })
    }
    expect(calls).toBeGreaterThan(15)
  })
})

describe('a starter that stood still', () => {
  it('never holds the lease together with another one, at whichever call that was', async () => {
    let calls = 0
    for (; ; calls++) {
      const disk = new ModelDisk()
      await (await open(disk)).close()
      const { files, pauser } = pausable(disk)
      const paused = pauser.pauseBefore(calls)
      const slow = open(files).then(
        (session) => session,
        (error: unknown) => error,
      )
      if ((await Promise.race([paused, slow])) !== 'paused') break
      const others = await openTwice(disk)
      pauser.resume()
      const outcome = await slow
      if (others === undefined) {
        await (outcome as CheckpointSession).write([initial])
      } else {
        expect(outcome, `paused before call ${calls}`).toBeInstanceOf(CheckpointLockedError)
        await others.write([initial])
      }
    }
    expect(calls).toBeGreaterThan(15)
  })

  /** Two others come meanwhile; the first one writes and closes, the second one stays. */
  async function openTwice(disk: ModelDisk): Promise<CheckpointSession | undefined> {
    try {
      const first = await open(disk)
      await first.write([initial])
      for (let id = 0; id < 5; id++) await first.write([plan(first, id, 'first'), done(id)])
      await first.close()
      return await open(disk)
    } catch (error) {
      if (error instanceof CheckpointLockedError) return undefined
      throw error
    }
  }
})

describe('an open that fails', () => {
  it('frees the lease, whichever call failed', async () => {
    let calls = 0
    for (; ; calls++) {
      const disk = new ModelDisk()
      const before = await open(disk)
      await before.write([initial, plan(before, 0, 'before')])
      await before.close()
      const { files, pauser } = pausable(disk)
      pauser.failOnce(calls, new Error('EIO'))
      const outcome = await open(files).then(
        (session) => session,
        (error: unknown) => error,
      )
      if (!pauser.failed) break
      // Temporary files that could not be removed are no reason to fail.
      if (outcome instanceof Error) expect(outcome.message, `failed at call ${calls}`).toBe('EIO')
      else await (outcome as CheckpointSession).close()
      const next = await open(disk)
      expect(next.epoch, `failed at call ${calls}`).toBeGreaterThan(before.epoch)
      expect(next.recovered.pending).toMatchObject({ batchId: 0 })
    }
    expect(calls).toBeGreaterThan(15)
  })
})

function pausable(disk: ModelDisk): { files: FileSystem; pauser: PausingFiles } {
  const pauser = new PausingFiles(disk)
  return { files: pauser.files, pauser }
}
