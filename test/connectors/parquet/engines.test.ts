import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as duckdb from '@duckdb/node-api'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { duckdbWriter } from '../../../src/connectors/parquet/duckdb-engine.ts'
import { hyparquetWriter } from '../../../src/connectors/parquet/hyparquet-engine.ts'
import type { ParquetEngine, ParquetSummary } from '../../../src/connectors/parquet/port.ts'
import { readParquet } from '../../../src/connectors/parquet/read.ts'
import { leavesOf } from '../../../src/connectors/parquet/summary.ts'
import type { DataType } from '../../../src/schema/data-type.ts'
import { type Field, schema } from '../../../src/schema.ts'
import { columns, rowOf } from '../../schema/arbitraries.ts'

type Row = Record<string, unknown>
let folder = ''
let files = 0
let connection: duckdb.DuckDBConnection
let instance: duckdb.DuckDBInstance
const newPath = () => join(folder, `${files++}.parquet`)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-parquet-'))
  instance = await duckdb.DuckDBInstance.create(':memory:')
  connection = await instance.connect()
})
afterAll(async () => {
  connection.closeSync()
  instance.closeSync()
  await rm(folder, { recursive: true, force: true })
})

async function write(
  engine: ParquetEngine,
  fields: readonly Field[],
  chunks: readonly (readonly object[])[],
  over: { readonly compression?: 'snappy' | 'zstd'; readonly rowGroupRows?: number } = {},
): Promise<{ path: string; summary: ParquetSummary }> {
  const path = newPath()
  const file = await engine.open({ path, fields, compression: 'snappy', rowGroupRows: 10_000, ...over })
  for (const chunk of chunks) await file.write(chunk)
  return { path, summary: await file.finish() }
}

async function rowsOf(path: string, fields: readonly Field[]): Promise<Row[]> {
  const rows: Row[] = []
  for await (const chunk of readParquet(path, fields)) rows.push(...chunk)
  return rows
}

/** What a reader who isn't ours makes of the file: DuckDB reads it and writes what it understood to another one. */
async function throughDuckDb(path: string): Promise<string> {
  const copy = newPath()
  await connection.run(`copy (select * from read_parquet('${path}')) to '${copy}' (format parquet)`)
  return copy
}

/** A row as it comes back: nothing is missing, a date has lost its time of day, a decimal has all digits, a zero no sign. */
function stored(fields: readonly Field[], row: Row): Row {
  return Object.fromEntries(fields.map(({ name, type }) => [name, storedValue(type, own(row, name))]))
}

const own = (row: Row, name: string): unknown => (Object.hasOwn(row, name) ? row[name] : undefined)

function storedValue(type: DataType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'array':
      return (value as unknown[]).map((item) => storedValue(type.element, item))
    case 'map':
      return Object.fromEntries(
        Object.entries(value as Row).map(([key, item]) => [wellFormed(key), storedValue(type.value, item)]),
      )
    case 'struct':
      return stored(type.fields, value as Row)
    case 'float':
    case 'double':
      return (value as number) + 0 // DuckDB has one zero for both
    case 'date':
      return new Date(Math.floor((value as Date).getTime() / 86_400_000) * 86_400_000)
    case 'string':
    case 'varchar':
    case 'char':
      return wellFormed(value as string)
    default:
      return value
  }
}

const wellFormed = (text: string) => text.toWellFormed()

/** The package `hyparquet` makes plain objects of structs, and joins the names of nested columns by dots. */
const isReadableName = (name: string) => name !== '__proto__' && !/[\0.]/.test(name)

const isWritable = (fields: readonly Field[]): boolean =>
  fields.every(({ name, type }) => isReadableName(name) && hasFields(type))
function hasFields(type: DataType): boolean {
  if (type.kind === 'array') return hasFields(type.element)
  if (type.kind === 'map') return hasFields(type.value)
  return type.kind !== 'struct' || (type.fields.length > 0 && isWritable(type.fields))
}

