import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresClient } from '../../../src/connectors/postgres/client.ts'
import { columnValues } from '../../../src/connectors/postgres/column-value.ts'
import { connectionSettings } from '../../../src/connectors/postgres/connection-options.ts'
import { readCopy } from '../../../src/connectors/postgres/read-copy.ts'
import { schema } from '../../../src/schema.ts'
import { openDatabase, serverUrl, type TestDatabase } from '../../support/postgres.ts'
import { batchOf, writeBatch } from '../drive.ts'
import { startedWriter } from './rig.ts'
import { types } from './values.ts'

let database: TestDatabase
let client: PostgresClient
beforeAll(async () => {
  database = await openDatabase(serverUrl())
  client = await PostgresClient.connect(connectionSettings('test', { url: database.url }))
})
afterAll(async () => {
  await client.close()
  await database.close()
})

/** What a value is after a round trip: a float is one of 32 bits, a column that is missing is null. */
function expected(type: string, value: unknown): unknown {
  return type === 'float' && typeof value === 'number' ? Math.fround(value) : value
}

describe.each(Object.entries(types))('%s', (type, arbitrary) => {
  it.each(['append', 'upsert'] as const)('comes back as it was after mode %s', async (mode) => {
    const table = `t_${mode}_${type}`.slice(0, 60)
    const rows = schema(`id int not null, v ${type}` as string)
    const keyed = mode === 'upsert' ? { mode, key: ['id'] } : {}
    const writer = await startedWriter({ url: database.url, table, createTable: true, ...keyed }, { schema: rows })
    const columns = columnValues('test', rows.fields)
    const select = `SELECT ${columns.map(({ expression }) => expression).join(', ')} FROM "${table}" ORDER BY id`
    let batchId = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(arbitrary as fc.Arbitrary<unknown>), { minLength: 1, maxLength: 60 }),
        async (values) => {
          await database.client.query(`TRUNCATE "${table}"`)
          await writeBatch(writer, batchOf(batchId++), [[values.map((v, id) => ({ id, v }))]])
          const back: object[] = []
          for await (const chunk of readCopy(client, select, columns)) back.push(...chunk)
          expect(back).toEqual(values.map((v, id) => ({ id, v: expected(type, v) })))
        },
      ),
      { numRuns: 20 },
    )
  })
})

it('psql reads what was written', async () => {
  const rows = schema(
    'a bigint, b decimal(10,2), c timestamp, d date, e array<string>, f struct<x: int, y: string>, g binary, h double, i map<string, bigint>',
  )
  const writer = await startedWriter({ url: database.url, table: 'shown', createTable: true }, { schema: rows })
  const row = {
    a: 2n ** 53n + 1n,
    b: '-12.50',
    c: new Date('2026-02-03T04:05:06.789Z'),
    d: new Date('2026-02-03T00:00:00Z'),
    e: ['a', null, 'b"c'],
    f: { x: 1, y: 'z' },
    g: Uint8Array.of(0, 255),
    h: Number.NaN,
    i: { big: 2n ** 60n },
  }
  await writeBatch(writer, batchOf(0), [[[row]]])
  expect(database.psql("SET timezone = 'UTC'; SELECT * FROM shown")).toEqual([
    '9007199254740993|-12.50|2026-02-03 04:05:06.789+00|2026-02-03|{a,NULL,"b\\"c"}|{"x": 1, "y": "z"}|\\x00ff|NaN|{"big": 1152921504606846976}',
  ])
  const columns = `SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'shown' ORDER BY ordinal_position`
  expect(database.psql(columns)).toEqual([
    'a|bigint',
    'b|numeric',
    'c|timestamp with time zone',
    'd|date',
    'e|ARRAY',
    'f|jsonb',
    'g|bytea',
    'h|double precision',
    'i|jsonb',
  ])
})
