import { schema, whenAvailable } from 'sluice'
import { describe, expect, it } from 'vitest'
import { withBroker } from '../../support/rabbitmq.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { collector } from './collector.ts'
import { numbers, source, start, target } from './queue-query.ts'

describe.each(['classic', 'quorum'] as const)('a %s queue', (type) => {
  it('is read in order, acknowledged batch by batch, and empty at the end', async () => {
    const broker = await withBroker()
    const queue = await broker.queue({ type })
    await broker.publish(queue, numbers(1_000))
    const from = source({ queue, prefetch: 100 })
    const { sink, bodies, batches } = collector()
    const run = start(from, sink)
    await expect.poll(() => bodies().length, { timeout: 10_000 }).toBe(1_000)
    await run.drain()
    expect(bodies()).toEqual(numbers(1_000))
    expect(Math.max(...batches().map((batch) => batch.length))).toBeLessThanOrEqual(50)
    expect(from.counts).toMatchObject({ delivered: 1_000, settled: 1_000, stale: 0, released: 0, redelivered: 0 })
    await expect.poll(() => broker.ready(queue)).toBe(0)
  })

  it('has what was not acknowledged again after the run, in its order', async () => {
    const broker = await withBroker()
    const queue = await broker.queue({ type })
    await broker.publish(queue, numbers(20))
    const { sink } = collector({ fails: () => true })
    const run = start(source({ queue, prefetch: 10 }), sink, { restart: { maxAttempts: 1 }, retry: { maxAttempts: 1 } })
    await expect(run.terminated).rejects.toThrow('the sink failed')
    await expect.poll(() => broker.ready(queue)).toBe(20)
    expect((await broker.drain(queue)).map(({ content }) => String(content))).toEqual(numbers(20))
  })

  it('whose connection is cut again and again loses nothing, and repeats no more than was under way', async () => {
    const broker = await withBroker()
    const queue = await broker.queue({ type })
    const proxy = await tcpProxy(target(broker.url))
    const from = source({ queue, prefetch: 50, url: proxy.url(broker.url) })
    const { sink, bodies } = collector({ delayMs: 2 })
    start(from, sink)
    const cuts = 10
    for (let cut = 0; cut < cuts; cut++) {
      await broker.publish(queue, numbers(200, cut * 200))
      await new Promise((resolve) => setTimeout(resolve, 60))
      proxy.cut()
    }
    await expect.poll(() => new Set(bodies()).size, { timeout: 20_000 }).toBe(cuts * 200)
    await expect.poll(() => broker.ready(queue)).toBe(0)
    const repeats = bodies().length - cuts * 200
    expect(repeats).toBeLessThanOrEqual(cuts * 50)
    expect(from.counts.generations).toBeGreaterThan(1)
  })
})

