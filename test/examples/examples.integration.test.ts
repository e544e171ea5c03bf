import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ExampleServer, type ServerOptions, startServer } from '../../examples/server/server.ts'
import { firstStrike } from '../../examples/server/strikes.ts'
import { hourlyValue, hourlyVariables } from '../../examples/server/weather.ts'
import { committedRows, type Example, startExample, temporaryFolder, visibleRows } from './child.ts'

const hourMs = 3_600_000
const noon = Date.parse('2026-11-21T12:20:00Z')

async function serve(options: ServerOptions): Promise<ExampleServer> {
  const server = await startServer({ requestsPerMinute: Infinity, faults: false, ...options })
  onTestFinished(() => server.close())
  return server
}

async function place(api: string, name: string) {
  const folder = await temporaryFolder()
  const env = {
    SLUICE_EXAMPLE_API: api,
    SLUICE_EXAMPLE_DATA: join(folder, 'data'),
    SLUICE_EXAMPLE_CHECKPOINTS: join(folder, 'checkpoints'),
    SLUICE_EXAMPLE_POLL: '50 ms',
  }
  return { path: join(folder, 'data', name), env }
}

async function interrupt(example: Example): Promise<void> {
  example.kill('SIGINT')
  expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
}

describe('02-current-weather', () => {
  interface Row {
    readonly station: string
    readonly time: string
    readonly temperature_2m: number
    readonly ts_ingest: string
  }

  test('gives a row for each new observation and none for one that is still the same, over kills too', async () => {
    let now = noon
    const server = await serve({ now: () => now })
    const { path, env } = await place(server.url, 'current')
    const hours: number[] = []
    for (let round = 0; round < 6; round++) {
      hours.push(now - (now % hourMs))
      const example = startExample('02-current-weather.ts', env)
      await expect.poll(() => committedRows(path), { timeout: 20_000 }).toHaveLength(hours.length)
      now += hourMs
      hours.push(now - (now % hourMs))
      await expect.poll(() => committedRows(path), { timeout: 20_000 }).toHaveLength(hours.length)
      await sleep(200) // a few looks at the same observation
      if (round % 2 === 0) {
        example.kill('SIGKILL')
        await example.ended
      } else await interrupt(example)
      now += hourMs
    }
    const rows = await committedRows<Row>(path)
    expect(rows.map(({ station, time, temperature_2m }) => ({ station, time, temperature_2m }))).toEqual(
      hours.map((at) => ({
        station: 'Seattle (recorded)',
        time: new Date(at).toISOString(),
        temperature_2m: hourlyValue(hourlyVariables.temperature_2m!, at),
      })),
    )
    for (const { ts_ingest } of rows) expect(Math.abs(Date.parse(ts_ingest) - Date.now())).toBeLessThan(300_000)
    expect(await visibleRows(path)).toEqual(rows)
  })

  test('killed at random moments while observations keep coming, it never gives one twice', async () => {
    const from = Date.now()
    const server = await serve({
      now: () => noon + (Date.now() - from) * 36_000, // an hour in 100 ms
      faults: { rate: 0.1, slowMs: 50, retryAfterSeconds: 0 },
    })
    const { path, env } = await place(server.url, 'current')
    for (let kill = 0; kill < 8; kill++) {
      const example = startExample('02-current-weather.ts', { ...env, SLUICE_EXAMPLE_POLL: '10 ms' })
      await example.said('Reading from')
      await sleep(100 + Math.random() * 400)
      example.kill('SIGKILL')
      expect((await example.ended).signal, example.output()).toBe('SIGKILL')
    }
    const last = startExample('02-current-weather.ts', env)
    await last.said('Batch')
    await interrupt(last)
    const times = (await committedRows<Row>(path)).map(({ time }) => time)
    expect(times.length).toBeGreaterThan(8)
    expect(times).toEqual([...new Set(times)].sort())
  })
})

describe('03-comments', () => {
  interface Row {
    readonly id: number
    readonly current_ts: string
  }
  const ids = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

  test('reads ten rows a batch, stops, goes on, never reads past the end, and picks up what is added', async () => {
    const server = await serve({ now: () => firstStrike + 24 * hourMs })
    const { path, env } = await place(server.url, 'comments')
    const idsNow = async () => (await committedRows<Row>(path)).map(({ id }) => id)
    expect(server.strikes.count()).toBe(25)

    const first = startExample('03-comments.ts', env)
    await first.said('Batch 2')
    expect(first.output()).toMatch(/Batch 0: 10 rows.*\nBatch 1: 10 rows.*\nBatch 2: 5 rows/)
    await interrupt(first)
    expect(await idsNow()).toEqual(ids(25))

    const second = startExample('03-comments.ts', env)
    await second.said('Reading from')
    server.strikes.add(1)
    await second.said('Batch 3: 1 rows')
    server.strikes.add(12)
    await second.said('"offset":38')
    second.kill('SIGKILL')
    await second.ended
    expect(await idsNow()).toEqual(ids(38))

    server.strikes.add(-30) // rows are deleted: the query waits where it is
    const third = startExample('03-comments.ts', env)
    await third.said('Reading from')
    await sleep(300)
    server.strikes.add(32)
    await third.said('"offset":40')
    await interrupt(third)

    const rows = await committedRows<Row>(path)
    expect(rows.map(({ id }) => id)).toEqual(ids(40))
    expect(await visibleRows(path)).toEqual(rows)
    for (const { current_ts } of rows) expect(Math.abs(Date.parse(current_ts) - Date.now())).toBeLessThan(300_000)
    expect(server.stats.pastEnd).toEqual({})
  })

  test('killed at random moments with faults on, it has every row once and in order', async () => {
    const server = await serve({
      now: () => firstStrike + 400 * hourMs,
      faults: { rate: 0.2, slowMs: 50, retryAfterSeconds: 0 },
    })
    const { path, env } = await place(server.url, 'comments')
    for (let kill = 0; kill < 8; kill++) {
      const example = startExample('03-comments.ts', { ...env, SLUICE_EXAMPLE_POLL: '1 ms' })
      await example.said('Reading from')
      await sleep(Math.random() * 300)
      example.kill('SIGKILL')
      await example.ended
    }
    const last = startExample('03-comments.ts', { ...env, SLUICE_EXAMPLE_POLL: '1 ms' })
    await expect.poll(() => committedRows(path), { timeout: 60_000 }).toHaveLength(401)
    await interrupt(last)
    expect((await visibleRows<Row>(path)).map(({ id }) => id)).toEqual(ids(401))
    expect(server.stats.pastEnd).toEqual({})
  })
})

describe('04-by-hand', () => {
  test('killed and started again, it ends with the right rows, in order', async () => {
    const server = await serve({ now: () => firstStrike + 200 * hourMs })
    const { path, env } = await place(server.url, 'by-hand')
    const killed = startExample('04-by-hand.ts', env)
    await killed.said('batch 2, partition 0')
    killed.kill('SIGKILL')
    await killed.ended

    const again = startExample('04-by-hand.ts', env)
    expect(await again.ended, again.output()).toEqual({ code: 0, signal: null })
    expect(again.output()).toMatch(/^batch 2,/) // the batch that was under way comes first
    const rows = await committedRows<{ id: number }>(path)
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
    expect(await visibleRows(path)).toEqual(rows)
  })
})
