import { setTimeout as sleep } from 'node:timers/promises'
import { from, lastValueFrom, type Subscription, toArray } from 'rxjs'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { RabbitStreamOptions } from '../../../src/connectors/rabbitmq/stream-options.ts'
import {
  type RabbitStreamOffset,
  type RabbitStreamPartition,
  rabbitmqStream,
} from '../../../src/connectors/rabbitmq/stream-source.ts'
import { OffsetError, RabbitError, RabbitRefusedError } from '../../../src/errors.ts'
import { type ReadLimit, readAllAvailable } from '../../../src/source.ts'
import { type Broker, withBroker } from '../../support/rabbitmq.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { batchOf, contextOf, settle } from '../drive.ts'

/** Small segments: an offset without a message comes every few hundred messages. */
const segments = { 'x-stream-max-segment-size-bytes': 100_000 }

/** A channel that is lost without need shows: a new one would take longer than the test may. */
const reconnectNever = { initialDelayMs: 600_000, maxDelayMs: 600_000, random: () => 0.99 }

type Options = Omit<RabbitStreamOptions<'text'>, 'url'> & { readonly url?: string }

function readerOf(broker: Broker, options: Options) {
  const reader = rabbitmqStream({ url: broker.url, ...options }).streamReader()
  onTestFinished(async () => {
    await settle(() => reader.stop?.())
  })
  const partitions = (start: RabbitStreamOffset, end: RabbitStreamOffset) => settle(() => reader.partitions(start, end))
  const readAll = async (slices: readonly RabbitStreamPartition[], signal = new AbortController().signal) => {
    const context = { ...contextOf(batchOf(0), 0), signal }
    const chunks = await Promise.all(
      slices.map((slice) => lastValueFrom(from(reader.read(slice, context)).pipe(toArray()))),
    )
    return chunks.flat(2).map(({ queue, offset, body }) => ({ stream: queue, offset, body }))
  }
  const latest = (start: RabbitStreamOffset, limit: Partial<ReadLimit> = {}) =>
    settle(() => reader.latestOffset(start, { ...readAllAvailable, ...limit }))
  return {
    reader,
    initial: () => settle(() => reader.initialOffset()),
    latest,
    partitions,
    readAll,
    /** All batches from a position to the end of the stream, as planned, with their rows. */
    batches: async (start: RabbitStreamOffset, limit: Partial<ReadLimit> = {}) => {
      const found: {
        readonly slices: readonly RabbitStreamPartition[]
        readonly rows: Rows
        readonly end: RabbitStreamOffset
      }[] = []
      for (let at = start; ; ) {
        const end = await latest(at, limit)
        const slices = await partitions(at, end)
        if (slices.length === 0) return found
        found.push({ slices, rows: await readAll(slices), end })
        at = end
      }
    },
  }
}

type Rows = readonly { readonly stream: string; readonly offset: number; readonly body: string }[]
const numbers = (count: number, first = 0) => Array.from({ length: count }, (_, index) => `m${first + index}`)
const padded = (bodies: readonly string[]) => bodies.map((body) => body.padEnd(200, '.'))
const bodiesOf = (batches: readonly { readonly rows: Rows }[]) =>
  batches.flatMap(({ rows }) => rows.map(({ body }) => body.replace(/\.+$/, '')))

test('reads what is there, then what comes, in order', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream' })
  await broker.publish(stream, numbers(2_500))
  const { initial, batches } = readerOf(broker, { stream })
  const start = await initial()
  expect(start).toEqual({ [stream]: 0 })
  const before = await batches(start)
  expect(bodiesOf(before)).toEqual(numbers(2_500))
  await broker.publish(stream, numbers(500, 2_500))
  expect(bodiesOf(await batches(before.at(-1)?.end as RabbitStreamOffset))).toEqual(numbers(500, 2_500))
})

test('offsets have gaps, and any batch is the same when another process reads it', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream', arguments: segments })
  await broker.publish(stream, padded(numbers(3_000)))
  const { batches } = readerOf(broker, {
    stream,
    prefetch: 40,
    readAhead: 1_000,
    reconnect: reconnectNever,
    openTimeout: 5_000,
  })
  const planned = await batches({ [stream]: 0 }, { maxRows: 170 })
  expect(bodiesOf(planned)).toEqual(numbers(3_000))
  const offsets = planned.flatMap(({ rows }) => rows.map(({ offset }) => offset))
  expect(offsets.at(-1), 'the broker left none out: this test shows nothing').toBeGreaterThan(2_999)
  const other = readerOf(broker, { stream })
  for (const { slices, rows } of planned) expect(await other.readAll(slices)).toEqual(rows)
})

