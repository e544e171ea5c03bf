import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { type FileCheckpointOptions, fileCheckpoint, fileCheckpointOn } from '../../src/checkpoint/file.ts'
import { nodeFileSystem } from '../../src/checkpoint/file-system.ts'
import { encodeJournal } from '../../src/checkpoint/journal.ts'
import { nodeProcesses } from '../../src/checkpoint/process-identity.ts'
import { CheckpointCorruptError, CheckpointWriteError, OptionError } from '../../src/errors.ts'
import { collect, failureOf, settle } from './settle.ts'
import { temporaryFolder } from './temporary-folder.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

function newFolder(): string {
  const folder = temporaryFolder()
  cleanups.push(folder.remove)
  return join(folder.path, 'cp')
}

const now = 1719290659041

function open(dir: string, sources = ['src'], options: FileCheckpointOptions = {}): Promise<CheckpointSession> {
  return settle(
    fileCheckpointOn({ files: nodeFileSystem, processes: nodeProcesses, now: () => now }, dir, options).open({
      sources,
    }),
  )
}

const initial: LogRecord = { initial: { seq: 0 } }
const plan = (session: CheckpointSession, batchId: number): LogRecord => ({
  plan: {
    queryId: session.queryId,
    batchId,
    start: { seq: batchId },
    end: { seq: batchId + 1 },
    partitions: [{ at: batchId }],
  },
})
const done = (batchId: number): LogRecord => ({ done: batchId, outcome: 'committed' })

async function withBatches(dir: string, count: number, options: FileCheckpointOptions = {}): Promise<void> {
  const session = await open(dir, ['src'], options)
  await session.write([initial])
  for (let id = 0; id < count; id++) await session.write([plan(session, id), done(id)])
  await session.close()
}

/** Every file below a folder with its content, and every folder. */
function treeOf(dir: string): Record<string, string> {
  const tree: Record<string, string> = {}
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    tree[path.slice(dir.length + 1)] = entry.isDirectory() ? '(folder)' : readFileSync(path, 'latin1')
  }
  return tree
}

function put(dir: string, files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(dir, name, '..'), { recursive: true })
    writeFileSync(join(dir, name), content)
  }
}

// From the checkpoints that Spark's own tests keep (checkpoint-version-4.0.0).
const sparkConf =
  '{"spark.sql.streaming.stateStore.providerClass":"org.apache.spark.sql.execution.streaming.state.HDFSBackedStateStoreProvider","spark.sql.streaming.stateStore.rocksdb.formatVersion":"5","spark.sql.streaming.statefulOperator.useStrictDistribution":"true","spark.sql.streaming.flatMapGroupsWithState.stateFormatVersion":"2","spark.sql.streaming.multipleWatermarkPolicy":"min","spark.sql.streaming.aggregation.stateFormatVersion":"2","spark.sql.shuffle.partitions":"5","spark.sql.streaming.join.stateFormatVersion":"2","spark.sql.streaming.stateStore.compression.codec":"lz4"}'
const sparkId = 'ab7bcd9a-4146-45d3-933d-a615b381c3be'
const sparkOffsets = (...offsets: string[]) =>
  `v1\n{"batchWatermarkMs":0,"batchTimestampMs":1719290659041,"conf":${sparkConf}}\n${offsets.join('\n')}`
const sparkCommit = 'v1\n{"nextBatchWatermarkMs":5000}'
const spark = (planned: number, finished: number): Record<string, string> => {
  const files: Record<string, string> = { metadata: `{"id":"${sparkId}"}`, '.metadata.crc': 'crc' }
  for (let id = 0; id < planned; id++)
    Object.assign(files, { [`offsets/${id}`]: sparkOffsets(`{"seq": ${id + 1}}`), [`offsets/.${id}.crc`]: 'crc' })
  for (let id = 0; id < finished; id++)
    Object.assign(files, { [`commits/${id}`]: sparkCommit, [`commits/.${id}.crc`]: 'crc' })
  return files
}