describe('a batch', () => {
  it('whose connection is lost after all of it was written, and before the sink commits, is given up: nothing comes twice', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(10))
    const proxy = await tcpProxy(target(broker.url))
    const from = source({ queue, prefetch: 20, maxBatch: 10, url: proxy.url(broker.url) })
    let finished = 0
    const { sink, bodies } = collector({
      onFinish: async () => {
        if (finished++ > 0) return
        proxy.cut()
        await expect.poll(() => from.counts.generations).toBe(2)
      },
    })
    const abandoned: unknown[] = []
    const run = start(from, sink, { limit: { minRows: 10, maxDelay: '5 seconds' } })
    run.events$.subscribe((event) => {
      if (event.type === 'done' && event.outcome === 'abandoned') abandoned.push(event.batchId)
    })
    await expect.poll(() => from.counts, { timeout: 10_000 }).toMatchObject({ stale: 10, settled: 10 })
    expect(bodies()).toEqual(numbers(10))
    expect(abandoned).toEqual([0])
  })

  it('whose connection is lost while the sink commits is not acknowledged on the next one, and comes again', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(10))
    const proxy = await tcpProxy(target(broker.url))
    const from = source({ queue, prefetch: 20, maxBatch: 10, url: proxy.url(broker.url) })
    let cuts = 0
    const { sink, bodies } = collector({
      onCommit: async () => {
        if (cuts++ > 0) return
        proxy.cut()
        await expect.poll(() => from.counts.generations).toBe(2)
      },
    })
    start(from, sink, { limit: { minRows: 10, maxDelay: '5 seconds' } })
    await expect.poll(() => bodies().length, { timeout: 10_000 }).toBe(20)
    expect(bodies()).toEqual([...numbers(10), ...numbers(10)])
    await expect.poll(() => from.counts).toMatchObject({ stale: 10, settled: 10, generations: 2 })
  })

  it('whose connection is lost while it is read is not committed: nothing comes twice', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const proxy = await tcpProxy(target(broker.url))
    const count = 5_000
    await broker.publish(queue, numbers(count))
    const from = source({ queue, prefetch: count, maxBatch: count, url: proxy.url(broker.url) })
    let writes = 0
    const { sink, bodies } = collector({
      // Two chunks of five are read ahead of the writer.
      onWrite: async () => {
        if (writes++ > 0) return
        proxy.cut()
        await expect.poll(() => from.counts.generations).toBe(2)
      },
    })
    start(from, sink, { limit: { minRows: count, maxDelay: '10 seconds' }, retry: { maxAttempts: 1 } })
    await expect.poll(() => from.counts, { timeout: 15_000 }).toMatchObject({ settled: count, stale: count })
    expect(bodies()).toEqual(numbers(count))
  })

  it('is on its way within milliseconds', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const { sink, arrivals } = collector()
    const run = start(source({ queue }), sink, { trigger: whenAvailable({ maxWait: '1 hour' }) })
    await expect.poll(() => run.status).toMatchObject({})
    const took: number[] = []
    for (let i = 0; i < 20; i++) {
      const begun = performance.now()
      const arrived = arrivals(i + 1)
      await broker.publish(queue, [String(i)])
      await arrived
      took.push(performance.now() - begun)
    }
    expect(took.toSorted((a, b) => a - b)[10]).toBeLessThan(50)
  })

  it('of a quiet queue is not looked for: nothing at all happens', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const proxy = await tcpProxy(target(broker.url))
    const { sink, bodies } = collector()
    const from = source({ queue, url: proxy.url(broker.url), heartbeat: 0 })
    const run = start(from, sink, { trigger: whenAvailable({ maxWait: '1 hour' }) })
    await broker.publish(queue, ['one'])
    await expect.poll(bodies).toEqual(['one'])
    await expect.poll(() => run.status).toMatchObject({ message: 'Waiting for data to arrive', isTriggerActive: false })
    const events: string[] = []
    run.events$.subscribe(({ type }) => events.push(type))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(events).toEqual([])
  })
})

describe('several queues', () => {
  it('are partitions of one batch, each in its order', async () => {
    const broker = await withBroker()
    const queues = [await broker.queue(), await broker.queue()]
    for (const queue of queues) await broker.publish(queue, numbers(300))
    const from = source({ queue: queues, prefetch: 40 })
    const { sink, rows } = collector()
    const run = start(from, sink)
    await expect.poll(() => rows().length, { timeout: 10_000 }).toBe(600)
    await run.drain()
    for (const queue of queues)
      expect(
        rows()
          .filter((row) => row.queue === queue)
          .map(({ body }) => body),
      ).toEqual(numbers(300))
    expect(from.counts).toMatchObject({ settled: 600, stale: 0 })
  })
})

describe('slices by key', () => {
  it('keep the order of each key, and every message is in one of them', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const bodies = Array.from({ length: 400 }, (_, i) => `${'abcdefg'[i % 7]}${i}`)
    await broker.publish(queue, bodies)
    const from = source({ queue, partitions: 3, key: ({ body }) => body.slice(0, 1), prefetch: 100 })
    const { sink, rows, partitions } = collector()
    const run = start(from, sink)
    await expect.poll(() => rows().length, { timeout: 10_000 }).toBe(400)
    await run.drain()
    for (const key of 'abcdefg')
      expect(
        rows()
          .map(({ body }) => String(body))
          .filter((body) => body.startsWith(key)),
      ).toEqual(bodies.filter((body) => body.startsWith(key)))
    expect(partitions().size).toBe(3)
  })
})

describe('content', () => {
  it('of a schema is typed rows', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, [{ body: '{"id":7,"at":"2026-01-02T00:00:00Z"}', messageId: 'm', headers: { a: 'b' } }])
    const { sink, rows } = collector()
    start(source({ queue, content: schema('id bigint not null, at timestamp') }), sink)
    await expect.poll(() => rows().length).toBe(1)
    expect(rows()[0]).toMatchObject({
      body: { id: 7n, at: new Date('2026-01-02') },
      messageId: 'm',
      headers: { a: 'b' },
    })
  })

  it('that can’t be read fails the query, and stays in the queue', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, ['{"id":"secret"}'])
    const { sink } = collector()
    const run = start(source({ queue, content: schema('id bigint not null') }), sink)
    await expect(run.terminated).rejects.toThrow(/column "id": expected bigint/)
    await expect.poll(() => broker.ready(queue)).toBe(1)
  })
})
