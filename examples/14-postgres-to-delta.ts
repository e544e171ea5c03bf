/**
 * A table of PostgreSQL into a Delta Lake table, while others write to it: `npx node examples/14-postgres-to-delta.ts`.
 *
 * Needs PostgreSQL: `DATABASE_URL`, else what `npm run services` found or started, with the right to see other sessions (`pg_read_all_stats`). Ids are given before
 * their transactions commit; `openTransactions: 'wait'` reads no further than what every open transaction began after, so that none is missed.
 * Stop it with Ctrl-C, or kill it, and start it again: each order is in the Delta table once.
 */
import { fileCheckpoint, memorySink, processingTime, read, readStream, schema } from 'sluice'
import { deltaTable } from 'sluice/delta'
import { mapRows } from 'sluice/operators'
import { postgresRows } from 'sluice/postgres'
import { clerks, createOrders, ordersTable } from './clerks.ts'
import { databaseUrl } from './database.ts'
import { untilInterrupted } from './run.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_POLL: poll,
  SLUICE_EXAMPLE_PACE: pace = '500',
} = process.env

const order = schema(
  'id bigint not null, clerk string not null, item string, amount decimal(10, 2) not null, ordered_at timestamp not null',
)
const path = `${data}/orders-delta`
const row = schema(
  'id bigint not null, clerk string not null, item string, amount decimal(10, 2) not null, day date not null',
)

const closing = new AbortController()
const { run } = untilInterrupted(() => closing.abort())
await createOrders()
const orders = postgresRows({
  url: databaseUrl(),
  table: ordersTable,
  schema: order,
  id: 'id',
  openTransactions: 'wait',
  appendOnly: true,
})

console.log(`The rows of ${ordersTable.schema}.${ordersTable.name} go to the table ${path}. Ctrl-C stops.`)
const query = readStream(orders)
  .pipe(mapRows(({ ordered_at, ...rest }) => ({ ...rest, day: new Date(ordered_at.toISOString().slice(0, 10)) })))
  .as(row)
  .writeStream(deltaTable({ path, partitionBy: ['day'] }), {
    name: 'orders-delta',
    checkpoint: fileCheckpoint(`${checkpoints}/orders-delta`),
    trigger: processingTime(poll ?? '2 seconds'),
    limit: { maxRows: 10_000 },
    retry: { maxAttempts: 8 },
    require: 'exactly-once',
  })
await Promise.all([
  clerks(Number(pace), closing.signal),
  run(query, ({ batchId, numInputRows }) => console.log(`Batch ${batchId}: ${numInputRows} rows`)).finally(() =>
    closing.abort(),
  ),
])

const table = memorySink<{ readonly id: bigint }>()
await read(deltaTable({ path, schema: row }))
  .write(table)
  .start().terminated
console.log(`The table has ${table.rows.length} rows with ${new Set(table.rows.map(({ id }) => id)).size} ids.`)