describe('what Spark reads', () => {
  it('is written byte for byte as Spark writes it', async () => {
    const dir = newFolder()
    const session = await open(dir)
    const batch = {
      queryId: session.queryId,
      batchId: 0,
      start: { seq: 0 },
      end: { seq: 200, naïve: { '€': true } },
      partitions: [],
    }
    await session.write([initial, { plan: batch }, done(0)])
    await session.close()
    const tree = treeOf(dir)
    expect(tree.metadata).toBe(`{"id":"${session.queryId}"}`)
    expect(tree.metadata).toHaveLength(45)
    expect(tree['offsets/0']).toBe(
      'v1\n{"batchWatermarkMs":0,"batchTimestampMs":1719290659041,"conf":{}}\n{"seq": 200, "na\\u00efve": {"\\u20ac": true}}',
    )
    expect(tree['commits/0']).toBe('v1\n{"nextBatchWatermarkMs":0}')
  })

  it('has one line for each source, in their order', async () => {
    const dir = newFolder()
    const session = await open(dir, ['b', 'a'])
    const start = { a: { n: 0 }, b: { n: 0 } }
    await session.write([
      { initial: start },
      { plan: { queryId: session.queryId, batchId: 0, start, end: { a: { n: 1 }, b: { n: 2 } }, partitions: [] } },
    ])
    expect(readFileSync(join(dir, 'offsets/0'), 'utf8').split('\n').slice(2)).toEqual(['{"n": 2}', '{"n": 1}'])
  })

  it('holds nothing but entries in offsets and commits, and everything else in _sluice', async () => {
    const dir = newFolder()
    await withBatches(dir, 2)
    expect(readdirSync(dir).sort()).toEqual(['_sluice', 'commits', 'metadata', 'offsets'])
    expect(readdirSync(join(dir, 'offsets')).sort()).toEqual(['0', '1'])
    expect(readdirSync(join(dir, 'commits')).sort()).toEqual(['0', '1'])
    expect(readdirSync(join(dir, '_sluice')).sort()).toEqual([
      'abandoned',
      'initial',
      'journals',
      'lease',
      'plans',
      'sources',
    ])
  })

  it('marks an abandoned batch for itself only', async () => {
    const dir = newFolder()
    const session = await open(dir)
    await session.write([initial, plan(session, 0), { done: 0, outcome: 'abandoned' }])
    expect(readFileSync(join(dir, 'commits/0'), 'utf8')).toBe('v1\n{"nextBatchWatermarkMs":0}')
    expect(readdirSync(join(dir, '_sluice/abandoned'))).toEqual(['0'])
  })
})

