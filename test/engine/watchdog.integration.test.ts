import { createServer } from 'node:http'
import { filter, firstValueFrom } from 'rxjs'
import {
  availableNow,
  defineDataSource,
  memoryCheckpoint,
  memorySink,
  PartitionStalledError,
  perKeyOffset,
  readStream,
  schema,
  sequenceOffset,
} from 'sluice'
import { Monitor } from 'sluice/metrics'
import { describe, expect, it, onTestFinished } from 'vitest'
import { tcpProxy } from '../support/tcp-proxy.ts'

const afterMs = 600

/** An API of numbers, and a source that reads one of its keys through a proxy. */
async function slowNetwork() {
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const [from, to] = [Number(searchParams.get('from')), Number(searchParams.get('to'))]
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(Array.from({ length: to - from }, (_, i) => from + i)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  const target = { host: '127.0.0.1', port: address.port }
  const proxy = await tcpProxy(target)
  const urls: Readonly<Record<string, string>> = {
    direct: `http://127.0.0.1:${target.port}`,
    proxied: `http://127.0.0.1:${proxy.port}`,
  }
  const source = defineDataSource({
    name: 'numbers',
    schema: schema('key string not null, n int not null'),
    streamReader: () => ({
      ...perKeyOffset({ keys: Object.keys(urls), inner: sequenceOffset({ head: (_key: string) => 40 }) }),
      async *read(
        { key, range }: { key: string; range: { from: number; to: number } },
        { signal }: { signal: AbortSignal },
      ) {
        for (let from = range.from; from < range.to; from += 10) {
          const to = Math.min(range.to, from + 10)
          const answer = await fetch(`${urls[key]}/?from=${from}&to=${to}`, { signal })
          yield ((await answer.json()) as number[]).map((n) => ({ key, n }))
        }
      },
    }),
  })
  return { proxy, source: source() }
}

describe('the watchdog, with a network that keeps connections open and swallows what is sent', () => {
  it('aborts the partition that is stuck and tries it again; the others don’t notice', async () => {
    const { proxy, source } = await slowNetwork()
    proxy.mode('swallow')
    const sink = memorySink<{ key: string; n: number }>()
    const monitor = new Monitor({ staleAfter: 2 * afterMs })
    const run = readStream(source)
      .writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        watchdog: { after: afterMs, factor: 3 },
        retry: { initialDelayMs: 10 },
      })
      .start()
    monitor.watch(run)
    const ended: Record<string, { attempt: number; at: number }> = {}
    run.events$.subscribe((event) => {
      if (event.type === 'partition-finished') ended[event.partition] = { attempt: event.attempt, at: event.at }
    })
    const since = Date.now()
    const { partition, idleMs, figures } = await firstValueFrom(
      run.events$.pipe(filter((event) => event.type === 'watchdog')),
    )
    expect([partition, figures.activity]).toEqual(['proxied', 'fetch'])
    expect(idleMs).toBeGreaterThanOrEqual(afterMs)
    expect(monitor.health().ready).toBe(true) // it is being mended
    proxy.mode('pass')
    await run.terminated
    expect(Date.now() - since).toBeLessThan(2 * afterMs + 1_000)
    expect(ended.direct?.attempt).toBe(0)
    expect((ended.direct?.at ?? Infinity) - since).toBeLessThan(afterMs)
    expect(ended.proxied?.attempt).toBe(1)
    const keys = sink.rows.map(({ key, n }) => `${key} ${n}`)
    expect([keys.length, new Set(keys).size]).toEqual([80, 80])
    const [query] = monitor.queries()
    const stuck = query?.partitions.find((each) => each.partition === 'proxied')
    expect(stuck).toMatchObject({ watchdogAborts: 1, failures: { stalled: 1 }, retries: 1, state: 'idle' })
    expect(query?.problems.map(({ what }) => what)).toContain('watchdog')
  })

  it('only then fails, and is unhealthy, when it stays so', async () => {
    const { proxy, source } = await slowNetwork()
    proxy.mode('swallow')
    const monitor = new Monitor()
    const run = readStream(source)
      .writeStream(memorySink<{ key: string; n: number }>(), {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        watchdog: { after: 200 },
        retry: { maxAttempts: 3, initialDelayMs: 10 },
      })
      .start()
    monitor.watch(run)
    const failure: unknown = await run.terminated.then(
      () => undefined,
      (error: unknown) => error,
    )
    expect((failure as Error).cause).toBeInstanceOf(PartitionStalledError)
    expect(monitor.queries()[0]?.partitions.find(({ partition }) => partition === 'proxied')?.watchdogAborts).toBe(3)
    expect(monitor.health()).toEqual({ ready: false, queries: { q: 'failed' } })
    proxy.mode('pass')
  })
})
