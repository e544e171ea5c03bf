import { rabbitmqQueue } from 'sluice/rabbitmq'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RabbitRefusedError } from '../../../src/errors.ts'
import { brokerUrl, canOwnBroker, ownBroker, withBroker } from '../../support/rabbitmq.ts'
import { collector } from './collector.ts'
import { numbers, source, start } from './queue-query.ts'

describe('the broker’s own tool', () => {
  it.skipIf(!canOwnBroker)('shows the connection’s name, virtual host and heartbeat, and the consumers', async () => {
    const own = await ownBroker({ settings: ['default_vhost = sales/eu'] })
    const options = { url: own.url, vhost: 'sales/eu', connectionName: 'orders of the shop', heartbeat: '7 seconds' }
    const consumer = { tag: 'shop', priority: 3 }
    const from = source({ ...options, queue: ['a', 'b'], declare: {}, consumer, prefetch: 40 } as const)
    start(from, collector().sink)
    await expect.poll(() => from.counts.generations).toBe(1)
    const connections = await own.control(
      'list_connections',
      '--no-table-headers',
      'vhost',
      'timeout',
      'client_properties',
    )
    expect(connections).toMatch(/^sales\/eu\t7\t\[\{"connection_name","orders of the shop"\}/)
    const consumers = (await own.control('list_consumers', '--no-table-headers', '-p', 'sales/eu')).trim().split('\n')
    expect(consumers.map((line) => line.split('\t').filter((_, column) => column !== 1)).sort()).toEqual([
      ['a', 'shop-0', 'true', '40', 'true', '[{"x-priority",3}]'],
      ['b', 'shop-1', 'true', '40', 'true', '[{"x-priority",3}]'],
    ])
  })
})

describe('a declared queue', () => {
  it('is as it was declared, and one that is there with other arguments is refused', async () => {
    const broker = await withBroker()
    const queue = broker.name()
    const declare = { durable: false, arguments: { 'x-max-length': 10 } }
    const from = source({ queue, declare })
    start(from, collector().sink)
    await expect.poll(() => from.counts.generations).toBe(1)
    const again = { durable: false, arguments: { 'x-max-length': 10 } }
    expect((await broker.channel.assertQueue(queue, again)).queue).toBe(queue)
    const other = start(source({ queue, declare: { durable: true } }), collector().sink)
    await expect(other.terminated).rejects.toThrow(/406.*inequivalent arg 'durable'/)
  })

  it('that is not there and not declared is refused', async () => {
    const broker = await withBroker()
    const run = start(source({ queue: broker.name() }), collector().sink)
    const error = await run.terminated.catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ cause: expect.any(RabbitRefusedError), message: expect.stringContaining('404') })
  })
})

describe('a priority', () => {
  it('of the consumer: it gets the messages before others do', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const others: string[] = []
    const other = await broker.model.createChannel()
    await other.consume(queue, (message) => void others.push(String(message?.content)))
    const from = source({ queue, consumer: { priority: 5 } })
    const { sink, bodies } = collector()
    start(from, sink)
    await expect.poll(() => from.counts.generations).toBe(1)
    await broker.publish(queue, numbers(50))
    await expect.poll(() => bodies().length).toBe(50)
    expect(others).toEqual([])
  })

  it('of a message: it is read before those that came earlier', async () => {
    const broker = await withBroker()
    const queue = await broker.queue({ arguments: { 'x-max-priority': 5 } })
    await broker.publish(queue, [...numbers(3), { body: 'urgent', priority: 5 }])
    const { sink, bodies } = collector()
    start(source({ queue, declare: { arguments: { 'x-max-priority': 5 } } }), sink)
    await expect.poll(bodies).toEqual(['urgent', ...numbers(3)])
  })
})

describe('what is risky', () => {
  it('is told at the start, once, and not again when the channel is made anew', async () => {
    const broker = await withBroker()
    const queue = broker.name()
    const told: string[] = []
    const declare = { type: 'quorum', deadLetterExchange: '', deadLetterRoutingKey: 'none' } as const
    const risky = { prefetch: 2_500, maxBatch: 100, batchTime: '20 minutes' } as const
    const from = source({ queue, declare, ...risky, onWarning: (warning) => told.push(warning) })
    start(from, collector().sink)
    await expect.poll(() => from.counts.generations).toBe(1)
    await broker.channel.deleteQueue(queue)
    await expect.poll(() => from.counts.generations).toBe(2)
    expect(told.filter((text) => text.includes('prefetch is 2500'))).toHaveLength(1)
    expect(told.filter((text) => text.includes('less than half of it is safe'))).toHaveLength(1)
  })

  it('is a warning of the process, where nobody listens', async () => {
    const broker = await withBroker()
    const told: Error[] = []
    const listen = (warning: Error): void => void told.push(warning)
    process.on('warning', listen)
    onTestFinished(() => void process.off('warning', listen))
    const queue = broker.name()
    const declare = { type: 'quorum', deadLetterExchange: '', deadLetterRoutingKey: 'none' } as const
    start(rabbitmqQueue({ url: brokerUrl(), queue, declare, prefetch: 2_500, maxBatch: 100 }), collector().sink)
    await expect.poll(() => told.map(({ name }) => name)).toContain('SluiceRabbitWarning')
  })
})

it('a batch that fails more often than the delivery limit allows is in the dead-letter queue: nothing is deleted', async () => {
  const broker = await withBroker()
  const dead = await broker.queue()
  const queue = broker.name()
  const letters = { deadLetterExchange: '', deadLetterRoutingKey: dead }
  const from = source({ queue, declare: { type: 'quorum', deliveryLimit: 2, ...letters }, prefetch: 20 })
  const { sink } = collector({ fails: () => true })
  start(from, sink, { retry: { maxAttempts: 1 } })
  await expect.poll(() => from.counts.generations).toBe(1)
  await broker.publish(queue, numbers(6))
  await expect.poll(() => broker.ready(dead), { timeout: 20_000 }).toBe(6)
  const reasons = (await broker.drain(dead)).map(({ properties }) => properties.headers?.['x-death']?.[0]?.reason)
  expect(new Set(reasons)).toEqual(new Set(['delivery_limit']))
})