describe('a checkpoint that Spark began', () => {
  it('goes on after its last batch, without changing a file of it', async () => {
    const dir = newFolder()
    put(dir, spark(3, 3))
    const before = treeOf(dir)
    const session = await open(dir)
    expect(session.queryId).toBe(sparkId)
    expect(session.recovered.done).toEqual({
      queryId: sparkId,
      batchId: 2,
      start: { seq: 2 },
      end: { seq: 3 },
      partitions: [],
    })
    await session.write([plan(session, 3), done(3)])
    await session.close()
    expect(treeOf(dir)).toMatchObject(before)
    expect((await open(dir)).recovered.done).toEqual({
      ...session.recovered.done,
      batchId: 3,
      start: { seq: 3 },
      end: { seq: 4 },
      partitions: [{ at: 3 }],
    })
  })

  it('gives an unfinished batch to be planned, then replays that plan', async () => {
    const dir = newFolder()
    put(dir, spark(3, 2))
    const before = treeOf(dir)
    const session = await open(dir)
    expect(session.recovered.pending).toBeUndefined()
    expect(session.recovered.unplanned).toEqual({ batchId: 2, start: { seq: 2 }, end: { seq: 3 } })
    expect(await failureOf(() => session.write([done(2)]))).toMatchObject({ name: 'PortError' })
    const wrong: LogRecord = {
      plan: { queryId: sparkId, batchId: 2, start: { seq: 2 }, end: { seq: 9 }, partitions: [] },
    }
    expect(await failureOf(() => session.write([wrong]))).toMatchObject({ name: 'PortError' })
    const elsewhere: LogRecord = {
      plan: { queryId: sparkId, batchId: 2, start: { seq: 1 }, end: { seq: 3 }, partitions: [] },
    }
    expect(await failureOf(() => session.write([elsewhere]))).toMatchObject({ name: 'PortError' })
    await session.write([plan(session, 2)])
    await session.close()
    expect(treeOf(dir)).toMatchObject(before)
    const next = await open(dir)
    expect(next.recovered).toMatchObject({ pending: { batchId: 2, partitions: [{ at: 2 }] } })
    expect(next.recovered.unplanned).toBeUndefined()
    await next.write([done(2)])
  })

  it('asks for the initial offset of an unfinished batch 0', async () => {
    const dir = newFolder()
    put(dir, spark(1, 0))
    const session = await open(dir)
    expect(session.recovered).toEqual({ unplanned: { batchId: 0, end: { seq: 1 } } })
    await session.write([initial, plan(session, 0), done(0)])
    await session.close()
    expect((await open(dir)).recovered).toMatchObject({ initial: { seq: 0 }, done: { batchId: 0, start: { seq: 0 } } })
  })

  it('goes on after batch 0 without an initial offset', async () => {
    const dir = newFolder()
    put(dir, spark(1, 1))
    const session = await open(dir)
    expect(session.recovered.initial).toBeUndefined()
    expect(session.recovered.done).toMatchObject({ batchId: 0, end: { seq: 1 } })
    await session.write([plan(session, 1)])
  })

  it('ignores the plan of a batch that Spark then planned itself', async () => {
    const dir = newFolder()
    await withBatches(dir, 1)
    const session = await open(dir)
    await session.write([plan(session, 1)])
    await session.close()
    rmSync(join(dir, 'offsets/1')) // a crash between the plan and its offsets
    put(dir, { 'offsets/1': sparkOffsets('{"seq": 5}') })
    const next = await open(dir)
    expect(next.recovered).toMatchObject({
      done: { batchId: 0 },
      unplanned: { batchId: 1, start: { seq: 1 }, end: { seq: 5 } },
    })
    await next.write([
      { plan: { queryId: next.queryId, batchId: 1, start: { seq: 1 }, end: { seq: 5 }, partitions: ['again'] } },
    ])
    await next.close()
    expect((await open(dir)).recovered.pending).toMatchObject({ end: { seq: 5 }, partitions: ['again'] })
  })

  it('forgets a plan whose offsets were never written', async () => {
    const dir = newFolder()
    await withBatches(dir, 1)
    const session = await open(dir)
    await session.write([{ journal: 1, rows: encodeJournal([1]) }, plan(session, 1)])
    await session.close()
    rmSync(join(dir, 'offsets/1'))
    const next = await open(dir)
    expect(next.recovered.pending).toBeUndefined()
    expect(readdirSync(join(dir, '_sluice/plans'))).toEqual(['0'])
    expect(await collect(next.readJournal?.(1) ?? [])).toEqual([])
  })

  it('reads several sources by their place', async () => {
    const dir = newFolder()
    put(dir, {
      metadata: `{"id":"${sparkId}"}`,
      'offsets/0': sparkOffsets('{"n": 1}', '{"n": 2}'),
      'commits/0': 'v1\n{}',
    })
    expect((await open(dir, ['x', 'y'])).recovered.done?.end).toEqual({ x: { n: 1 }, y: { n: 2 } })
  })

  it('accepts what Spark accepts: an empty metadata line, a commit of one line, other names, folders', async () => {
    const dir = newFolder()
    put(dir, {
      ...spark(2, 2),
      'offsets/1': 'v1\n\n{"seq": 2}',
      'commits/1': 'v1',
      'offsets/.2.0d9.tmp': 'x',
      'offsets/7/file': 'x',
      'commits/notes': 'x',
    })
    expect((await open(dir)).recovered.done?.batchId).toBe(1)
  })
})

