import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { lastValueFrom } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { fileCheckpoint } from '../../../src/checkpoint/file.ts'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { rabbitmqSink } from '../../../src/connectors/rabbitmq/sink.ts'
import { type RabbitStreamRow, rabbitmqStream } from '../../../src/connectors/rabbitmq/stream-source.ts'
import { readStream } from '../../../src/stream.ts'
import { availableNow, whenAvailable } from '../../../src/trigger.ts'
import { type Broker, canOwnBroker, ownBroker, withBroker } from '../../support/rabbitmq.ts'

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-rabbitmq-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, index) => `m${first + index}`)

/** Publishes for as long as the test goes on, a hundred messages at a time. */
function keepPublishing(broker: Broker, stream: string): { stop: () => Promise<number> } {
  let going = true
  let published = 0
  const loop = (async () => {
    for (; going; published += 100) await broker.publish(stream, numbers(100, published))
  })()
  return {
    stop: async () => {
      going = false
      await loop
      return published
    },
  }
}

test('a query that is stopped and started again, at any moment, has every message once', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream', arguments: { 'x-stream-max-segment-size-bytes': 100_000 } })
  const folder = await temporaryFolder()
  const sink = memorySink<RabbitStreamRow>()
  const query = () =>
    readStream(rabbitmqStream({ url: broker.url, stream })).writeStream(sink, {
      name: 'restarted',
      checkpoint: fileCheckpoint(folder),
      trigger: whenAvailable(),
      limit: { maxRows: 1_000 },
      require: 'exactly-once',
    })
  const publishing = keepPublishing(broker, stream)
  for (let round = 0; round < 6; round++) {
    const run = query().start()
    await expect.poll(() => run.lastProgress?.batchId ?? -1, { interval: 5, timeout: 10_000 }).toBeGreaterThan(0)
    await run.stop()
  }
  const published = await publishing.stop()
  const run = query().start()
  await expect.poll(() => sink.rows.length, { timeout: 20_000 }).toBe(published)
  await run.drain()
  expect(sink.rows.map(({ body }) => body)).toEqual(numbers(published))
})

test.skipIf(!canOwnBroker)('a broker that ends and comes back: all that was written is read, in order', async () => {
  const broker = await ownBroker()
  const model = await connect(broker.url)
  model.on('error', () => undefined)
  const stream = 'survivor'
  const channel = await model.createChannel()
  await channel.assertQueue(stream, { durable: true, arguments: { 'x-queue-type': 'stream' } })

  const total = 3_000
  const source = memoryStream<{ readonly id: number }>({ chunkRows: 50 })
  const sink = memorySink<RabbitStreamRow>()
  const reconnect = { initialDelayMs: 20, maxDelayMs: 200 }
  const retry = { maxAttempts: 1_000, initialDelayMs: 20, maxDelayMs: 200 }
  const writing = readStream(source)
    .writeStream(
      rabbitmqSink({ url: broker.url, queue: stream, reconnect, messageId: ({ id }: { id: number }) => `m${id}` }),
      {
        name: 'writing',
        checkpoint: memoryCheckpoint(),
        trigger: whenAvailable(),
        limit: { maxRows: 100 },
        retry,
      },
    )
    .start()
  const reading = readStream(rabbitmqStream({ url: broker.url, stream, reconnect }))
    .writeStream(sink, {
      name: 'reading',
      checkpoint: memoryCheckpoint(),
      trigger: whenAvailable({ maxWait: 200 }),
      retry,
    })
    .start()
  onTestFinished(async () => {
    await Promise.all([writing.stop(), reading.stop()])
  })
  const write = (first: number, count: number) =>
    source.add(...Array.from({ length: count }, (_, i) => ({ id: first + i })))

  write(0, 1_000)
  await expect.poll(() => sink.rows.length, { timeout: 10_000 }).toBeGreaterThan(100)
  await broker.stop() // not killed: RabbitMQ 3.10 may never find a stream again that was seconds old then
  write(1_000, total - 1_000)
  await broker.start()
  const distinct = () => new Set(sink.rows.map(({ messageId }) => messageId))
  await expect.poll(() => distinct().size, { timeout: 30_000 }).toBe(total)
  // The stream may have a message twice, and the reader not.
  const offsets = sink.rows.map(({ offset }) => offset)
  expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b))
})

test('availableNow reads what is there when it starts, and ends although more keeps coming', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream' })
  await broker.publish(stream, numbers(1_000))
  const publishing = keepPublishing(broker, stream)
  const sink = memorySink<RabbitStreamRow>()
  const query = readStream(rabbitmqStream({ url: broker.url, stream })).writeStream(sink, {
    name: 'bounded',
    checkpoint: memoryCheckpoint(),
    trigger: availableNow(),
    limit: { maxRows: 300 },
  })
  await lastValueFrom(query)
  await publishing.stop()
  expect(sink.rows.length).toBeGreaterThanOrEqual(1_000)
  expect(sink.rows.slice(0, 1_000).map(({ body }) => body)).toEqual(numbers(1_000))
})

test('a message is on its way within milliseconds, without polls', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream' })
  const sink = memorySink<RabbitStreamRow>()
  const run = readStream(rabbitmqStream({ url: broker.url, stream }))
    .writeStream(sink, { name: 'quick', checkpoint: memoryCheckpoint(), trigger: whenAvailable({ maxWait: '1 hour' }) })
    .start()
  onTestFinished(() => run.stop())
  await run.processAllAvailable()
  for (let count = 1; count <= 5; count++) {
    await broker.publish(stream, numbers(1))
    await expect.poll(() => sink.rows.length, { interval: 5, timeout: 2_000 }).toBe(count)
  }
})
