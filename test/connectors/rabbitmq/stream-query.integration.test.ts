import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lastValueFrom } from 'rxjs'
import { expect, onTestFinished, test } from 'vitest'
import { fileCheckpoint } from '../../../src/checkpoint/file.ts'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { type RabbitStreamRow, rabbitmqStream } from '../../../src/connectors/rabbitmq/stream-source.ts'
import { readStream } from '../../../src/stream.ts'
import { availableNow, whenAvailable } from '../../../src/trigger.ts'
import { type Broker, withBroker } from '../../support/rabbitmq.ts'

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
      limit: { maxRows: 150 },
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