describe('refusals', () => {
  const finished = 2
  const cases: Record<string, [file: string, change: (dir: string) => void]> = {
    'an empty offsets file': ['offsets/1', (dir) => put(dir, { 'offsets/1': '' })],
    'offsets cut after the version': ['offsets/1', (dir) => put(dir, { 'offsets/1': 'v1' })],
    'offsets cut in the offset': [
      'offsets/1',
      (dir) => put(dir, { 'offsets/1': readFileSync(join(dir, 'offsets/1'), 'utf8').slice(0, -3) }),
    ],
    'offsets cut before the offset': ['offsets/1', (dir) => put(dir, { 'offsets/1': 'v1\n{}' })],
    'an old entry that is cut short': ['offsets/0', (dir) => put(dir, { 'offsets/0': 'v1\n{' })],
    'offsets changed after they were planned': [
      'offsets/1',
      (dir) => put(dir, { 'offsets/1': readFileSync(join(dir, 'offsets/1'), 'utf8').replace('"seq": 2', '"seq": 3') }),
    ],
    'offsets that are not UTF-8': [
      'offsets/1',
      (dir) => writeFileSync(join(dir, 'offsets/1'), Buffer.from([0x76, 0x31, 0x0a, 0xff])),
    ],
    'newer offsets': ['offsets/1', (dir) => put(dir, { 'offsets/1': 'v2\n{}\n0:{"seq": 2}' })],
    'a version that is none': ['offsets/1', (dir) => put(dir, { 'offsets/1': 'v0\n{}\n{"seq": 2}' })],
    'no offset for the source yet': ['offsets/1', (dir) => put(dir, { 'offsets/1': 'v1\n{"conf":{"a":"b"}}\n-' })],
    'an offset that is not an object': ['offsets/1', (dir) => put(dir, { 'offsets/1': 'v1\n{"conf":{"a":"b"}}\n1' })],
    'an entry with a number that is no id': [
      'offsets/01',
      (dir) => put(dir, { 'offsets/01': sparkOffsets('{"seq": 1}') }),
    ],
    'an empty commit': ['commits/1', (dir) => put(dir, { 'commits/1': '' })],
    'a commit cut short': ['commits/1', (dir) => put(dir, { 'commits/1': 'v1\n{"next' })],
    'a newer commit': [
      'commits/1',
      (dir) => put(dir, { 'commits/1': 'v2\n{"nextBatchWatermarkMs":0,"stateUniqueIds":{}}' }),
    ],
    'done ahead of plans': ['offsets/2', (dir) => put(dir, { 'commits/2': 'v1\n{}' })],
    'done more than one behind': [
      'commits/0',
      (dir) => readdirSync(join(dir, 'commits')).forEach((name) => void rmSync(join(dir, 'commits', name))),
    ],
    'a missing batch before the last': ['offsets/0', (dir) => rmSync(join(dir, 'offsets/0'))],
    'a changed plan': [
      'plans/1',
      (dir) =>
        put(dir, { '_sluice/plans/1': readFileSync(join(dir, '_sluice/plans/1'), 'utf8').replace('"at":1', '"at":2') }),
    ],
    'a plan cut short': ['plans/1', (dir) => put(dir, { '_sluice/plans/1': 'v1\n{' })],
    'a newer plan': ['plans/1', (dir) => put(dir, { '_sluice/plans/1': 'v2\n{}' })],
    'a missing initial offset': ['initial', (dir) => rmSync(join(dir, '_sluice/initial'))],
    'an initial offset cut short': ['initial', (dir) => put(dir, { '_sluice/initial': 'v1\n{"seq"' })],
    'a newer initial offset': ['initial', (dir) => put(dir, { '_sluice/initial': 'v3\n{"seq": 0}' })],
    'other sources': ['sources', (dir) => put(dir, { '_sluice/sources': 'v1\n["other"]' })],
    'sources cut short': ['sources', (dir) => put(dir, { '_sluice/sources': 'v1\n["sr' })],
    'missing metadata': ['metadata', (dir) => rmSync(join(dir, 'metadata'))],
    'empty metadata': ['metadata', (dir) => put(dir, { metadata: '' })],
    'metadata cut short': ['metadata', (dir) => put(dir, { metadata: '{"id":"ab' })],
    'metadata without an id': ['metadata', (dir) => put(dir, { metadata: '{}' })],
    'the state of a Spark query': ['state', (dir) => put(dir, { 'state/0/0/1.delta': '' })],
  }

  it.each(Object.keys(cases))('%s: names the file and what was expected, and leaves all as it was', async (what) => {
    const [file, change] = cases[what] as (typeof cases)[string]
    const dir = newFolder()
    await withBatches(dir, finished)
    change(dir)
    const before = treeOf(dir)
    const error = await failureOf(() => open(dir))
    expect(error).toBeInstanceOf(CheckpointCorruptError)
    expect(error.message).toContain(file)
    expect(error.message).toContain('expected')
    expect(treeOf(dir)).toEqual(before)
  })

  const foreign: Record<string, [string, Record<string, string>, string[]]> = {
    'offsets without metadata': ['metadata', { 'offsets/0': sparkOffsets('{"seq": 1}') }, ['src']],
    'a folder of other files': ['data.csv', { 'data.csv': 'a,b' }, ['src']],
    'fewer sources than Spark had': [
      'offsets/0',
      { metadata: `{"id":"x"}`, 'offsets/0': sparkOffsets('{"n": 1}', '{"n": 2}') },
      ['src'],
    ],
    'more sources than Spark had': [
      'offsets/0',
      { metadata: `{"id":"x"}`, 'offsets/0': sparkOffsets('{"n": 1}') },
      ['a', 'b'],
    ],
    'a Spark query with state': [
      'state',
      { metadata: `{"id":"x"}`, 'offsets/0': sparkOffsets('1'), 'state/0/0/1.delta': '' },
      ['src'],
    ],
  }
  it.each(Object.keys(foreign))('%s: leaves all as it was', async (what) => {
    const [file, files, sources] = foreign[what] as (typeof foreign)[string]
    const dir = newFolder()
    put(dir, files)
    const before = treeOf(dir)
    const error = await failureOf(() => open(dir, sources))
    expect(error).toBeInstanceOf(CheckpointCorruptError)
    expect(error.message).toContain(file)
    expect(treeOf(dir)).toEqual(before)
  })

  it.each<[string, (path: string) => void]>([
    ['cut short', (path) => writeFileSync(path, readFileSync(path).subarray(0, -1))],
    ['missing', (path) => rmSync(path)],
  ])('a pending journal that is %s', async (_, damage) => {
    const dir = newFolder()
    const session = await open(dir)
    await session.write([
      initial,
      { journal: 0, rows: encodeJournal(['a']) },
      { journal: 0, rows: encodeJournal(['b']) },
      plan(session, 0),
    ])
    await session.close()
    damage(join(dir, '_sluice/journals/0-1'))
    const before = treeOf(dir)
    const error = await failureOf(() => open(dir))
    expect(error).toBeInstanceOf(CheckpointCorruptError)
    expect(error.message).toContain('journals/0-1')
    expect(treeOf(dir)).toEqual(before)
  })

  it('of options and folders', () => {
    expect(() => fileCheckpoint('')).toThrow(OptionError)
    expect(() => fileCheckpoint('x', { retain: 1 })).toThrow(OptionError)
    expect(() => fileCheckpoint('x', { retian: 5 } as FileCheckpointOptions)).toThrow('retain')
  })
})