describe('where a new query begins', () => {
  test('becomes a number, once', async () => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream' })
    await broker.publish(stream, numbers(100))
    await sleep(2_100 - (Date.now() % 1_000)) // into another second: the broker counts these
    const later = new Date()
    await broker.publish(stream, numbers(50, 100))
    const starting = (start: RabbitStreamOptions['from']) =>
      readerOf(broker, { stream, ...(start === undefined ? {} : { from: start }) })
        .initial()
        .then((offset) => offset[stream])
    expect(await starting(undefined)).toBe(0)
    expect(await starting('first')).toBe(0)
    expect(await starting('next')).toBe(150)
    expect(await starting(120)).toBe(120)
    expect(await starting(later)).toBe(100)
    expect(await starting(new Date(0))).toBe(0)
    expect(await starting(new Date(Date.now() + 3_600_000))).toBe(150)
    const last = await starting('last')
    expect(last).toBeGreaterThanOrEqual(100)
    expect(last).toBeLessThan(150)
  })

  test.each(['first', 'last', 'next', new Date()] as const)(
    '%s of a stream without messages is its beginning',
    async (start) => {
      const broker = await withBroker()
      const stream = await broker.queue({ type: 'stream' })
      const { initial, batches } = readerOf(broker, { stream, from: start })
      expect(await initial()).toEqual({ [stream]: 0 })
      await broker.publish(stream, numbers(3))
      expect(bodiesOf(await batches({ [stream]: 0 }))).toEqual(numbers(3))
    },
  )

  test('first is the oldest message that retention has left', async () => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream', arguments: { ...segments, 'x-max-length-bytes': 300_000 } })
    await broker.publish(stream, padded(numbers(10_000)))
    const { initial, batches } = readerOf(broker, { stream })
    let start = await initial()
    // The broker drops segments in the background, some of them a while after the last publish.
    for (let before = -1; before !== start[stream]; start = await initial()) {
      before = start[stream] as number
      await sleep(500)
    }
    expect(start[stream]).toBeGreaterThan(5_000)
    const bodies = bodiesOf(await batches(start))
    expect(bodies).toEqual(numbers(bodies.length, 10_000 - bodies.length))
  })
})

describe('what is no longer there', () => {
  test('is an error when retention dropped it before it was read', async () => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream', arguments: { ...segments, 'x-max-length-bytes': 300_000 } })
    await broker.publish(stream, padded(numbers(10_000)))
    const { latest, readAll } = readerOf(broker, { stream })
    await expect(latest({ [stream]: 10 })).rejects.toThrow(
      /offset 10 is wanted, and the stream begins at \d{4}: its retention/,
    )
    await expect(latest({ [stream]: 10 })).rejects.toThrow(RabbitRefusedError)
    const planned = readAll([{ stream, from: 20, to: 30 }])
    await expect(planned).rejects.toThrow('offset 20 is wanted')
  })

  test('is an error when retention overtakes a reader that is behind', async () => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream', arguments: { ...segments, 'x-max-length-bytes': 300_000 } })
    await broker.publish(stream, padded(numbers(100)))
    const { batches, latest } = readerOf(broker, { stream, prefetch: 10, readAhead: 20 })
    let at = await latest({ [stream]: 0 }, { maxRows: 5 })
    await broker.publish(stream, padded(numbers(20_000, 100)))
    const seen: string[] = []
    const reading = async () => {
      for (;;) {
        const batch = (await batches(at, { maxRows: 50 })).at(-1)
        if (batch === undefined) return
        at = batch.end
      }
    }
    await expect(reading()).rejects.toThrow('its retention dropped messages before they were read')
    expect(seen).toEqual([])
  })

  test('is an error when the stream was deleted and made anew', async () => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream' })
    await broker.publish(stream, numbers(3))
    const { latest } = readerOf(broker, { stream, openTimeout: 1_000 })
    await expect(latest({ [stream]: 7 })).rejects.toThrow('ends at offset 3, and the query stands at 7')
  })

  test('is an error when the stream is deleted under the reader', async () => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream' })
    await broker.publish(stream, numbers(3))
    const { latest } = readerOf(broker, { stream })
    const end = await latest({ [stream]: 0 })
    await broker.channel.deleteQueue(stream)
    await expect.poll(() => latest(end).catch((error: unknown) => error)).toBeInstanceOf(RabbitRefusedError)
  })

  test('is an error for a queue that is no stream, which keeps its messages', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(3))
    const { initial, latest } = readerOf(broker, { stream: queue })
    await expect(initial()).rejects.toThrow(RabbitRefusedError)
    await expect(latest({ [queue]: 0 })).rejects.toThrow(RabbitRefusedError)
    await expect.poll(() => broker.ready(queue)).toBe(3)
  })
})

