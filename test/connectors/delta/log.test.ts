import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkpointFields } from '../../../src/connectors/delta/checkpoint-schema.ts'
import { DeltaLog } from '../../../src/connectors/delta/log.ts'
import { listingOf } from '../../../src/connectors/delta/log-names.ts'
import { hyparquetWriter } from '../../../src/connectors/parquet/hyparquet-engine.ts'
import { DeltaTableError } from '../../../src/errors.ts'
import { toSparkJson } from '../../../src/schema.ts'
import { batchOf, writeBatch } from '../drive.ts'
import { idSchema, readTable, startWriter, tableOf, temporaryTable } from './tables.ts'

const protocol = { protocol: { minReaderVersion: 1, minWriterVersion: 2 } }
const metaData = {
  metaData: {
    id: 'the-table',
    format: { provider: 'parquet', options: {} },
    schemaString: toSparkJson(idSchema),
    partitionColumns: [],
    configuration: {},
    createdTime: 1,
  },
}
const add = (path: string) => ({ add: { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true } })
const remove = (path: string) => ({ remove: { path, deletionTimestamp: Date.now(), dataChange: true } })
const txn = (appId: string, version: number) => ({ txn: { appId, version } })

async function pathsAt(path: string, version?: number): Promise<string[]> {
  const log = new DeltaLog(path)
  const { start } = await log.startAt(version)
  const live = new Set<string>()
  for await (const { action } of log.actionsOf(start)) {
    if (action.add) live.add(action.add.path)
    if (action.remove) live.delete(action.remove.path)
  }
  return [...live].sort()
}

async function writeParts(path: string, version: number, parts: readonly (readonly object[])[]): Promise<string[]> {
  const names: string[] = []
  for (const [index, rows] of parts.entries()) {
    const digits = (value: number, width: number) => String(value).padStart(width, '0')
    const part = parts.length === 1 ? '' : `.${digits(index + 1, 10)}.${digits(parts.length, 10)}`
    names.push(join(path, '_delta_log', `${digits(version, 20)}.checkpoint${part}.parquet`))
    const file = await hyparquetWriter().open({
      path: names.at(-1) as string,
      fields: checkpointFields,
      compression: 'snappy',
      rowGroupRows: 100,
    })
    await file.write(rows)
    await file.finish()
  }
  return names
}

/** As a checkpoint has it. */
const row = (action: Record<string, Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(action).map(([name, body]) => [
      name,
      Object.fromEntries(
        Object.entries(body).map(([key, value]) => [
          key,
          typeof value === 'number' && !key.startsWith('min') ? BigInt(value) : value,
        ]),
      ),
    ]),
  )

const golden = [
  [protocol, metaData, { commitInfo: { operation: 'CREATE TABLE', anything: [1, { two: null }] } }],
  [add('a'), txn('app', 0)],
  [add('b'), txn('app', 1), txn('other', 7)],
  [remove('a'), add('c')],
  [add('a'), { unknownAction: { some: 'thing' } }],
]

