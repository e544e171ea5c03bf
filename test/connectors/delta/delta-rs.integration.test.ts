import { renameSync } from 'node:fs'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingDeltaRs } from '../../../scripts/delta-rs-env.mjs'
import { DeltaLog } from '../../../src/connectors/delta/log.ts'
import { duckdbWriter } from '../../../src/connectors/parquet/duckdb-engine.ts'
import { hyparquetWriter } from '../../../src/connectors/parquet/hyparquet-engine.ts'
import { schema, toSparkJson } from '../../../src/schema.ts'
import { type DeltaRs, startDeltaRs } from '../../support/delta-rs.ts'
import { batchOf, writeBatch } from '../drive.ts'
import { readTable, startWriter, temporaryTable } from './tables.ts'

const missing = missingDeltaRs()
if (missing !== undefined) console.log(`SKIPPED: the tests against delta-rs, because ${missing}`)

const all = schema(
  'id int not null, flag boolean, tiny tinyint, small smallint, big bigint, f float, d double, dec decimal(38,4), s string, bin binary, day date, at timestamp, tags array<string>, props map<string, bigint>, deep struct<x: int, inner: struct<at: timestamp, list: array<decimal(9,2)>>>',
)
const full = {
  id: 1,
  flag: true,
  tiny: -128,
  small: 32_767,
  big: 9_007_199_254_740_993n,
  f: 1.5,
  d: -0.1,
  dec: `${'9'.repeat(34)}.1234`,
  s: 'Zürich 😀',
  bin: new Uint8Array([0, 255]),
  day: new Date('1969-12-31'),
  at: new Date('9999-12-31T23:59:59.999Z'),
  tags: ['a', null],
  props: { one: 1n, none: null },
  deep: { x: 1, inner: { at: new Date('1960-02-29T00:00:00.001Z'), list: ['-1.50', null] } },
}
const empty = Object.fromEntries(Object.keys(full).map((name) => [name, name === 'id' ? 2 : null]))
const asRead = {
  ...{ id: 1, flag: true, tiny: -128, small: 32_767, big: '9007199254740993', f: 1.5, d: -0.1 },
  ...{ dec: full.dec, s: full.s, bin: 'AP8=', day: '1969-12-31', at: '9999-12-31T23:59:59.999000Z', tags: ['a', null] },
  ...{
    props: { one: 1, none: null },
    deep: { x: 1, inner: { at: '1960-02-29T00:00:00.001000Z', list: ['-1.50', null] } },
  },
}