describe('a connection that is lost', () => {
  test('again and again: every message once and in order', async () => {
    const broker = await withBroker()
    const proxy = await tcpProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) })
    const stream = await broker.queue({ type: 'stream', arguments: segments })
    const total = 4_000
    await broker.publish(stream, padded(numbers(total)))
    const { latest, partitions, readAll } = readerOf(broker, {
      stream,
      url: proxy.url(broker.url),
      prefetch: 40,
      readAhead: 200,
      reconnect: { initialDelayMs: 1, maxDelayMs: 20 },
    })
    const again = async <T>(call: () => Promise<T>): Promise<T> => {
      for (;;) {
        try {
          return await call()
        } catch (error) {
          expect(error).toBeInstanceOf(RabbitError)
          await sleep(1)
        }
      }
    }
    const bodies: string[] = []
    let cuts = 0
    for (let at: RabbitStreamOffset = { [stream]: 0 }; bodies.length < total; ) {
      // In the midst of what follows, each time a little later.
      if (bodies.length >= 400 * cuts) setTimeout(() => proxy.cut(), cuts++)
      const end = await again(() => latest(at, { maxRows: 100 }))
      const slices = await partitions(at, end)
      bodies.push(...bodiesOf([{ rows: await again(() => readAll(slices)) }]))
      at = end
    }
    expect(bodies).toEqual(numbers(total))
    expect(cuts).toBe(10)
  })

  test('many times while memory is full: it gets no fuller, and reading goes on when there is room', async () => {
    const broker = await withBroker()
    const proxy = await tcpProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) })
    const stream = await broker.queue({ type: 'stream' })
    for (let first = 0; first < 1_000; first += 10) await broker.publish(stream, numbers(10, first))
    const { latest, batches } = readerOf(broker, {
      stream,
      url: proxy.url(broker.url),
      prefetch: 50,
      readAhead: 100,
      reconnect: { initialDelayMs: 1, maxDelayMs: 10 },
    })
    await latest({ [stream]: 0 }, { maxRows: 1 })
    for (let cut = 1; cut <= 5; cut++) {
      proxy.cut()
      await expect.poll(() => proxy.accepted).toBe(cut + 1)
      await sleep(50)
    }
    expect((await latest({ [stream]: 0 }))[stream]).toBeLessThanOrEqual(100 + 50 + 10)
    expect(bodiesOf(await batches({ [stream]: 0 }))).toEqual(numbers(1_000))
  })

  test('without a sign, while a batch is read again: it goes on as soon as the network does', async () => {
    const broker = await withBroker()
    const proxy = await tcpProxy({ host: '127.0.0.1', port: Number(new URL(broker.url).port) })
    const stream = await broker.queue({ type: 'stream' })
    await broker.publish(stream, padded(numbers(5_000)))
    const { reader } = readerOf(broker, {
      stream,
      url: proxy.url(broker.url),
      heartbeat: '1 second',
      prefetch: 100,
      readAhead: 500,
      reconnect: { initialDelayMs: 1, maxDelayMs: 100 },
    })
    const chunks = from(reader.read({ stream, from: 0, to: 5_000 }, contextOf(batchOf(0), 0)))
    const bodies: string[] = []
    await new Promise<void>((resolve, reject) => {
      const reading: Subscription = chunks.subscribe({
        next: (rows) => {
          if (bodies.length === 0) {
            proxy.mode('stall')
            setTimeout(() => proxy.mode('pass'), 4_000)
          }
          bodies.push(...rows.map(({ body }) => body.replace(/\.+$/, '')))
        },
        error: reject,
        complete: resolve,
      })
      onTestFinished(() => reading.unsubscribe())
    })
    expect(bodies).toEqual(numbers(5_000))
  })
})

describe('the limits', () => {
  test('rows and bytes bound a batch, and a message that is larger goes alone', async () => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream' })
    await broker.publish(stream, ['a'.repeat(10), 'b'.repeat(10), 'c'.repeat(100), 'd', 'e'])
    const { latest } = readerOf(broker, { stream })
    expect(await latest({ [stream]: 0 }, { maxRows: 1 })).toEqual({ [stream]: 1 })
    expect(await latest({ [stream]: 0 }, { maxBytes: 25 })).toEqual({ [stream]: 2 })
    expect(await latest({ [stream]: 2 }, { maxBytes: 25 })).toEqual({ [stream]: 3 })
    expect(await latest({ [stream]: 3 }, { maxBytes: 25 })).toEqual({ [stream]: 5 })
  })

  test.each([
    { prefetch: 20, readAhead: 100 },
    { prefetch: 20, readAheadBytes: 100 * 200 },
  ])('no more is read ahead than %o', async (bounds) => {
    const broker = await withBroker()
    const stream = await broker.queue({ type: 'stream' })
    // Many small chunks: one is always delivered as a whole.
    for (let first = 0; first < 500; first += 10) await broker.publish(stream, padded(numbers(10, first)))
    const { latest } = readerOf(broker, { stream, ...bounds })
    await latest({ [stream]: 0 }, { maxRows: 1 })
    await sleep(300)
    const { [stream]: end } = await latest({ [stream]: 0 })
    expect(end).toBeGreaterThanOrEqual(100)
    expect(end).toBeLessThanOrEqual(100 + 20 + 10)
  })
})

