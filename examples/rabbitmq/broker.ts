import { readFileSync } from 'node:fs'
import { type Channel, connect } from 'amqplib'
import { memoryCheckpoint, type QueryRun, rate, readStream, schema, sqliteCheckpoint } from 'sluice'
import { mapRows } from 'sluice/operators'
import { rabbitmqSink } from 'sluice/rabbitmq'

/** What customers order. */
export const order = schema('id int not null, item string not null, cents int not null')

/** `AMQP_URL`, else the broker that `npm run services` found or started. */
export function brokerUrl(): string {
  const { AMQP_URL: url } = process.env
  if (url !== undefined && url !== '') return url
  try {
    const text = readFileSync(new URL('../../.services/rabbitmq.json', import.meta.url), 'utf8')
    return (JSON.parse(text) as { readonly url: string }).url
  } catch (cause) {
    throw new Error('There is no broker: run "npm run services", or set AMQP_URL.', { cause })
  }
}

/** Declares quorum queues, each with a queue beside it for what can't be processed. */
export function declareQueues(url: string, ...queues: readonly string[]): Promise<void> {
  return withChannel(url, async (channel) => {
    for (const queue of queues) {
      const dead = `${queue}-dead`
      await channel.assertQueue(dead, { durable: true })
      const letters = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dead }
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', ...letters } })
    }
  })
}

/** Declares a stream that keeps its messages for a day. */
export function declareStream(url: string, stream: string): Promise<void> {
  return withChannel(url, (channel) =>
    channel.assertQueue(stream, { durable: true, arguments: { 'x-queue-type': 'stream', 'x-max-age': '1D' } }),
  )
}

/** Throws away what is in a queue. */
export function emptyQueue(url: string, queue: string): Promise<void> {
  return withChannel(url, (channel) => channel.purgeQueue(queue))
}

async function withChannel(url: string, use: (channel: Channel) => Promise<unknown>): Promise<void> {
  const connection = await connect(url)
  try {
    await use(await connection.createChannel())
  } finally {
    await connection.close()
  }
}

/** Orders as they come in: a query of its own, from the clock to the queue. With a checkpoint file it goes on where it stood. */
export function publishOrders(options: {
  readonly url: string
  readonly queue: string
  readonly perSecond: number
  readonly checkpoint?: string
}): QueryRun {
  const items = ['tea', 'bread', 'apples', 'soap'] as const
  return readStream(rate({ rowsPerSecond: options.perSecond }))
    .pipe(mapRows(({ value }) => ({ id: value, item: items[value % items.length], cents: 100 + (value % 900) })))
    .writeStream(
      rabbitmqSink({ url: options.url, queue: options.queue, messageId: ({ id }: { id: number }) => `order-${id}` }),
      {
        name: 'orders-in',
        checkpoint: options.checkpoint === undefined ? memoryCheckpoint() : sqliteCheckpoint(options.checkpoint),
        retry: { maxAttempts: 8 },
      },
    )
    .start()
}
