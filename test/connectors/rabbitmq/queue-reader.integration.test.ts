import { firstValueFrom } from 'rxjs'
import { readAllAvailable } from 'sluice'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RabbitError } from '../../../src/errors.ts'
import { withBroker } from '../../support/rabbitmq.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { numbers, source, target } from './queue-query.ts'

const unlimited = { maxRows: 1_000_000, maxBytes: Infinity, maxFiles: Infinity }
const report = (): void => undefined

type Options = Parameters<typeof source>[0]

/** A reader, as an engine would drive it. */
function open(options: Options) {
  const from = source(options)
  const reader = from.streamReader()
  onTestFinished(async () => {
    await reader.stop?.()
  })
  const latest = async (delivered: number, limit = unlimited): Promise<number> =>
    ((await reader.latestOffset({ delivered }, limit)) as { readonly delivered: number }).delivered
  /** Once so many are there. */
  const until = async (start: number, end: number): Promise<number> => {
    await expect.poll(() => latest(start), { timeout: 5_000 }).toBe(end)
    return end
  }
  const bodies = async (start: number, end: number): Promise<string[]> => {
    const rows: string[] = []
    for (const partition of (await reader.partitions({ delivered: start }, { delivered: end })) as readonly never[])
      for await (const chunk of reader.read(partition, { report } as never) as AsyncIterable<
        readonly { body: string }[]
      >)
        rows.push(...chunk.map(({ body }) => body))
    return rows
  }
  return { reader, counts: from.counts, latest, until, bodies }
}

describe('a reader', () => {
  it('gives a released batch back: it comes again, under later ordinals and in its order', async () => {
    const broker = await withBroker()
    const queue = await broker.queue({ type: 'quorum' })
    await broker.publish(queue, numbers(6))
    const { reader, counts, until, bodies } = open({ queue, maxBatch: 4 })
    await until(0, 4)
    await reader.release({ delivered: 0 }, { delivered: 4 })
    await expect.poll(() => broker.ready(queue)).toBe(6)
    await until(4, 8)
    expect(await bodies(4, 8)).toEqual(numbers(4))
    reader.commit({ delivered: 8 })
    await until(8, 10)
    expect(await bodies(8, 10)).toEqual(['4', '5'])
    expect(counts).toMatchObject({ released: 4, settled: 4, stale: 0, generations: 2 })
  })

  it('goes on counting where the checkpoint stood', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(3))
    const { until, bodies } = open({ queue })
    await until(1_000, 1_003)
    expect(await bodies(1_000, 1_003)).toEqual(numbers(3))
  })

  it('asked again from the same start has the same messages, and those that came since', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(3))
    const { until, bodies } = open({ queue })
    await until(0, 3)
    await broker.publish(queue, numbers(2, 3))
    await until(0, 5)
    expect(await bodies(0, 5)).toEqual(numbers(5))
  })

  it('refuses deliveries that are gone with their channel, with an error that is worth a restart', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(3))
    const proxy = await tcpProxy(target(broker.url))
    const { reader, until, bodies, counts } = open({ queue, url: proxy.url(broker.url) })
    await until(0, 3)
    await reader.hold?.({ delivered: 0 }, { delivered: 3 })
    proxy.cut()
    await expect.poll(() => counts.generations).toBe(2)
    const error = await bodies(0, 3).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(RabbitError)
    expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('deliveries 0 to 3') })
    expect(() => reader.hold?.({ delivered: 0 }, { delivered: 3 })).toThrow(RabbitError)
  })

  it('has sent its acknowledgements when it has stopped', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    for (let round = 0; round < 10; round++) {
      await broker.publish(queue, numbers(50))
      const { reader, until } = open({ queue })
      await until(0, 50)
      reader.commit({ delivered: 50 })
      await reader.stop?.()
      expect(await broker.ready(queue)).toBe(0)
    }
  })

  it('reports the head: what was delivered and what is ready', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    await broker.publish(queue, numbers(30))
    const { until, latest } = open({ queue, prefetch: 10 })
    await until(5, 10)
    // Of ten that were delivered five are in the batch.
    await expect.poll(() => latest(10, readAllAvailable)).toBe(10 + 5 + 20)
  })

  it('announces deliveries once, until it is asked', async () => {
    const broker = await withBroker()
    const queue = await broker.queue()
    const { reader, latest, counts } = open({ queue })
    let announced = 0
    const first = firstValueFrom(reader.available as NonNullable<typeof reader.available>)
    reader.available?.subscribe(() => announced++)
    await expect.poll(() => counts.generations).toBe(1)
    await latest(0)
    await broker.publish(queue, numbers(20))
    await first
    await expect.poll(() => counts.delivered).toBe(20)
    expect(announced).toBe(1)
    expect(await latest(0)).toBe(20)
    await broker.publish(queue, ['more'])
    await expect.poll(() => announced).toBe(2)
  })
})
