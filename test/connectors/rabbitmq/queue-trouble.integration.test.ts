import { availableNow, readAllAvailable } from 'sluice'
import { describe, expect, it, onTestFinished } from 'vitest'
import { consume } from '../../../src/connectors/rabbitmq/consumers.ts'
import { brokerUrl, canOwnBroker, ownBroker, withBroker } from '../../support/rabbitmq.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { collector } from './collector.ts'
import { numbers, restart, source, start, target } from './queue-query.ts'

describe('a consumer', () => {
  it('that the broker cancels (the queue was deleted) declares the queue again, and goes on', async () => {
    const broker = await withBroker()
    const queue = broker.name()
    const from = source({ queue, declare: { type: 'quorum' } })
    const { sink, bodies } = collector()
    start(from, sink)
    await expect.poll(() => from.counts.generations).toBe(1)
    await broker.channel.deleteQueue(queue)
    await expect.poll(() => from.counts.generations).toBe(2)
    await broker.publish(queue, ['after'])
    await expect.poll(bodies).toEqual(['after'])
  })

  it('whose queue is deleted right after it was declared tries again', async () => {
    const broker = await withBroker()
    const queue = broker.name()
    const channel = await broker.model.createChannel()
    channel.on('error', () => undefined)
    const declared = { queues: [queue], declare: {}, prefetch: 1, consumer: {} }
    // On the same channel, so that the deletion is always between the two.
    const deletes = (): void => void channel.deleteQueue(queue)
    await expect(consume(channel, declared, deletes, () => undefined)).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining('was deleted after it was declared'),
    })
  })

  it('whose queue is deleted while it is asked for has no messages, and declares it again', async () => {
    const broker = await withBroker()
    const queue = broker.name()
    const from = source({ queue, declare: { type: 'quorum' } })
    const reader = from.streamReader()
    onTestFinished(async () => {
      await reader.stop?.()
    })
    for (let round = 0; round < 5; round++) {
      const before = from.counts.generations
      await reader.latestOffset({ delivered: 0 }, readAllAvailable)
      const deleted = broker.channel.deleteQueue(queue)
      const looks = Array.from({ length: 50 }, () => reader.latestOffset({ delivered: 0 }, readAllAvailable))
      for (const look of await Promise.allSettled(looks))
        if (look.status === 'rejected') expect(look.reason).toMatchObject({ retryable: true })
      await deleted
      await expect.poll(() => from.counts.generations).toBeGreaterThan(before)
    }
  })

  it('whose queue is deleted and not declared here fails the query', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const from = source({ queue })
    const run = start(from, collector().sink)
    await expect.poll(() => from.counts.generations).toBe(1)
    await broker.channel.deleteQueue(queue)
    await expect(run.terminated).rejects.toThrow(/404/)
  })

  it('of a network that is dead while the heartbeat is off is noticed by the next look at the queue', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const proxy = await tcpProxy(target(brokerUrl()))
    const from = source({ queue, url: proxy.url(brokerUrl()), heartbeat: 0, connectTimeout: '500 ms' })
    const { sink, bodies } = collector()
    start(from, sink, { restart: { maxAttempts: 1 }, retry: { maxAttempts: 20 } })
    await expect.poll(() => from.counts.generations).toBe(1)
    proxy.mode('swallow')
    await broker.publish(queue, ['one'])
    await expect.poll(() => proxy.accepted, { timeout: 5_000 }).toBeGreaterThan(1)
    proxy.mode('pass')
    await expect.poll(bodies, { timeout: 5_000 }).toEqual(['one'])
  })

  it('that gets nothing though messages are ready is made anew, and says so', async () => {
    const broker = await withBroker()
    const queue = await broker.queue({ arguments: { 'x-single-active-consumer': true } })
    // Another one is the active consumer, and takes no more than one message.
    const other = await broker.model.createChannel()
    await other.prefetch(1)
    await other.consume(queue, () => undefined)
    await broker.publish(queue, numbers(10))
    const warnings: string[] = []
    const from = source({ queue, progressTimeout: '500 ms', onWarning: (warning) => warnings.push(warning) })
    const { sink, bodies } = collector()
    start(from, sink)
    await expect
      .poll(() => warnings.join('\n'), { timeout: 10_000 })
      .toContain('messages are ready, and none came in 0.5 s')
    await expect.poll(() => from.counts.generations).toBeGreaterThan(1)
    await other.close()
    await expect.poll(bodies, { timeout: 5_000 }).toEqual(numbers(10))
  })

  it.skipIf(!canOwnBroker)(
    'that is too slow for the broker loses its channel and not the query; late batches are told',
    async () => {
      const own = await ownBroker({ settings: ['consumer_timeout = 1000'], rabbit: ['{channel_tick_interval, 500}'] })
      const broker = await withBroker(own.url)
      const queue = await broker.queue()
      await broker.publish(queue, numbers(5))
      const warnings: string[] = []
      const from = source({
        url: own.url,
        queue,
        consumerTimeout: '1 second',
        onWarning: (warning) => warnings.push(warning),
      })
      let slow = true
      const { sink, bodies } = collector({
        onCommit: async () => {
          if (slow) await expect.poll(() => from.counts.generations, { timeout: 20_000 }).toBe(2)
          slow = false
        },
      })
      start(from, sink)
      await expect.poll(() => new Set(bodies()).size, { timeout: 25_000 }).toBe(5)
      await expect.poll(() => broker.ready(queue)).toBe(0)
      expect(from.counts.stale).toBeGreaterThan(0)
      expect(warnings.join('\n')).toMatch(/406.*timed out/)
      expect(warnings.join('\n')).toMatch(/a batch took .* consumer timeout is 1 s/)
    },
  )
})