/** Bounds hold for every value, and nulls are counted right. */
function checkSummary(fields: readonly Field[], rows: readonly Row[], { columns: found }: ParquetSummary): void {
  expect(found.map(({ path }) => path)).toEqual(leavesOf(fields).map(({ path }) => path))
  for (const { path, nullCount, min, max } of found) {
    const values = rows.map((row) =>
      path.reduce<unknown>((value, name) => (value === null ? null : (own(value as Row, name) ?? null)), row),
    )
    const { type } = leavesOf(fields).find((leaf) => leaf.path.join('\n') === path.join('\n')) as { type: DataType }
    expect(nullCount).toBe(values.filter((value) => value === null).length)
    if (min === undefined) continue
    const order = (value: unknown): bigint | number | Buffer => {
      if (type.kind === 'decimal') return BigInt((value as string).replace('.', ''))
      if (typeof value === 'string') return Buffer.from(value)
      if (value instanceof Date) return storedValue(type, value as Date) as number
      return Number.isNaN(value) ? (expect.unreachable('bounds beside a NaN') as never) : (value as number)
    }
    for (const value of values.filter((one) => one !== null)) {
      for (const [low, high] of [
        [min, value],
        [value, max],
      ] as const) {
        const [a, b] = [order(low), order(high)]
        expect(a instanceof Buffer && b instanceof Buffer ? Buffer.compare(a, b) <= 0 : a <= b).toBe(true)
      }
    }
  }
}

const engines = { hyparquet: hyparquetWriter(), duckdb: duckdbWriter(duckdb) }
afterAll(() => engines.duckdb.close?.())