describe('a folder for a new checkpoint', () => {
  it('may be an empty volume', async () => {
    const dir = newFolder()
    put(dir, { 'lost+found/x': '', '.hidden': '' })
    expect((await open(dir)).recovered).toEqual({})
  })

  it('may hold what a crash before the first entry left', async () => {
    const dir = newFolder()
    mkdirSync(join(dir, '_sluice/lease'), { recursive: true })
    mkdirSync(join(dir, 'offsets'))
    expect((await open(dir)).recovered).toEqual({})
  })
})

describe('files', () => {
  it('of the journal are private to the user', async () => {
    const dir = newFolder()
    const session = await open(dir)
    await session.write([initial, { journal: 0, rows: encodeJournal([1]) }])
    expect(statSync(join(dir, '_sluice/journals')).mode & 0o777).toBe(0o700)
    expect(statSync(join(dir, '_sluice/journals/0-0')).mode & 0o777).toBe(0o600)
  })

  it('that a dead process left half-written go away at the next open; those of others stay', async () => {
    const dir = newFolder()
    await withBatches(dir, 1)
    const ours = '.1.1-0d9a4b1e-7c55-4b3e-9a53-1f2e3d4c5b6a.sluice.tmp'
    put(dir, {
      [`offsets/${ours}`]: 'x',
      [`_sluice/plans/${ours}`]: 'x',
      [`_sluice/lease/${ours}`]: 'x',
      'offsets/.1.0d9a4b1e.tmp': 'x',
    })
    await open(dir)
    const left = Object.keys(treeOf(dir)).filter((path) => path.endsWith('.tmp'))
    expect(left).toEqual(['offsets/.1.0d9a4b1e.tmp'])
  })

  it('of old batches go away from the oldest upward, with the checksums beside them', async () => {
    const dir = newFolder()
    put(dir, spark(3, 3))
    const session = await open(dir, ['src'], { retain: 2 })
    await session.write([plan(session, 3), done(3)])
    expect(readdirSync(join(dir, 'offsets')).sort()).toEqual(['.1.crc', '.2.crc', '1', '2', '3'])
    await session.write([{ journal: 4, rows: encodeJournal([1]) }, plan(session, 4), { done: 4, outcome: 'abandoned' }])
    for (const id of [5, 6, 7]) await session.write([plan(session, id), done(id)])
    const tree = Object.keys(treeOf(dir)).filter((path) => /\d$|crc$/.test(path) && !path.includes('lease'))
    const kept = [5, 6, 7].flatMap((id) => [`offsets/${id}`, `commits/${id}`, `_sluice/plans/${id}`])
    expect(tree.sort()).toEqual(['.metadata.crc', ...kept].sort())
  })

  it('of many old batches go away when retain is lowered', async () => {
    const dir = newFolder()
    await withBatches(dir, 9)
    await withMore(dir, 9, { retain: 2 })
    expect(readdirSync(join(dir, 'offsets')).sort()).toEqual(['7', '8', '9'])
  })

  async function withMore(dir: string, batchId: number, options: FileCheckpointOptions): Promise<void> {
    const session = await open(dir, ['src'], options)
    await session.write([plan(session, batchId), done(batchId)])
    await session.close()
  }
})