describe.skipIf(missing !== undefined)('delta-rs', () => {
  let deltaRs: DeltaRs
  beforeAll(() => {
    deltaRs = startDeltaRs()
  })
  afterAll(() => deltaRs?.stop())

  it.each([
    ['hyparquet-writer', 'snappy'],
    ['hyparquet-writer', 'zstd'],
    ['duckdb', 'snappy'],
    ['duckdb', 'zstd'],
  ] as const)('reads every type that %s wrote, %s', async (name, compression) => {
    const parquet = name === 'duckdb' ? duckdbWriter(duckdb) : hyparquetWriter()
    const path = await temporaryTable()
    const writer = await startWriter(path, { schema: all, options: { parquet, compression } })
    await writeBatch(writer, batchOf(0), [[[full, empty]]])
    await parquet.close?.()
    expect((await deltaRs.read(path)).rows).toEqual([asRead, empty])
    const { schema: read } = await deltaRs.state(path)
    expect(read.fields).toEqual((JSON.parse(toSparkJson(all)) as typeof read).fields)
  })

  it('has our versions, our txn and our files; also from a checkpoint alone', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path, { options: { partitionBy: ['name'] } })
    for (let batchId = 0; batchId < 12; batchId++)
      await writeBatch(writer, batchOf(batchId), [[[{ id: batchId, name: batchId % 2 ? 'a/b%c d' : null }]]])
    for (let version = 0; version < 10; version++)
      renameSync(new DeltaLog(path).pathOf(version), join(path, `${version}.away`))
    expect(await deltaRs.state(path, { appIds: ['q', 'other'] })).toMatchObject({
      version: 12,
      files: 12,
      txns: { q: 11, other: null },
    })
    const ids = async (options: object) =>
      (await deltaRs.read(path, options)).rows.map(({ id }) => id).sort((a, b) => Number(a) - Number(b))
    expect(await ids({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(await ids({ version: 11 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(await ids({ partitions: [['name', '=', 'a/b%c d']] })).toEqual([1, 3, 5, 7, 9, 11])
  })

  it('leaves files out by our statistics, and no row', async () => {
    const path = await temporaryTable()
    const columns = schema('id bigint not null, d double, s string, at timestamp, day date, dec decimal(20,2)')
    const writer = await startWriter(path, { schema: columns })
    const base = 9_007_199_254_740_992n
    const row = (index: number) => ({
      id: base + BigInt(index),
      d: index === 3 ? Number.NaN : index / 2,
      s: `${'x'.repeat(40)}${index}`,
      at: new Date(1e12 + index),
      day: new Date(864e5 * index),
      dec: `12345678901234567${index}.01`,
    })
    for (let batchId = 0; batchId < 5; batchId++)
      await writeBatch(writer, batchOf(batchId), [[[row(2 * batchId), row(2 * batchId + 1)]]])
    const found = async (filter: string) => (await deltaRs.where(path, filter)).rows.length
    expect(await found(`pc.field('id') == ${base + 7n}`)).toBe(1)
    expect(await found(`pc.field('id') > ${base + 7n}`)).toBe(2)
    expect(await found("pc.field('d') == 2.5")).toBe(1)
    expect(await found(`pc.field('s') == '${'x'.repeat(40)}4'`)).toBe(1)
    expect(await found(`pc.field('s') > '${'x'.repeat(40)}4'`)).toBe(5)
    expect(
      await found(
        "pc.field('at') == pa.scalar(datetime.datetime.fromtimestamp(1000000000.005, datetime.timezone.utc), pa.timestamp('us', 'UTC'))",
      ),
    ).toBe(1)
    expect(await found("pc.field('day') == datetime.date(1970, 1, 5)")).toBe(1)
    const { adds } = await deltaRs.state(path)
    expect(adds.map((add) => add.num_records)).toEqual([2, 2, 2, 2, 2])
    expect(
      adds.some((add) => String(add['min.id']) === String(base + 6n) && String(add['max.id']) === String(base + 7n)),
    ).toBe(true)
    expect(adds.some((add) => add['min.d'] === null)).toBe(true)
  })

  it('appends to our table and we to its; its txn and our own are told apart', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path)
    await writeBatch(writer, batchOf(0), [[[{ id: 1, name: 'ours' }]]])
    await deltaRs.run('append', path, { rows: [{ id: 2, name: 'theirs' }], txn: ['q', 5] })
    // It committed up to batch 5 in our name: ours are skipped.
    expect(await writeBatch(writer, batchOf(5), [[[{ id: 3, name: 'ours' }]]])).toBe('committed')
    expect(await writeBatch(writer, batchOf(6), [[[{ id: 4, name: 'ours' }]]])).toBe('written')
    await deltaRs.run('checkpoint', path)
    await writeBatch(writer, batchOf(7), [[[{ id: 5, name: 'ours' }]]])
    await deltaRs.run('optimize', path)
    await writeBatch(writer, batchOf(8), [[[{ id: 6, name: 'ours' }]]])
    for (const rows of [(await deltaRs.read(path)).rows, await readTable(path)])
      expect(rows.map(({ id }) => id).sort()).toEqual([1, 2, 4, 5, 6])
  })

  it('made a table, and we append to it and read it', async () => {
    const path = await temporaryTable()
    await deltaRs.run('append', path, { rows: [{ id: 1, name: 'theirs', nested: { x: [1, 2] } }] })
    const writer = await startWriter(path, { schema: schema('id bigint, name string') })
    await writeBatch(writer, batchOf(0), [[[{ id: 2n, name: 'ours' }]]])
    expect((await readTable(path)).sort((a, b) => Number(a.id) - Number(b.id))).toEqual([
      { id: 1n, name: 'theirs', nested: { x: [1n, 2n] } },
      { id: 2n, name: 'ours', nested: null },
    ])
    expect((await deltaRs.read(path)).rows).toHaveLength(2)
  })

  it('reads values of partitions of every type', async () => {
    const path = await temporaryTable()
    const columns = schema('id int, b boolean, n bigint, c decimal(10,2), s string, day date, at timestamp')
    const partitionBy = ['b', 'n', 'c', 's', 'day', 'at']
    const writer = await startWriter(path, { schema: columns, options: { partitionBy } })
    const at = new Date('2026-11-01T12:34:56.789Z')
    await writeBatch(writer, batchOf(0), [[[{ id: 1, b: true, n: -5n, c: '1.5', s: 'é /%', day: at, at }, { id: 2 }]]])
    expect((await deltaRs.read(path)).rows.toSorted((a, b) => Number(a.id) - Number(b.id))).toEqual([
      { id: 1, b: true, n: -5, c: '1.50', s: 'é /%', day: '2026-11-01', at: '2026-11-01T12:34:56.789000Z' },
      { id: 2, b: null, n: null, c: null, s: null, day: null, at: null },
    ])
  })
})