describe.each(Object.entries(engines))('%s', (name, engine) => {
  it('gives back the rows of any schema, to itself and to a reader of another maker, with right bounds', async () => {
    const table = columns
      .filter(isWritable)
      .chain((fields) =>
        fc.tuple(fc.constant(fields), fc.array(fc.array(rowOf(fields), { maxLength: 4 }), { maxLength: 3 })),
      )
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom('snappy', 'zstd'),
        fc.constantFrom(2, 10_000),
        async ([fields, chunks], compression, rowGroupRows) => {
          const { path, summary } = await write(engine, fields, chunks, { compression, rowGroupRows })
          const rows = chunks.flat().map((row) => stored(fields, row))
          expect(summary.rows).toBe(rows.length)
          const found = async (file: string) => (await rowsOf(file, fields)).map((row) => stored(fields, row))
          expect(await found(path)).toEqual(rows)
          checkSummary(fields, rows, summary)
          if (rows.length > 0) expect(await found(await throughDuckDb(path))).toEqual(rows)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('types are those that Spark expects: timestamps in microseconds of UTC', async () => {
    const { fields } = schema('a timestamp, b date, c decimal(10,2), d tinyint, e binary, f bigint, g float')
    const { path } = await write(engine, fields, [[{ a: new Date(0) }]])
    const reader = await connection.runAndReadAll(`select name, type, converted_type from parquet_schema('${path}')`)
    expect(reader.getRows().slice(1)).toEqual([
      ['a', 'INT64', 'TIMESTAMP_MICROS'],
      ['b', 'INT32', 'DATE'],
      ['c', 'INT64', 'DECIMAL'],
      ['d', 'INT32', 'INT_8'],
      ['e', 'BYTE_ARRAY', null],
      ['f', 'INT64', name === 'duckdb' ? 'INT_64' : null],
      ['g', 'FLOAT', null],
    ])
    const types = await connection.runAndReadAll(`describe select * from read_parquet('${path}')`)
    expect(types.getRows()[0]?.slice(0, 2)).toEqual(['a', 'TIMESTAMP WITH TIME ZONE'])
  })

  it('keeps what a double can not: bigints beyond 2⁵³, decimals of 38 digits, the last day of the year 9999', async () => {
    const { fields } = schema('l bigint, d decimal(38,3), t timestamp')
    const row = { l: 9_007_199_254_740_993n, d: `-${'9'.repeat(35)}.999`, t: new Date('9999-12-31T23:59:59.999Z') }
    const { path, summary } = await write(engine, fields, [[row]])
    expect(await rowsOf(path, fields)).toEqual([row])
    expect(summary.columns).toEqual([
      { path: ['l'], nullCount: 0, min: row.l, max: row.l },
      { path: ['d'], nullCount: 0, min: row.d, max: row.d },
      { path: ['t'], nullCount: 0, min: row.t, max: row.t },
    ])
  })

  it('keeps the byte order mark that a text begins with, and has no bound that leaves it out', async () => {
    const { fields } = schema('s string, t struct<u: string>, l array<string>, m map<string, int>')
    const marked = '\ufeffa'
    const row = { s: marked, t: { u: marked }, l: [marked], m: { [marked]: 1 } }
    const other = { s: 'b', t: { u: 'b' }, l: null, m: null }
    const { path, summary } = await write(engine, fields, [[row, other]])
    expect(await rowsOf(path, fields)).toEqual([row, other])
    checkSummary(fields, [row, other], summary)
  })

  it('has no bounds where there is a NaN', async () => {
    const { fields } = schema('n double')
    const { summary } = await write(engine, fields, [[{ n: 1 }, { n: Number.NaN }, { n: null }, { n: 2 }]])
    expect(summary.columns).toEqual([{ path: ['n'], nullCount: 1 }])
  })

  it('has none in the file itself, where readers to whom NaN is the greatest number would pass by it', async () => {
    const { fields } = schema('n double, s struct<f: float>, l array<double>')
    const at = (n: number) => ({ n, s: { f: n }, l: [n] })
    const { path } = await write(engine, fields, [[at(1), at(Number.NaN), at(2)]])
    const reader = await connection.runAndReadAll(
      `select path_in_schema, stats_min_value, stats_max_value from parquet_metadata('${path}')`,
    )
    for (const row of reader.getRows()) expect(row.slice(1)).toEqual([null, null])
  })

  it('makes no −0 of a 0, and keeps a −0 or makes a 0 of it', async () => {
    const { fields } = schema('n double, s struct<f: float>, l array<double>, m map<string, double>')
    const at = (zero: number) => ({ n: zero, s: { f: zero }, l: [zero, null], m: { a: zero } })
    const rows = Array.from({ length: 100 }, (_, index) => at(index % 2 === 0 ? -0 : 0))
    const { path } = await write(engine, fields, [rows])
    const found = await rowsOf(path, fields)
    const expected = name === 'duckdb' ? rows.map(() => at(0)) : rows
    expect(found.findIndex((row, index) => !isDeepStrictEqual(row, expected[index]))).toBe(-1)
  })

  it('cuts row groups', async () => {
    const { fields } = schema('id int not null')
    const rows = Array.from({ length: 25_000 }, (_, id) => ({ id }))
    const { path } = await write(engine, fields, [rows.slice(0, 3), rows.slice(3)], { rowGroupRows: 10_000 })
    const reader = await connection.runAndReadAll(
      `select distinct row_group_id, row_group_num_rows from parquet_metadata('${path}') order by 1`,
    )
    const sizes = reader.getRows().map(([, count]) => Number(count))
    // DuckDB cuts at whole vectors.
    expect(sizes).toEqual(name === 'duckdb' ? [10_240, 10_240, 4_520] : [10_000, 10_000, 5_000])
    expect(await rowsOf(path, fields)).toEqual(rows)
  })

  it('a discarded file is gone, in whichever state it was', async () => {
    const { fields } = schema('id int')
    const before = await readdir(folder)
    for (const steps of [0, 1, 2]) {
      const file = await engine.open({ path: newPath(), fields, compression: 'snappy', rowGroupRows: 2 })
      if (steps > 0) await file.write([{ id: 1 }, { id: 2 }, { id: 3 }])
      if (steps > 1) await file.finish()
      await file.discard()
    }
    expect(await readdir(folder)).toEqual(before)
  })

  it('says about how large the file is while it is written', async () => {
    const { fields } = schema('id int, text string')
    const file = await engine.open({ path: newPath(), fields, compression: 'snappy', rowGroupRows: 1_000 })
    for (let chunk = 0; chunk < 10; chunk++)
      await file.write(Array.from({ length: 2_048 }, (_, id) => ({ id, text: `${Math.random()}` })))
    expect(file.rows).toBe(20_480)
    const guess = file.bytes
    const { bytes } = await file.finish()
    expect(guess / bytes).toBeGreaterThan(0.3)
    expect(guess / bytes).toBeLessThan(3)
  })
})

it('the JavaScript writer begins a row group when its rows are wide', async () => {
  const { fields } = schema('text string')
  const chunk = Array.from({ length: 100 }, () => ({ text: 'x'.repeat(2 ** 20) }))
  const { path } = await write(engines.hyparquet, fields, [chunk])
  const reader = await connection.runAndReadAll(`select count(*) from parquet_metadata('${path}')`)
  expect(Number(reader.getRows()[0]?.[0])).toBeGreaterThan(1)
})

it('DuckDB that two sinks share goes on for the one when the other closes it', async () => {
  const engine = duckdbWriter(duckdb)
  const { fields } = schema('id int')
  const options = { fields, compression: 'snappy', rowGroupRows: 10 } as const
  const [a, b] = [newPath(), newPath()]
  const [first, second] = [await engine.open({ path: a, ...options }), await engine.open({ path: b, ...options })]
  await first.finish()
  await engine.close?.()
  await second.write([{ id: 1 }])
  await second.finish()
  expect(await rowsOf(b, fields)).toEqual([{ id: 1 }])
  const { path } = await write(engine, fields, [[{ id: 2 }]])
  expect(await rowsOf(path, fields)).toEqual([{ id: 2 }])
  await engine.close?.()
})

describe('the vectors in which DuckDB takes rows', () => {
  const { fields } = schema('n int not null, s string')
  const row = (n: number) => ({ n, s: `s${n}` })

  it.each([
    [2_047, 1_000],
    [2_048, 1_000],
    [2_049, 2_048],
    [4_096, 4_096],
    [4_097, 3_000],
    [6_200, 7],
  ])('lose none of %i rows that come in chunks of %i, and count them as they come', async (count, size) => {
    const rows = Array.from({ length: count }, (_, n) => row(n))
    const path = newPath()
    const file = await duckdbWriter(duckdb).open({ path, fields, compression: 'snappy', rowGroupRows: 10_000 })
    for (let from = 0; from < count; from += size) {
      await file.write(rows.slice(from, from + size))
      expect(file.rows).toBe(Math.min(from + size, count))
    }
    const summary = await file.finish()
    expect(await rowsOf(path, fields)).toEqual(rows)
    expect(summary).toMatchObject({ rows: count, columns: [{ min: 0, max: count - 1 }, { min: 's0' }] })
  })

  it('remember a byte order mark of an earlier one', async () => {
    const rows = [{ n: 0, s: '\ufeffa' }, ...Array.from({ length: 5_000 }, (_, n) => row(n))]
    const { summary } = await write(duckdbWriter(duckdb), fields, [rows])
    expect(summary.columns[1]).toEqual({ path: ['s'], nullCount: 0 })
  })

  it('are not left out of the file where a row in them can not be written', async () => {
    const { fields } = schema('d date')
    const rows: object[] = Array.from({ length: 2_048 }, () => ({ d: new Date(0) }))
    rows[5] = { d: 'no date' }
    const file = await duckdbWriter(duckdb).open({
      path: newPath(),
      fields,
      compression: 'snappy',
      rowGroupRows: 10_000,
    })
    await expect(file.write(rows)).rejects.toThrow(TypeError)
    await expect(file.write([{ d: new Date(0) }])).rejects.toThrow(TypeError)
    await expect(file.finish()).rejects.toThrow(TypeError)
    await file.discard()
  })
})
