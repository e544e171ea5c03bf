/**
 * A folder of CSV files into a table of PostgreSQL, each new file as it comes: `npx node examples/13-csv-to-postgres.ts`.
 *
 * Needs PostgreSQL: `DATABASE_URL`, else what `npm run services` found or started. Rows, ledger and log of a batch are one transaction. Stop it with Ctrl-C,
 * or kill it, and start it again: each sale is in the table once. To begin anew, drop the schema `sluice_example` and remove the folders `sales` and
 * `sales-seen`.
 */
import { processingTime, readStream, schema } from 'sluice'
import { files } from 'sluice/files'
import { mapRows } from 'sluice/operators'
import { postgresTable } from 'sluice/postgres'
import { databaseUrl, withDatabase } from './database.ts'
import { untilInterrupted } from './run.ts'
import { tills } from './tills.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_POLL: poll,
  SLUICE_EXAMPLE_PACE: pace = '2000',
} = process.env

const sale = schema(
  'id int not null, till int not null, item string, amount decimal(10, 2), sold_at timestamp not null',
)
const row = schema(
  'id int not null, till int not null, item string, amount decimal(10, 2), sold_at timestamp not null, file string not null',
)
const folder = `${data}/sales`
const table = { schema: 'sluice_example', name: 'sales' }

const closing = new AbortController()
const { run } = untilInterrupted(() => closing.abort())
await withDatabase((client) => client.query(`CREATE SCHEMA IF NOT EXISTS ${table.schema}`))
const sales = postgresTable({ url: databaseUrl(), table, createTable: true, bookkeeping: table.schema })

console.log(`Each new file of ${folder} goes to the table ${table.schema}.${table.name}. Ctrl-C stops.`)
const query = readStream(
  files({ path: folder, format: 'csv', schema: sale, state: `${checkpoints}/sales-seen`, settle: 0, metadata: true }),
)
  .pipe(mapRows(({ _metadata: { path }, ...rest }) => ({ ...rest, file: path })))
  .as(row)
  .writeStream(sales, {
    name: 'sales',
    checkpoint: sales.checkpoint,
    trigger: processingTime(poll ?? '1 second'),
    limit: { maxFiles: 5 },
    retry: { maxAttempts: 8 },
    require: 'exactly-once',
  })
await Promise.all([
  tills(folder, Number(pace), closing.signal),
  run(query, ({ batchId, numInputRows }) => console.log(`Batch ${batchId}: ${numInputRows} rows`)).finally(() =>
    closing.abort(),
  ),
])

const { rows } = await withDatabase((client) =>
  client.query<{ readonly said: string }>(
    `SELECT format('%s rows of %s files, %s in all', count(*), count(DISTINCT file), sum(amount)) AS said FROM ${table.schema}.${table.name}`,
  ),
)
console.log(`The table has ${rows[0]?.said}.`)