describe('a log', () => {
  it('is read to its last version, and to any before', async () => {
    const path = await tableOf(golden)
    const state = await new DeltaLog(path).update()
    expect(state).toMatchObject({ version: 4, metaData: { id: 'the-table' }, protocol: protocol.protocol })
    expect([...(state?.txns ?? [])].map(([appId, { version }]) => [appId, version])).toEqual([
      ['app', 1],
      ['other', 7],
    ])
    expect(await pathsAt(path)).toEqual(['a', 'b', 'c'])
    expect(await pathsAt(path, 2)).toEqual(['a', 'b'])
    expect(await pathsAt(path, 3)).toEqual(['b', 'c'])
    expect(await pathsAt(path, 0)).toEqual([])
    await expect(pathsAt(path, 9)).rejects.toThrow(/there is no version 9; the last one is 4/)
  })

  it('whose beginning was tidied away starts with a checkpoint, whole or in parts; an unfinished one is none', async () => {
    for (const split of [false, true]) {
      const path = await tableOf(golden)
      const rows = [
        row(protocol),
        row(metaData),
        row(txn('app', 1)),
        row(txn('other', 7)),
        row(remove('a')),
        row(add('b')),
        row(add('c')),
      ]
      const names = await writeParts(path, 3, split ? [rows.slice(0, 2), rows.slice(2, 6), rows.slice(6)] : [rows])
      for (let version = 0; version <= 3; version++) rmSync(new DeltaLog(path).pathOf(version))
      const state = await new DeltaLog(path).update()
      expect(state).toMatchObject({
        version: 4,
        metaData: { id: 'the-table', partitionColumns: [], configuration: {} },
      })
      expect(state?.txns.get('other')?.version).toBe(7)
      expect(await pathsAt(path)).toEqual(['a', 'b', 'c'])
      await expect(pathsAt(path, 1)).rejects.toThrow(/version 1 can't be read any more/)
      if (split) {
        rmSync(names[1] as string)
        await expect(new DeltaLog(path).update()).rejects.toThrow(/000.json: expected this entry, and the log has none/)
      }
    }
  })

  it('is not gone through again for each batch', async () => {
    const path = await tableOf(golden)
    const log = new DeltaLog(path)
    await log.update()
    for (let version = 0; version <= 4; version++) writeFileSync(log.pathOf(version), 'no JSON')
    expect((await log.update())?.version).toBe(4)
    writeFileSync(log.pathOf(5), JSON.stringify(txn('app', 2)))
    expect((await log.update())?.txns.get('app')?.version).toBe(2)
  })

  it('with a gap, a cut entry or an empty one is refused, naming the file', async () => {
    const gap = await tableOf(golden)
    rmSync(new DeltaLog(gap).pathOf(2))
    await expect(new DeltaLog(gap).update()).rejects.toThrow(
      /00002\.json: expected this entry, and the log has none; it has others up to 4/,
    )
    for (const [text, message] of [
      ['{"add":{"path":"x","partitionVal', /00001\.json: line 1 is not JSON; the entry may be cut short/],
      ['', /00001\.json: expected a log entry, found an empty file/],
      ['[1]', /00001\.json: line 1: expected an action, found an array/],
      ['{"txn":{"appId":1}}', /expected a text "appId" in the action "txn"/],
    ] as const) {
      const path = await tableOf([golden[0] as object[], text])
      await expect(new DeltaLog(path).update()).rejects.toThrow(message)
      await expect(new DeltaLog(path).update()).rejects.toBeInstanceOf(DeltaTableError)
    }
    const bare = await tableOf([[protocol]])
    await expect(new DeltaLog(bare).update()).rejects.toThrow(/there is no action "metaData"/)
  })

  it('that was damaged anywhere gives the right answer or a clear error', async () => {
    const path = await tableOf(golden)
    const log = new DeltaLog(path)
    const texts = golden.map((_, version) => readFileSync(log.pathOf(version), 'utf8'))
    const damage = fc.record({
      version: fc.nat({ max: golden.length - 1 }),
      at: fc.nat({ max: 400 }),
      length: fc.nat({ max: 40 }),
      by: fc.string({ unit: fc.constantFrom('{', '}', '"', '1', 'null', '[', ',', '\n', 'x'), maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ version, at, length, by }) => {
        const text = texts[version] as string
        writeFileSync(log.pathOf(version), text.slice(0, at) + by + text.slice(at + length))
        try {
          const state = await new DeltaLog(path).update()
          expect(state?.version).toBe(4)
          expect(typeof state?.metaData.schemaString).toBe('string')
          await pathsAt(path)
        } catch (error) {
          expect(error).toBeInstanceOf(DeltaTableError)
          expect((error as Error).message).toContain('_delta_log')
        } finally {
          writeFileSync(log.pathOf(version), text)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('with a damaged checkpoint is refused, naming it', async () => {
    const path = await tableOf(golden)
    const [name = ''] = await writeParts(path, 3, [[row(protocol), row(metaData)]])
    const bytes = readFileSync(name)
    for (const cut of [0, 3, 50, bytes.length - 9]) {
      writeFileSync(name, bytes.subarray(0, cut))
      await expect(new DeltaLog(path).update()).rejects.toThrow(/checkpoint\.parquet: the checkpoint can't be read/)
    }
  })
})

it('names in the folder that are no entries are left alone', () => {
  const listing = listingOf([
    '_last_checkpoint',
    '.x.sluice.tmp',
    '00000000000000000001.json',
    '1.json',
    '00000000000000000001.crc',
    '00000000000000000002.checkpoint.0000000001.0000000002.parquet',
    '00000000000000000003.checkpoint.9f.parquet',
  ])
  expect(listing).toEqual({ entries: [1], checkpoints: new Map() })
})

describe('our own checkpoints', () => {
  it('come every ten versions and stand for all before them', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path)
    for (let batchId = 0; batchId < 25; batchId++)
      await writeBatch(writer, batchOf(batchId), [[[{ id: batchId, name: null }]]])
    const log = join(path, '_delta_log')
    expect(JSON.parse(readFileSync(join(log, '_last_checkpoint'), 'utf8'))).toMatchObject({
      version: 20,
      size: 23,
      numOfAddFiles: 20,
    })
    const ids = async (version?: number) =>
      (await readTable(path, version === undefined ? {} : { version }))
        .map(({ id }) => id as number)
        .sort((a, b) => a - b)
    expect(await ids()).toEqual(Array.from({ length: 25 }, (_, id) => id))
    for (let version = 0; version < 20; version++)
      renameSync(new DeltaLog(path).pathOf(version), join(log, `${version}.away`))
    expect(await ids()).toEqual(Array.from({ length: 25 }, (_, id) => id))
    expect(await ids(20)).toEqual(Array.from({ length: 20 }, (_, id) => id))
    const again = await startWriter(path, { epoch: 2 })
    expect(await writeBatch(again, batchOf(24), [[[{ id: 99, name: null }]]])).toBe('committed')
    expect(await writeBatch(again, batchOf(3), [[[{ id: 99, name: null }]]])).toBe('committed')
    expect(await writeBatch(again, batchOf(25), [[[{ id: 25, name: null }]]])).toBe('written')
    expect(await ids()).toHaveLength(26)
  })
})
