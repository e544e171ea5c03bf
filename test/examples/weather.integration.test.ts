import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type ExampleServer, type ServerOptions, startServer } from '../../examples/server/server.ts'
import { dailyValue, dailyVariables, hourlyValue, hourlyVariables, places } from '../../examples/server/weather.ts'
import { redirect, serveJson, startExample, temporaryFolder } from './child.ts'
import { deltaRows } from './delta-rows.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const noon = Date.parse('2026-11-21T12:20:00Z')
const firstRow = Date.parse('2026-11-19T00:00:00Z')

interface Row {
  readonly station: string
  readonly time: string
  readonly temperature: number | null
  readonly temperature_min: number | null
  readonly temperature_max: number | null
  readonly wind: number | null
  readonly data: string
}

async function serve(options: ServerOptions): Promise<ExampleServer> {
  const server = await startServer({ requestsPerMinute: Infinity, faults: false, ...options })
  onTestFinished(() => server.close())
  return server
}

async function place(api: string) {
  const folder = await temporaryFolder()
  const env = {
    SLUICE_EXAMPLE_API: api,
    SLUICE_EXAMPLE_DATA: join(folder, 'data'),
    SLUICE_EXAMPLE_CHECKPOINTS: join(folder, 'checkpoints'),
    SLUICE_EXAMPLE_POLL: '50 ms',
  }
  return {
    path: join(folder, 'data/weather'),
    checkpoint: join(folder, 'checkpoints/weather-bundled'),
    env,
    onceEnv: { ...env, SLUICE_EXAMPLE_ONCE: '1' },
  }
}

/** Every hour and day that is over at `now`, computed from the data set and not through the API. */
function expectedRows(now: number): Row[] {
  const newYork = places.find(({ name }) => name === 'New York')!
  const hours = Array.from({ length: Math.floor((now - firstRow) / hourMs) }, (_, index): Row => {
    const at = firstRow + index * hourMs
    return {
      station: 'Seattle (recorded)',
      time: new Date(at).toISOString(),
      temperature: hourlyValue(hourlyVariables.temperature_2m!, at),
      temperature_min: null,
      temperature_max: null,
      wind: hourlyValue(hourlyVariables.wind_speed_10m!, at),
      data: 'normal 1981–2010',
    }
  })
  const days = Array.from({ length: Math.floor((now - firstRow) / dayMs) }, (_, index): Row => {
    const at = firstRow + index * dayMs
    return {
      station: 'New York (recorded)',
      time: new Date(at).toISOString(),
      temperature: null,
      temperature_min: dailyValue(newYork, dailyVariables.temperature_2m_min!, at),
      temperature_max: dailyValue(newYork, dailyVariables.temperature_2m_max!, at),
      wind: dailyValue(newYork, dailyVariables.wind_speed_10m_mean!, at),
      data: 'observed 2012–2015',
    }
  })
  return [...hours, ...days].sort(byStationAndTime)
}

function byStationAndTime(a: Row, b: Row): number {
  return a.station < b.station ? -1 : a.station > b.station ? 1 : a.time < b.time ? -1 : a.time > b.time ? 1 : 0
}

/** The number after the last entry of a log. */
async function batchesIn(checkpoint: string, log: 'offsets' | 'commits'): Promise<number> {
  const names = await readdir(join(checkpoint, log)).catch(() => []) // killed before there was one
  return Math.max(-1, ...names.filter((name) => /^\d+$/.test(name)).map(Number)) + 1
}

async function rowsIn(path: string): Promise<Row[]> {
  return (await deltaRows<Row>(path)).sort(byStationAndTime)
}

test('catches up on two days and ends; started again it goes on with what is new, and with nothing when nothing is', async () => {
  let now = noon
  const server = await serve({ now: () => now })
  const { path, onceEnv } = await place(server.url)

  const first = startExample('01-weather.ts', onceEnv)
  expect(await first.ended, first.output()).toEqual({ code: 0, signal: null })
  expect(expectedRows(now)).toHaveLength(60 + 2)
  expect(await rowsIn(path)).toEqual(expectedRows(now))

  const again = startExample('01-weather.ts', onceEnv)
  expect(await again.ended).toEqual({ code: 0, signal: null })
  expect(again.output()).not.toContain('Batch')
  expect(await rowsIn(path)).toEqual(expectedRows(now))

  now += 13 * hourMs
  const later = startExample('01-weather.ts', onceEnv)
  expect(await later.ended).toEqual({ code: 0, signal: null })
  expect(later.output()).toContain('14 rows in this run')
  expect(await rowsIn(path)).toEqual(expectedRows(now))
  expect(server.stats.pastEnd).toEqual({})
})

