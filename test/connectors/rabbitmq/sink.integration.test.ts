import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'
import { lastValueFrom } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { rabbitmqSink } from '../../../src/connectors/rabbitmq/sink.ts'
import type { RabbitSinkOptions } from '../../../src/connectors/rabbitmq/sink-options.ts'
import { RabbitError, RabbitRefusedError, RowError } from '../../../src/errors.ts'
import { readStream } from '../../../src/stream.ts'
import { availableNow } from '../../../src/trigger.ts'
import { type Broker, ownBroker, withBroker } from '../../support/rabbitmq.ts'
import { type TcpProxy, tcpProxy } from '../../support/tcp-proxy.ts'
import { batchOf, contextOf, type Partitions, settle, startOf, writeBatch } from '../drive.ts'

interface Row {
  readonly id: number
}
const rows = (count: number): Row[] => Array.from({ length: count }, (_, id) => ({ id }))

async function started<R extends object = Row>(
  broker: { readonly url: string },
  options: Omit<RabbitSinkOptions<R>, 'url'>,
) {
  const writer = rabbitmqSink<R>({ url: broker.url, ...options }).streamWriter()
  onTestFinished(async () => {
    await settle(() => writer.stop?.())
  })
  await settle(() => writer.start?.(startOf()))
  return writer
}

async function throughProxy(broker: Broker): Promise<TcpProxy & { readonly through: { readonly url: string } }> {
  const proxy = await tcpProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) })
  return Object.assign(proxy, { through: { url: proxy.url(broker.url) } })
}

const one: Partitions<Row> = [[rows(3)]]

describe('a row', () => {
  test('becomes a message: JSON, persistent, in order, with an id of its own', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const writer = await started(broker, { queue })
    const identical = [{ id: 7 }, { id: 7 }]
    await writeBatch(writer, batchOf(4), [[rows(2), identical]])
    const found = await broker.drain(queue)
    expect(found.map(({ content }) => content.toString())).toEqual(['{"id":0}', '{"id":1}', '{"id":7}', '{"id":7}'])
    expect(found.map(({ properties }) => properties.messageId)).toEqual(['4/0/0/1', '4/0/1/1', '4/0/2/1', '4/0/3/1'])
    for (const { properties } of found)
      expect(properties).toMatchObject({ deliveryMode: 2, contentType: 'application/json' })
  })

  test('goes where its routing key says, with the properties that it is given', async () => {
    const broker = await withBroker()
    const [even, odd] = [await broker.queue(), await broker.queue()]
    const exchange = broker.name('exchange')
    await broker.channel.assertExchange(exchange, 'direct')
    await broker.channel.bindQueue(even, exchange, 'even')
    await broker.channel.bindQueue(odd, exchange, 'odd')
    const writer = await started<Row>(broker, {
      exchange,
      routingKey: ({ id }) => (id % 2 === 0 ? 'even' : 'odd'),
      content: ({ id }) => `number ${id}`,
      messageId: ({ id }) => `order-${id}`,
      properties: ({ id }) => ({
        headers: { id },
        type: 'number',
        priority: 3,
        timestamp: new Date(1_700_000_000_999),
      }),
      persistent: false,
    })
    await writeBatch(writer, batchOf(0), [[rows(4)]])
    const found = await broker.drain(odd)
    expect(found.map(({ content }) => content.toString())).toEqual(['number 1', 'number 3'])
    expect(found[1]?.properties).toMatchObject({
      messageId: 'order-3',
      contentType: 'text/plain',
      headers: { id: 3 },
      type: 'number',
      priority: 3,
      timestamp: 1_700_000_000,
    })
    expect(found[1]?.properties.deliveryMode).not.toBe(2)
    expect(await broker.ready(even)).toBe(2)
  })

  test('has the same id when its batch is written again', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const writer = await started(broker, { queue })
    await writeBatch(writer, batchOf(0), one)
    await writeBatch(writer, batchOf(0), one)
    await writeBatch(writer, batchOf(1), one)
    const ids = (await broker.drain(queue)).map(({ properties }) => properties.messageId)
    expect(ids.slice(3, 6)).toEqual(ids.slice(0, 3))
    expect(new Set(ids).size).toBe(6)
  })

  test('without an id, or that JSON cannot hold, is refused', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const nameless = await started<Row>(broker, { queue, messageId: () => '' })
    await expect(writeBatch(nameless, batchOf(0), one)).rejects.toThrow(RowError)
    const unfit = await started<Row>(broker, { queue, content: ({ id }) => ({ price: id / 0 }) })
    await expect(writeBatch(unfit, batchOf(0), [[[{ id: 1 }]]])).rejects.toThrow('"price" holds Infinity')
    expect(await broker.ready(queue)).toBe(0)
  })
})