test('tells of new messages when it has said that there are none, once, and not before', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream' })
  await broker.publish(stream, numbers(3))
  const { reader, latest } = readerOf(broker, { stream })
  let told = 0
  const listening = reader.available?.subscribe(() => told++)
  onTestFinished(() => listening?.unsubscribe())
  const end = await latest({ [stream]: 0 })
  expect(await latest(end)).toEqual(end)
  await sleep(100)
  const before = told
  await broker.publish(stream, numbers(100, 3))
  await expect.poll(() => told).toBe(before + 1)
  expect((await latest(end))[stream]).toBeGreaterThan(3)
})

test('the head is looked for once a second, however often it is asked for; what was read since then is known', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream' })
  await broker.publish(stream, numbers(100))
  const clock = vi.spyOn(Date, 'now').mockReturnValue(1_700_000_000_000)
  onTestFinished(() => clock.mockRestore())
  const { reader, latest } = readerOf(broker, { stream })
  const head = () => settle(() => reader.reportLatestOffset?.())
  expect(await head()).toEqual({ [stream]: 100 })
  await broker.publish(stream, numbers(50, 100))
  expect(await head()).toEqual({ [stream]: 100 })
  await expect.poll(() => latest({ [stream]: 100 })).toEqual({ [stream]: 150 })
  expect(await head()).toEqual({ [stream]: 150 })
  await broker.publish(stream, numbers(10, 150))
  clock.mockReturnValue(1_700_000_001_000)
  expect(await head()).toEqual({ [stream]: 160 })
})

test('a read that is aborted ends at once', async () => {
  const broker = await withBroker()
  const stream = await broker.queue({ type: 'stream' })
  await broker.publish(stream, numbers(3))
  const { readAll } = readerOf(broker, { stream })
  const controller = new AbortController()
  const reading = readAll([{ stream, from: 0, to: 10 }], controller.signal)
  await sleep(200)
  controller.abort()
  await expect(reading).rejects.toThrow(RabbitError)
})

describe('several streams', () => {
  test('are partitions that share a limit', async () => {
    const broker = await withBroker()
    const [a, b] = [await broker.queue({ type: 'stream' }), await broker.queue({ type: 'stream' })] as const
    await broker.publish(a, numbers(100))
    await broker.publish(b, numbers(20, 1_000))
    const { initial, latest, batches, partitions } = readerOf(broker, { stream: [a, b] })
    const start = await initial()
    expect(start).toEqual({ [a]: 0, [b]: 0 })
    expect(await latest(start, { maxRows: 30 })).toEqual({ [a]: 15, [b]: 15 })
    expect(await latest(start, { maxRows: 60 })).toEqual({ [a]: 40, [b]: 20 })
    expect(await latest(start, { maxRows: 1 })).toEqual({ [a]: 1, [b]: 0 })
    expect(await partitions(start, { [a]: 1, [b]: 0 })).toEqual([{ stream: a, from: 0, to: 1 }])
    const all = (await batches(start, { maxRows: 30 })).flatMap(({ rows }) => rows)
    const ofStream = (name: string) => all.filter(({ stream }) => stream === name).map(({ body }) => body)
    expect(ofStream(a)).toEqual(numbers(100))
    expect(ofStream(b)).toEqual(numbers(20, 1_000))
  })

  test('a stream that the query does not know yet is refused', async () => {
    const broker = await withBroker()
    const { latest } = readerOf(broker, { stream: ['a', 'b'] })
    await expect(latest({ a: 0 })).rejects.toThrow(OffsetError)
  })
})

test('declares the stream, with arguments', async () => {
  const broker = await withBroker()
  const stream = broker.name('declared')
  const { initial } = readerOf(broker, { stream, declare: { 'x-max-age': '1h' } })
  expect(await initial()).toEqual({ [stream]: 0 })
  const declaration = { durable: true, arguments: { 'x-queue-type': 'stream', 'x-max-age': '1h' } }
  await expect(broker.channel.assertQueue(stream, declaration)).resolves.toMatchObject({ queue: stream })
})
