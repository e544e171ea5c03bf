/**
 * From one API into another: `npx node examples/06-orders.ts`.
 *
 * Pages are followed by the token in each; what is new is told by a time. The orders go out 500 a request, each under a key that stays the same on every
 * attempt and after every crash. The receiver knows a key again, so that no order is there twice.
 */
import { fileCheckpoint, processingTime, readStream, schema } from 'sluice'
import { cursorPagination, httpSink, rest } from 'sluice/rest'
import { bundledApi } from './bundled-api.ts'
import { ledgerState } from './ledger-state.ts'
import { untilInterrupted } from './run.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_POLL: poll,
} = process.env

const { run } = untilInterrupted()
const api = await bundledApi('Orders', { ledger: { file: `${data}/orders-received.sqlite` } })

const orders = rest({
  name: 'orders',
  url: `${api.url}/orders`,
  params: { limit: 250 },
  schema: schema(
    'id bigint not null, branch string not null, created_at timestamp not null, total decimal(10,2) not null',
  ),
  records: 'data.items',
  pagination: cursorPagination({ param: 'page_token', next: 'next_page_token' }),
  // Twenty orders bear the same time: the key tells them apart.
  cursor: { field: 'created_at', key: 'id', param: 'created_since', from: Date.now() - 10 * 60_000 },
  repeatable: true, // orders are only ever added, so that a replay sends the same ones under the same key
})

const query = readStream(orders).writeStream(httpSink({ url: `${api.url}/ledger`, batchSize: 500 }), {
  name: 'orders',
  checkpoint: fileCheckpoint(`${checkpoints}/orders`),
  trigger: processingTime(poll ?? '2 seconds'),
  limit: { maxRows: 2_000 },
  require: 'effectively-once',
})

console.log(
  `${api.explanation}\nThe orders of the last ten minutes and those that come go to ${api.url}/ledger. Ctrl-C stops.`,
)
await run(query, ({ batchId, numInputRows, batchDuration }) =>
  console.log(
    `Batch ${batchId}: ${numInputRows} orders in ${Math.ceil(numInputRows / 500)} requests, ${batchDuration} ms`,
  ),
)
const { rows, twice, requests } = await ledgerState(api.url)
console.log(`The receiver has ${rows} orders of ${requests} requests, ${twice} of them twice.`)
await api.close()