test('says where its page is, and shows itself there', async () => {
  const server = await serve({ now: () => noon })
  const { env } = await place(server.url)
  const example = startExample('01-weather.ts', env)
  await example.said('Caught up')
  const url = /See it run: (http:\/\/127\.0\.0\.1:\d+)/.exec(example.output())?.[1] ?? ''
  expect(await (await fetch(url)).text()).toContain('<title>sluice</title>')
  const metrics = await (await fetch(`${url}/metrics`)).text()
  const committed = [...metrics.matchAll(/^sluice_partition_rows_committed_total\{query="weather",.*\} (\d+)$/gm)]
  expect(committed.reduce((sum, [, rows]) => sum + Number(rows), 0)).toBe(60 + 2)
  // Each station has read all that there is, and says so.
  await expect
    .poll(async () => {
      const text = await (await fetch(`${url}/metrics`)).text()
      const lags = [...text.matchAll(/^sluice_(?:source|partition)_lag_rows\{query="weather",.*\} (\d+)$/gm)]
      return lags.map(([, rows]) => rows)
    })
    .toEqual(['0', '0', '0'])
  example.kill('SIGINT')
  expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
  await expect(fetch(url)).rejects.toThrow()
})

test('to begin anew both folders have to go: without the one rows are missing, without the other they are there twice', async () => {
  const server = await serve({ now: () => noon })
  const { path, checkpoint, onceEnv } = await place(server.url)
  const runAfterLosing = async (...folders: readonly string[]) => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true })
    const example = startExample('01-weather.ts', onceEnv)
    expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
    return deltaRows<Row>(path)
  }
  const all = expectedRows(noon)
  expect((await runAfterLosing()).sort(byStationAndTime)).toEqual(all)
  expect((await runAfterLosing(path, checkpoint)).sort(byStationAndTime)).toEqual(all)
  expect((await runAfterLosing(checkpoint)).sort(byStationAndTime)).toEqual(all.flatMap((row) => [row, row]))
  expect(await runAfterLosing(path)).toEqual([])
})

test('killed at random moments twenty times in a row, the table holds each hour and day exactly once', async () => {
  let now = () => noon
  const server = await serve({ now: () => now() })
  const failing = await serve({ now: () => now(), faults: { rate: 0.3, slowMs: 40, retryAfterSeconds: 0 } })
  const { path, checkpoint, env, onceEnv } = await place(server.url)

  let unfinished = 0
  for (let kill = 0; kill < 20; kill++) {
    // With faults most kills hit a read, without them most hit the steps of a commit.
    const api = kill % 3 === 0 ? failing.url : server.url
    const example = startExample('01-weather.ts', { ...env, SLUICE_EXAMPLE_API: api, SLUICE_EXAMPLE_POLL: '1 ms' })
    await example.said('Reading from')
    // Until there are rows the clock stands still: when a query begins decides what it reads. Then each start has a day to catch up on.
    if ((await deltaRows(path)).length > 0) {
      const [from, since] = [now() + dayMs, Date.now()]
      now = () => from + (Date.now() - since) * 180_000 // an hour in 20 ms: always a batch under way
    }
    await sleep(Math.random() * 500)
    example.kill('SIGKILL')
    expect((await example.ended).signal, example.output()).toBe('SIGKILL')
    if ((await batchesIn(checkpoint, 'offsets')) > (await batchesIn(checkpoint, 'commits'))) unfinished++
    // A reader in between sees whole batches, each once.
    const rows = await deltaRows<Row>(path)
    expect(new Set(rows.map(({ station, time }) => `${station} ${time}`)).size).toBe(rows.length)
  }
  expect(unfinished).toBeGreaterThan(3) // kills that hit a batch

  const end = now()
  now = () => end
  const last = startExample('01-weather.ts', onceEnv)
  expect(await last.ended, last.output()).toEqual({ code: 0, signal: null })
  expect(await rowsIn(path)).toEqual(expectedRows(end))
  expect([server.stats.pastEnd, failing.stats.pastEnd]).toEqual([{}, {}])
})

test('two requests in five going wrong change nothing but the time it takes', async () => {
  const server = await serve({ now: () => noon, faults: { rate: 0.4, seed: 7, slowMs: 50, retryAfterSeconds: 0 } })
  const { path, onceEnv } = await place(server.url)
  const example = startExample('01-weather.ts', onceEnv)
  expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
  expect(Object.keys(server.stats.faults).sort()).toEqual(['reset', 'serverError', 'slow', 'tooManyRequests'])
  expect(await rowsIn(path)).toEqual(expectedRows(noon))
})

test('Ctrl-C ends it after the batch in flight, with exit code 0, and a new start finds nothing locked', async () => {
  const server = await serve({ now: () => noon })
  const { path, env } = await place(server.url)
  for (let start = 0; start < 2; start++) {
    const example = startExample('01-weather.ts', env)
    await example.said('Caught up')
    example.kill('SIGINT')
    expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
    expect(example.output()).toContain('Done:')
  }
  expect(await rowsIn(path)).toEqual(expectedRows(noon))
})