describe('a write', () => {
  it('that meets an entry of someone who ignores the lease fails, and leaves that entry', async () => {
    const dir = newFolder()
    const session = await open(dir)
    await session.write([initial])
    put(dir, { 'offsets/0': sparkOffsets('{"seq": 1}') })
    const error = await failureOf(() => session.write([plan(session, 0)]))
    expect(error).toBeInstanceOf(CheckpointCorruptError)
    expect(error.message).toContain('offsets/0')
    expect(readFileSync(join(dir, 'offsets/0'), 'utf8')).toBe(sparkOffsets('{"seq": 1}'))
    expect(await failureOf(() => session.write([initial]))).toBeInstanceOf(CheckpointWriteError)
  })

  it('that failed ends the session; opening again finds out', async () => {
    const dir = newFolder()
    let failing = false
    const files = {
      ...nodeFileSystem,
      syncFolder: (path: string) => (failing ? Promise.reject(new Error('EIO')) : nodeFileSystem.syncFolder(path)),
    }
    const checkpoint = fileCheckpointOn({ files, processes: nodeProcesses, now: () => now }, dir, {})
    const session = await settle(checkpoint.open({ sources: ['src'] }))
    await session.write([initial])
    failing = true
    const error = await failureOf(() => session.write([plan(session, 0)]))
    expect(error).toBeInstanceOf(CheckpointWriteError)
    expect(error.cause).toMatchObject({ message: 'EIO' })
    failing = false
    expect(await failureOf(() => session.write([plan(session, 0)]))).toBeInstanceOf(CheckpointWriteError)
    await session.close()
    const next = await settle(checkpoint.open({ sources: ['src'] }))
    expect(next.recovered).toEqual({ initial: { seq: 0 } })
    await next.write([plan(next, 0)])
  })

  it('and a close wait for the write before them', async () => {
    const dir = newFolder()
    const session = await open(dir)
    await Promise.all([
      session.write([initial]),
      session.write([plan(session, 0)]),
      session.write([done(0)]),
      session.close(),
    ])
    expect((await open(dir)).recovered.done?.batchId).toBe(0)
  })
})

it('can be copied while nobody uses it', async () => {
  const dir = newFolder()
  await withBatches(dir, 3)
  cpSync(dir, `${dir}-copy`, { recursive: true })
  chmodSync(join(`${dir}-copy`, 'metadata'), 0o444)
  expect((await open(`${dir}-copy`)).recovered.done?.batchId).toBe(2)
})