describe('an exclusive consumer', () => {
  it('waits until the other one is gone, and has the queue for itself', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const other = await broker.model.createChannel()
    await other.consume(queue, () => undefined)
    const warnings: string[] = []
    const consumer = { exclusive: true, tag: 'mine', priority: 1 }
    const from = source({ queue, consumer, onWarning: (warning) => warnings.push(warning) })
    const { sink, bodies } = collector()
    start(from, sink, { restart: { maxAttempts: 1 } })
    await expect.poll(() => warnings.join('\n')).toContain('somebody else consumes')
    await other.close()
    await broker.publish(queue, ['one'])
    await expect.poll(bodies, { timeout: 5_000 }).toEqual(['one'])
    const late = await broker.model.createChannel()
    late.on('error', () => undefined)
    await expect(late.consume(queue, () => undefined)).rejects.toThrow(/403/)
  })
})

describe('a single active consumer', () => {
  it('hands over to the next one in order, with what was not acknowledged', async () => {
    const broker = await withBroker()
    const queue = broker.name()
    const options = { queue, declare: { type: 'quorum', singleActiveConsumer: true }, prefetch: 10 } as const
    const first = collector({ fails: (bodies) => bodies.includes('25') })
    const second = collector()
    const from = source(options)
    const run = start(from, first.sink, { restart: { maxAttempts: 1 }, retry: { maxAttempts: 1 } })
    await expect.poll(() => from.counts.generations).toBe(1)
    start(source(options), second.sink)
    await broker.publish(queue, numbers(50))
    await expect(run.terminated).rejects.toThrow('the sink failed')
    await expect.poll(() => first.bodies().length + second.bodies().length, { timeout: 5_000 }).toBe(50)
    expect([...first.bodies(), ...second.bodies()]).toEqual(numbers(50))
  })
})

describe('availableNow', () => {
  it.each(['classic', 'quorum'] as const)(
    'takes what is in a %s queue at the start, in several batches, and ends',
    async (type) => {
      const broker = await withBroker()
      const queue = await broker.queue({ type })
      await broker.publish(queue, numbers(200))
      const { sink, bodies, batches } = collector()
      // Between two batches nothing is here, and something is on its way.
      await start(source({ queue, prefetch: 10, maxBatch: 10 }), sink, {
        trigger: availableNow(),
        restart: { maxAttempts: 1 },
      }).terminated
      expect(bodies()).toEqual(numbers(200))
      expect(batches().length).toBeGreaterThanOrEqual(20)
    },
  )

  it('of an empty queue ends at once', async () => {
    const broker = await withBroker()
    const { sink, bodies } = collector()
    await start(source({ queue: await broker.queue() }), sink, { trigger: availableNow() }).terminated
    expect(bodies()).toEqual([])
  })
})

describe('a limit', () => {
  it('of rows or bytes holds, and one message always goes', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, ['x'.repeat(100), 'y', 'z', 'x'.repeat(5), 'y', 'z'])
    const { sink, batches } = collector()
    const run = start(source({ queue }), sink, { limit: { maxBytes: 10, maxRows: 3 } })
    await expect.poll(() => batches().flat().length).toBe(6)
    await run.drain()
    for (const batch of batches()) {
      const bytes = batch.reduce((sum, { body }) => sum + String(body).length, 0)
      expect(batch.length === 1 || (bytes <= 10 && batch.length <= 3)).toBe(true)
    }
  })
})