test('a second Ctrl-C aborts a batch that hangs, and the next start reads it again', async () => {
  const server = await serve({ now: () => noon })
  const hanging = await serve({ now: () => noon, faults: { rate: 1, kinds: ['slow'], slowMs: 600_000 } })
  const { path, env, onceEnv } = await place(hanging.url)
  const example = startExample('01-weather.ts', env)
  await expect.poll(() => hanging.stats.inFlight, { timeout: 20_000 }).toBeGreaterThan(0)
  example.kill('SIGINT')
  await example.said('finishing the batch in flight')
  example.kill('SIGINT')
  expect(await example.ended, example.output()).toEqual({ code: 130, signal: null })
  expect(await deltaRows(path)).toEqual([])

  const next = startExample('01-weather.ts', { ...onceEnv, SLUICE_EXAMPLE_API: server.url })
  expect(await next.ended, next.output()).toEqual({ code: 0, signal: null })
  expect(next.output()).toContain('Batch 0, again')
  expect(await rowsIn(path)).toEqual(expectedRows(noon))
})

test('in a terminal the live line is gone once it is done', async () => {
  const server = await serve({ now: () => noon })
  const { onceEnv } = await place(server.url)
  const example = startExample('01-weather.ts', onceEnv, 'process.stdout.isTTY = true')
  expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
  const [before, after = ''] = example.output().split('\r\x1b[K\nDone: ')
  expect(before).toMatch(/Batch \d+: \d+ rows in \d+ ms; \d+ rows so far\. Ctrl-C stops\.$/)
  expect(after).toMatch(/^\d+ rows in this run, .* Start again to go on\.\n$/)
})

test('a batch of the bundled server that a kill left unfinished waits for that server, and the live API is read meanwhile', async () => {
  const hanging = await serve({ now: () => noon, faults: { rate: 1, kinds: ['slow'], slowMs: 600_000 } })
  const { path, checkpoint, onceEnv } = await place(hanging.url)
  const killed = startExample('01-weather.ts', onceEnv)
  await expect.poll(() => hanging.stats.inFlight, { timeout: 20_000 }).toBeGreaterThan(0)
  killed.kill('SIGKILL')
  await killed.ended
  expect([await batchesIn(checkpoint, 'offsets'), await batchesIn(checkpoint, 'commits')]).toEqual([1, 0])

  const openMeteo = 'https://api.open-meteo.com'
  const origin = await serveJson(({ searchParams }) => {
    const [from, to] = ['start_hour', 'end_hour'].map((name) => Date.parse(`${searchParams.get(name)}Z`))
    if (from === undefined || to === undefined || Number.isNaN(from)) return { body: {} }
    const time = Array.from({ length: (to - from) / hourMs + 1 }, (_, index) => from + index * hourMs)
    const values = time.map(() => 20)
    const hourly = {
      time: time.map((at) => new Date(at).toISOString().slice(0, 16)),
      temperature_2m: values,
      wind_speed_10m: values,
    }
    return { body: { hourly } }
  })
  const { SLUICE_EXAMPLE_API: _, ...env } = onceEnv
  const live = startExample('01-weather.ts', env, redirect(openMeteo, origin))
  expect(await live.ended, live.output()).toEqual({ code: 0, signal: null })
  expect(live.output()).toContain(`Reading from ${openMeteo}.`)
  const stations = new Set((await rowsIn(path)).map(({ station }) => station))
  expect([...stations].sort()).toEqual(['Berlin', 'Nairobi', 'New York', 'Seattle', 'Tokyo'])

  const server = await serve({ now: () => noon })
  const again = startExample('01-weather.ts', { ...onceEnv, SLUICE_EXAMPLE_API: server.url })
  expect(await again.ended, again.output()).toEqual({ code: 0, signal: null })
  expect(again.output()).toContain('Batch 0, again')
  expect((await rowsIn(path)).filter(({ data }) => data !== 'Open-Meteo')).toEqual(expectedRows(noon))
})

test('without Internet it says so, serves recorded data itself, and time goes on over restarts', async () => {
  const { path, onceEnv } = await place('')
  const { SLUICE_EXAMPLE_API: _, ...env } = onceEnv
  let before: Row[] = []
  for (let start = 0; start < 3; start++) {
    const example = startExample('01-weather.ts', { ...env, SLUICE_EXAMPLE_OFFLINE: '1' })
    expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
    expect(example.output()).toContain('reading recorded weather from a server on this machine')
    const rows = await rowsIn(path)
    expect(rows.length).toBeGreaterThan(before.length)
    expect(
      rows.filter((row) => before.some(({ station, time }) => row.station === station && row.time === time)),
    ).toEqual(before)
    const seattle = rows.filter(({ station }) => station.startsWith('Seattle')).map(({ time }) => Date.parse(time))
    expect(seattle).toEqual(seattle.map((_, index) => seattle[0]! + index * hourMs))
    before = rows
  }
})