describe('the partition fails', () => {
  test('when a message can be routed nowhere, unless that is wanted', async () => {
    const broker = await withBroker()
    const exchange = broker.name('exchange')
    await broker.channel.assertExchange(exchange, 'fanout')
    const writer = await started(broker, { exchange })
    await expect(writeBatch(writer, batchOf(0), one)).rejects.toThrow(RabbitRefusedError)
    await expect(writeBatch(writer, batchOf(0), one)).rejects.toThrow(/message 0\/0\/\d\/1 was returned: NO_ROUTE/)
    const careless = await started(broker, { exchange, mandatory: false })
    await expect(writeBatch(careless, batchOf(0), one)).resolves.toBe('written')
  })

  test('when a full queue refuses a message', async () => {
    const broker = await withBroker()
    const queue = await broker.queue({ arguments: { 'x-max-length': 10, 'x-overflow': 'reject-publish' } })
    const writer = await started(broker, { queue })
    await expect(writeBatch(writer, batchOf(0), [[rows(200)]])).rejects.toThrow(/message 0\/0\/\d+\/1: message nacked/)
  })

  test('when the broker closes the channel, with its reason', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const negative = await started(broker, { queue, properties: () => ({ expiration: -1 }) })
    await expect(writeBatch(negative, batchOf(0), one)).rejects.toThrow(/invalid expiration/)
    const exchange = broker.name('exchange')
    await broker.channel.assertExchange(exchange, 'fanout')
    const writer = await started(broker, { exchange })
    await broker.channel.deleteExchange(exchange)
    await expect(writeBatch(writer, batchOf(0), one)).rejects.toThrow(/NOT_FOUND - no exchange/)
  })

  test('when no confirm comes in time', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const proxy = await throughProxy(broker)
    const writer = await started(proxy.through, { queue, confirmTimeout: 300, connectTimeout: 500 })
    proxy.mode('swallow')
    await expect(writeBatch(writer, batchOf(0), one)).rejects.toThrow('3 messages are unconfirmed')
    proxy.mode('pass')
    await expect.poll(() => writeBatch(writer, batchOf(0), one).catch(() => 'failed')).toBe('written')
  })

  test('when it is aborted while it waits', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const proxy = await throughProxy(broker)
    const writer = await started(proxy.through, { queue, maxInFlight: 10 })
    const controller = new AbortController()
    const partition = await settle(() => writer.open(contextOf(batchOf(0), 0, { signal: controller.signal })))
    proxy.mode('stall')
    const writing = settle(() => partition.write(rows(20)))
    const reason = new Error('enough')
    setTimeout(() => controller.abort(reason), 100)
    await expect(writing).rejects.toBe(reason)
    proxy.mode('pass')
  })
})

test('a broker that is short of memory holds the query back, and fails it in the end, saying why', async () => {
  const broker = await ownBroker({ settings: ['vm_memory_high_watermark.absolute = 1MB'] })
  const model = await connect(broker.url)
  const channel = await model.createChannel()
  await channel.assertQueue('held')
  await model.close()
  const writer = await started(broker, { queue: 'held', confirmTimeout: 1_000, connectTimeout: 500 })
  const writing = writeBatch(writer, batchOf(0), one)
  await expect(writing).rejects.toThrow(RabbitError)
  await expect(writing).rejects.toThrow(/the broker has taken no messages for 1 s \(low on memory\)/)
})

test('a broker that takes messages again gets what was held back, once', async () => {
  const own = await ownBroker()
  const broker = await withBroker(own.url)
  const queue = await broker.queue()
  await own.control('set_vm_memory_high_watermark', 'absolute', '1MB')
  const writer = await started(own, { queue, confirmTimeout: '1 minute' })
  let done = false
  const writing = writeBatch(writer, batchOf(0), [[rows(1)], [rows(500)]]).then(() => {
    done = true
  })
  await sleep(500)
  expect([done, await broker.ready(queue)]).toEqual([false, 0])
  await own.control('set_vm_memory_high_watermark', '0.4')
  await writing
  expect(await broker.ready(queue)).toBe(501)
})

describe('at the start', () => {
  test.each([{ queue: 'sluice-test-nowhere' }, { exchange: 'sluice-test-nowhere' }])(
    '%o must be there',
    async (place) => {
      const broker = await withBroker()
      await expect(started(broker, place)).rejects.toThrow(RabbitRefusedError)
      await expect(started(broker, place)).rejects.toThrow(/NOT_FOUND/)
    },
  )
})

test('over lost connections every row arrives, and repeats are known by their ids', async () => {
  const broker = await withBroker()
  const queue = await broker.queue()
  const proxy = await throughProxy(broker)
  const total = 3_000
  const source = memoryStream<Row>({ partitions: 2, chunkRows: 100 })
  source.add(...rows(total))
  const query = readStream(source).writeStream(
    rabbitmqSink<Row>({
      url: proxy.through.url,
      queue,
      maxInFlight: 100,
      reconnect: { initialDelayMs: 1, maxDelayMs: 20 },
    }),
    {
      name: 'published',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 200 },
      retry: { maxAttempts: 100, initialDelayMs: 5, maxDelayMs: 20 },
    },
  )
  let cuts = 0
  const cutting = setInterval(() => {
    proxy.cut()
    cuts++
  }, 400)
  onTestFinished(() => clearInterval(cutting))
  await lastValueFrom(query)
  clearInterval(cutting)
  const found = await broker.drain(queue)
  const byMessage = new Map(
    found.map(({ properties, content }) => [properties.messageId as string, content.toString()]),
  )
  expect(byMessage.size).toBe(total)
  expect(new Set(byMessage.values()).size).toBe(total)
  expect(cuts, 'no connection was lost: this shows nothing').toBeGreaterThan(1)
})
