/**
 * From queue to queue: orders come in, invoices go out. `npm run services`, then `npx node examples/rabbitmq/queue-to-queue.ts`.
 *
 * An order is acknowledged when the broker has confirmed its invoice. After a crash some orders come again, and so do their invoices: with the same
 * message id, because it is made of the order's and not of its place in a batch. Who reads the invoices drops those that it has had.
 */
import { readStream, sqliteCheckpoint, whenAvailable } from 'sluice'
import { mapRows } from 'sluice/operators'
import { rabbitmqQueue, rabbitmqSink } from 'sluice/rabbitmq'
import { untilInterrupted } from '../run.ts'
import { brokerUrl, declareQueues, order, publishOrders } from './broker.ts'

const {
  SLUICE_EXAMPLE_CHECKPOINTS: checkpoints = 'checkpoints',
  SLUICE_EXAMPLE_PREFIX: prefix = 'sluice-example',
  SLUICE_EXAMPLE_RATE: perSecond = '5',
} = process.env

const { run } = untilInterrupted()
const url = brokerUrl()
const [orders, invoices] = [`${prefix}-billing`, `${prefix}-invoices`] as const
await declareQueues(url, orders, invoices)
const customers = publishOrders({
  url,
  queue: orders,
  perSecond: Number(perSecond),
  checkpoint: `${checkpoints}/billing-in.sqlite`,
})

interface Invoice {
  readonly order: number
  readonly amount: string
}

const query = readStream(rabbitmqQueue({ url, queue: orders, content: order, prefetch: 200 }))
  .pipe(mapRows(({ body: { id, cents } }): Invoice => ({ order: id, amount: (cents / 100).toFixed(2) })))
  .writeStream(
    rabbitmqSink<Invoice>({ url, queue: invoices, messageId: ({ order }) => `invoice-${order}`, deduplicated: true }),
    {
      name: 'billing',
      checkpoint: sqliteCheckpoint(`${checkpoints}/billing.sqlite`),
      trigger: whenAvailable(),
      restart: { maxAttempts: 100 },
      require: 'effectively-once', // given that readers of the invoices drop repeats: that is what "deduplicated" says
    },
  )

console.log(`From ${orders} to ${invoices}. Ctrl-C stops.`)
await run(query, ({ batchId, numInputRows }) => console.log(`Batch ${batchId}: ${numInputRows} invoices, confirmed`))
await customers.drain()
