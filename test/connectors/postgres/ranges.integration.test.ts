import fc from 'fast-check'
import { schema } from 'sluice'
import { type PostgresOffset, postgresRows } from 'sluice/postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quoted, quotedTable } from '../../../src/connectors/postgres/names.ts'
import type { PostgresSlice } from '../../../src/connectors/postgres/slice.ts'
import type { ReplayableReader } from '../../../src/source.ts'
import { readAll, readRange } from '../../../src/testing/conformance/by-hand.ts'
import { openDatabase, serverUrl, type TestDatabase } from '../../support/postgres.ts'
import { settle } from '../drive.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openDatabase(serverUrl())
})
afterAll(() => database.close())

const runs = { numRuns: 25 }
const cut = fc.record({ partitions: fc.integer({ min: 1, max: 5 }), maxRows: fc.integer({ min: 1, max: 5 }) })
const numbered = schema('id bigint not null')
type Row = { readonly id: bigint }
type Reader = ReplayableReader<PostgresOffset, PostgresSlice, Row>

async function withReader<T>(options: object, use: (reader: Reader) => Promise<T>): Promise<T> {
  const reader = postgresRows({ url: database.url, schema: numbered, id: 'id', ...options } as Parameters<
    typeof postgresRows<Row>
  >[0]).streamReader() as Reader
  try {
    return await use(reader)
  } finally {
    await settle(() => reader.stop?.())
  }
}

const sorted = (ids: readonly bigint[]): bigint[] => ids.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))

describe('postgresRows reads every row once, within the limit, and a range again as it was:', () => {
  const id = fc.oneof(
    fc.bigInt({ min: -5n, max: 30n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.constantFrom(-(2n ** 63n), 2n ** 63n - 1n, 0n),
  )

  it('by id, whatever the ids are', async () => {
    // Named as something that a query might call its result.
    await database.client.query(
      'CREATE TABLE by_id (id bigint PRIMARY KEY, next bigint GENERATED ALWAYS AS (id) STORED)',
    )
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(id, { maxLength: 20 }),
        cut,
        fc.constantFrom('id', 'next'),
        async (ids, { partitions, maxRows }, column) => {
          await database.client.query('TRUNCATE by_id')
          await database.client.query('INSERT INTO by_id (id) SELECT unnest($1::bigint[])', [ids.map(String)])
          await withReader({ table: 'by_id', partitions, id: column }, async (reader) => {
            const batches = await readAll(reader, await settle(() => reader.initialOffset()), maxRows)
            for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(maxRows)
            // Within a batch in no order, and batches in that of the ids.
            expect(batches.flatMap((batch) => sorted(batch.map((row) => row.id)))).toEqual(sorted(ids))
          })
        },
      ),
      runs,
    )
  })

  // Years of any number of digits, microseconds, times that many rows have, and what no calendar has.
  const time = fc.oneof(
    fc.constantFrom(
      '2026-01-01 00:00:00',
      '2026-01-01 00:00:00.000001',
      '2026-01-01 00:00:00.001',
      '0044-03-15 12:00:00 BC',
      '0045-03-15 12:00:00 BC',
      '0001-01-01 00:00:00',
      '9999-12-31 23:59:59.999999',
      '10000-01-01 00:00:00',
      '12026-05-05 00:00:00',
      '-infinity',
    ),
    fc
      .tuple(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 1, max: 12 }), fc.nat(999_999))
      .map(
        ([year, month, micro]) =>
          `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-11 10:00:00.${String(micro).padStart(6, '0')}`,
      ),
  )

  it.each(['timestamp', 'timestamptz'])('by updatedAt of type %s, whatever the times are', async (type) => {
    const table = `by_${type}`
    await database.client.query(
      `CREATE TABLE ${table} (id bigint PRIMARY KEY, at ${type} NOT NULL, time ${type} GENERATED ALWAYS AS (at) STORED)`,
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(time, { maxLength: 16 }),
        cut,
        fc.constantFrom('at', 'time'),
        async (times, { partitions, maxRows }, column) => {
          await database.client.query(`TRUNCATE ${table}`)
          await database.client.query(
            `INSERT INTO ${table} (id, at) SELECT (ordinality * 7) % 17, at::${type} FROM unnest($1::text[]) WITH ORDINALITY AS given (at)`,
            [times],
          )
          // Those to come are not settled.
          const rows = await database.rows<{ id: string }>(
            `SELECT id::text FROM ${table} AS held WHERE at < now() - interval '1 second' ORDER BY at, held.id`,
          )
          const expected = rows.map((row) => BigInt(row.id))
          await withReader({ table, updatedAt: column, safetyLag: '1 second', partitions }, async (reader) => {
            const start = await settle(() => reader.initialOffset())
            const batches = await readAll(reader, start, maxRows)
            for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(maxRows)
            expect(sorted(batches.flat().map((row) => row.id))).toEqual(sorted(expected))
            // In order over the batches: a batch has nothing that comes after a row of the next one.
            const places = batches.map((batch) => batch.map((row) => expected.indexOf(row.id)))
            for (const [at, batch] of places.entries())
              for (const next of places.slice(at + 1)) expect(Math.max(...batch)).toBeLessThan(Math.min(...next))
            const head = await settle(() => reader.reportLatestOffset?.() ?? start)
            expect(sorted((await readRange(reader, start, head)).map((row) => row.id))).toEqual(sorted(expected))
          })
        },
      ),
      {
        ...runs,
        // "14" stands before "4" and "7", 14 doesn't.
        examples: [[Array.from({ length: 3 }, () => '2026-01-01 00:00:00'), { partitions: 1, maxRows: 1 }, 'time']],
      },
    )
  })
})

describe('names', () => {
  it('of tables and columns mean what they say, whatever characters they have', async () => {
    // As many bytes as the server keeps of a name.
    const name = fc
      .string({
        unit: fc.oneof(
          fc.constantFrom('"', "'", ';', '.', ' ', '\\', '%', '$', '\n', 'A', 'é', '💧'),
          fc.string({ minLength: 1, maxLength: 1 }),
        ),
        minLength: 1,
        maxLength: 12,
      })
      .filter((text) => !text.includes('\0') && text.isWellFormed() && Buffer.byteLength(text) <= 60)
    await fc.assert(
      fc.asyncProperty(name, name, name, async (space, table, column) => {
        await database.client.query(`CREATE SCHEMA ${quoted(`s ${space}`)}`)
        try {
          const place = { schema: `s ${space}`, name: table }
          await database.client.query(`CREATE TABLE ${quotedTable(place)} (${quoted(column)} bigint PRIMARY KEY)`)
          await database.client.query(`INSERT INTO ${quotedTable(place)} VALUES (1), (2)`)
          const found = await database.rows<{ name: string }>(
            `SELECT column_name AS name FROM information_schema.columns WHERE table_schema = $1 AND table_name = $2`,
            [place.schema, table],
          )
          expect(found).toEqual([{ name: column }])
          const one = schema([{ name: column, type: { kind: 'bigint' }, nullable: false }])
          await withReader({ table: place, id: column, schema: one }, async (reader) => {
            const batches = await readAll(reader, await settle(() => reader.initialOffset()), 10)
            expect(batches.flat()).toEqual([{ [column]: 1n }, { [column]: 2n }])
          })
        } finally {
          await database.client.query(`DROP SCHEMA ${quoted(`s ${space}`)} CASCADE`)
        }
      }),
      { numRuns: 25, examples: [['"', '"; DROP TABLE by_id; --', "it's"]] },
    )
  })
})