describe('poison', () => {
  const poison = (bad: string) => (bodies: readonly unknown[]) => bodies.includes(bad)

  it('is isolated and published to an exchange with the reason; the others go on', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const dead = await broker.queue()
    await broker.publish(
      queue,
      numbers(30).map((body) => ({ body, messageId: `m${body}`, headers: { kept: 'yes' }, contentType: 'text/plain' })),
    )
    const from = source({
      queue,
      prefetch: 32,
      poison: { failures: 2, deadLetter: { exchange: '', routingKey: dead } },
    })
    const { sink, bodies } = collector({ fails: poison('17') })
    start(from, sink, { retry: { maxAttempts: 1 } })
    await expect.poll(() => broker.ready(dead), { timeout: 20_000 }).toBe(1)
    await expect.poll(() => bodies().length).toBe(29)
    expect(bodies().toSorted()).toEqual(
      numbers(30)
        .filter((body) => body !== '17')
        .toSorted(),
    )
    const [letter] = await broker.drain(dead)
    expect(String(letter?.content)).toBe('17')
    expect(letter?.properties).toMatchObject({ messageId: 'm17', contentType: 'text/plain' })
    expect(letter?.properties.headers).toMatchObject({
      kept: 'yes',
      'x-sluice-queue': queue,
      'x-sluice-reason': expect.stringMatching(/^\d+ batches with it failed/),
      'x-sluice-failures': expect.any(Number),
    })
    expect(from.counts.deadLettered).toBe(1)
    await expect.poll(() => broker.ready(queue)).toBe(0)
  })

  it('is rejected to the broker’s own dead-letter exchange', async () => {
    const broker = await withBroker()
    const dead = await broker.queue()
    const queue = broker.name()
    const declare = { type: 'quorum', deadLetterExchange: '', deadLetterRoutingKey: dead } as const
    const from = source({ queue, declare, prefetch: 10, poison: { failures: 1, deadLetter: 'broker' } })
    const { sink, bodies } = collector({ fails: poison('3') })
    start(from, sink, { retry: { maxAttempts: 1 } })
    await expect.poll(() => from.counts.generations).toBeGreaterThan(0)
    await broker.publish(queue, numbers(8))
    await expect.poll(() => broker.ready(dead), { timeout: 20_000 }).toBe(1)
    const [letter] = await broker.drain(dead)
    expect(letter?.properties.headers?.['x-death']?.[0]?.reason).toBe('rejected')
    await expect.poll(() => bodies().toSorted()).toEqual(numbers(8).filter((body) => body !== '3'))
  })

  it('of a body that can’t be read is given to a function at once, and the others go on', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, ['{"a":1}', 'not json', '{"a":2}'])
    const letters: { body: string; reason: string; failures: number }[] = []
    const deadLetter = async ({
      message,
      reason,
      failures,
    }: {
      message: { content: Buffer }
      reason: string
      failures: number
    }) => {
      letters.push({ body: String(message.content), reason, failures })
    }
    const from = source({ queue, content: 'json', poison: { deadLetter } })
    const { sink, bodies } = collector()
    const run = start(from, sink)
    await expect.poll(() => bodies().length).toBe(2)
    await run.drain()
    expect(bodies()).toEqual(['{"a":1}', '{"a":2}'])
    expect(letters).toEqual([{ body: 'not json', reason: expect.stringContaining('is not JSON'), failures: 0 }])
    await expect.poll(() => broker.ready(queue)).toBe(0)
  })

  it('of many bodies that can’t be read, among others, stops none of the others', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const deadLetter = () => new Promise((resolve) => setTimeout(resolve, 1))
    const from = source({ queue, content: 'json', prefetch: 20, poison: { deadLetter } })
    const { sink, bodies } = collector()
    start(from, sink, { restart: { maxAttempts: 1 } })
    const count = 300
    await broker.publish(
      queue,
      Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 'not json' : String(i))),
    )
    await expect.poll(() => from.counts.deadLettered, { timeout: 10_000 }).toBe(count / 3)
    await expect.poll(() => bodies().length).toBe((count * 2) / 3)
  })

  it('whose place is not there stays in the queue, and fails the query', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, ['not json'])
    const from = source({ queue, content: 'json', poison: { deadLetter: { exchange: broker.name('exchange') } } })
    const run = start(from, collector().sink)
    await expect(run.terminated).rejects.toThrow(/dead letters to .*404/)
    await expect.poll(() => broker.ready(queue)).toBe(1)
  })

  it('is not what a sink is that is down for a while', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(20))
    let calls = 0
    const from = source({ queue, prefetch: 20, poison: { failures: 1, deadLetter: async () => undefined } })
    const { sink, bodies } = collector({ fails: () => ++calls <= 25 })
    start(from, sink, { retry: { maxAttempts: 1 }, restart })
    await expect.poll(() => new Set(bodies()).size, { timeout: 20_000 }).toBe(20)
    expect(from.counts.deadLettered).toBe(0)
  })
})
