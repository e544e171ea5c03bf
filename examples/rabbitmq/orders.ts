/**
 * Orders from a queue into files, each acknowledged when its batch is committed: `npm run services`, then `npx node examples/rabbitmq/orders.ts`.
 *
 * Killed at any moment it loses no order: what was delivered and not acknowledged is delivered again. The sink takes each batch once, but a queue
 * delivers again in *another* batch, so after a crash some orders can be there twice, no more than `prefetch`. `journaled(…, { identity: (m) => m.messageId })`
 * around the source ends that, too: see src/connectors/rabbitmq/README.md.
 */
import { jsonLines, readStream, sqliteCheckpoint, whenAvailable } from 'sluice'
import { mapRows } from 'sluice/operators'
import { rabbitmqQueue } from 'sluice/rabbitmq'
import { untilInterrupted } from '../run.ts'
import { brokerUrl, declareQueues, order, publishOrders } from './broker.ts'

const {
  SLUICE_EXAMPLE_DATA: data = 'data',
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_PREFIX: prefix = 'sluice-example',
  SLUICE_EXAMPLE_RATE: perSecond = '5',
} = process.env

const { run } = untilInterrupted()
const url = brokerUrl()
const queue = `${prefix}-orders`
await declareQueues(url, queue)
const customers = publishOrders({
  url,
  queue,
  perSecond: Number(perSecond),
  checkpoint: `${checkpoints}/orders-in.sqlite`,
})

const query = readStream(rabbitmqQueue({ url, queue, content: order, prefetch: 200 }))
  .pipe(mapRows(({ body, messageId }) => ({ ...body, messageId, received: new Date() })))
  .writeStream(jsonLines({ path: `${data}/orders` }), {
    name: 'orders',
    checkpoint: sqliteCheckpoint(`${checkpoints}/orders.sqlite`),
    trigger: whenAvailable(),
    restart: { maxAttempts: 100 }, // a lost connection fails the batch in flight; its messages come again
  })

console.log(`Reading from ${queue}. Ctrl-C stops.`)
await run(query, ({ batchId, numInputRows }) => console.log(`Batch ${batchId}: ${numInputRows} orders, acknowledged`))
await customers.drain()
