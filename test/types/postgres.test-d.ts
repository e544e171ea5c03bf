import { type MemorySink, memorySink, type RowBatch, type RowStream, read, readStream, schema } from 'sluice'
import { filterRows, mapRows } from 'sluice/operators'
import {
  type PostgresOffset,
  type PostgresRows,
  type PostgresTable,
  postgresRows,
  postgresTable,
} from 'sluice/postgres'
import { expectTypeOf, test } from 'vitest'

const order = schema('id bigint not null, total decimal(10,2), at timestamp not null, tags array<string>, raw binary')
type Order = { id: bigint; total: string | null; at: Date; tags: (string | null)[] | null; raw: Uint8Array | null }
const url = 'postgres://localhost/shop'
const options = { url, table: 'orders', schema: order, id: 'id' } as const

test('rows of a table have the types of its schema, in a stream and in a batch', () => {
  expectTypeOf(postgresRows(options)).toEqualTypeOf<PostgresRows<Order>>()
  expectTypeOf(postgresRows({ ...options, schema: schema('id int' as string) })).toEqualTypeOf<
    PostgresRows<Record<string, unknown>>
  >()
  expectTypeOf(read(postgresRows(options))).toEqualTypeOf<RowBatch<Order>>()
  expectTypeOf(readStream(postgresRows(options))).toEqualTypeOf<RowStream<Order>>()
  // @ts-expect-error: there is no such column
  readStream(postgresRows(options)).pipe(filterRows((row) => row.missing === 1))
  // @ts-expect-error: a bigint is no number
  readStream(postgresRows(options)).pipe(mapRows((row) => ({ id: row.id + 1 })))
})

test('a sink that needs other columns is a compile error', () => {
  const needs: MemorySink<{ id: bigint; country: string }> = memorySink()
  // @ts-expect-error: "country" is missing
  read(postgresRows(options)).write(needs)
  const fits: MemorySink<{ id: bigint }> = memorySink()
  read(postgresRows(options)).write(fits)
})

test('a position is by id or by time', () => {
  const reader = postgresRows(options).streamReader()
  expectTypeOf<Parameters<typeof reader.latestOffset>[0]>().toEqualTypeOf<PostgresOffset>()
})

test('options of the source are checked', () => {
  postgresRows({ ...options, table: { schema: 'shop', name: 'orders' }, updatedAt: 'at', safetyLag: '10 seconds' })
  // @ts-expect-error: a column by which rows are told apart is needed
  postgresRows({ url, table: 'orders', schema: order })
  // @ts-expect-error: the columns are needed
  postgresRows({ url, table: 'orders', id: 'id' })
  // @ts-expect-error: a schema is made by schema(…)
  postgresRows({ ...options, schema: 'id bigint' })
  // @ts-expect-error: no time
  postgresRows({ ...options, updatedAt: 'at', safetyLag: true })
  // @ts-expect-error: no such place to begin
  postgresRows({ ...options, from: 'yesterday' })
  // @ts-expect-error: a slip in a name
  postgresRows({ ...options, partition: 4 })
})

test('a table takes any rows that have a schema, and is a checkpoint besides', () => {
  const table = postgresTable({
    url,
    table: 'orders',
    mode: 'upsert',
    key: ['id'],
    deleteFlag: 'gone',
    createTable: true,
  })
  expectTypeOf(table).toEqualTypeOf<PostgresTable>()
  const rows = readStream(postgresRows(options))
  rows.writeStream(table, { name: 'q', checkpoint: table.checkpoint })
  rows.writeStream(postgresTable({ url, table: { schema: 'shop', name: 'orders' } }), {
    name: 'q',
    checkpoint: table.checkpoint,
  })
  // @ts-expect-error: a sink is no source
  readStream(table)
})

test('options of the sink are checked', () => {
  // @ts-expect-error: a table is needed
  postgresTable({ url })
  // @ts-expect-error: a database is needed
  postgresTable({ table: 'orders' })
  // @ts-expect-error: no such mode
  postgresTable({ url, table: 'orders', mode: 'merge' })
  // @ts-expect-error: a key is a list of columns
  postgresTable({ url, table: 'orders', mode: 'upsert', key: 'id' })
  // @ts-expect-error: a schema without a table
  postgresTable({ url, table: { schema: 'shop' } })
  // @ts-expect-error: finished batches are a number
  postgresTable({ url, table: 'orders', checkpoint: { retain: '100' } })
  // @ts-expect-error: a slip in a name
  postgresTable({ url, table: 'orders', creatTable: true })
})
