import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Earthquake } from '../../examples/server/earthquakes.ts'
import type { ExampleServer } from '../../examples/server/server.ts'
import { firstStrike } from '../../examples/server/strikes.ts'
import { hourlyValue, hourlyVariables } from '../../examples/server/weather.ts'
import { committedRows, redirect, serveJson, startExample, visibleRows } from './child.ts'
import { interrupt, place, serve } from './served.ts'

const hourMs = 3_600_000
const noon = Date.parse('2026-11-21T12:20:00Z')

describe('02-current-weather', () => {
  interface Row {
    readonly station: string
    readonly time: string
    readonly temperature_2m: number
    readonly relative_humidity_2m: null
    readonly ts_ingest: string
  }

  test('gives a row for each new observation and none for one that is still the same, over kills too', async () => {
    let now = noon
    const server = await serve({ now: () => now })
    const { path, env } = await place(server.url, 'current-bundled')
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
    expect(rows.map(({ ts_ingest: _, ...row }) => row)).toEqual(
      hours.map((at) => ({
        station: 'Seattle (recorded)',
        time: new Date(at).toISOString(),
        temperature_2m: hourlyValue(hourlyVariables.temperature_2m!, at),
        relative_humidity_2m: null,
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
    const { path, env } = await place(server.url, 'current-bundled')
    for (let kill = 0; kill < 8; kill++) {
      const example = startExample('02-current-weather.ts', { ...env, SLUICE_EXAMPLE_POLL: '10 ms' })
      await example.said('Reading from')
      await sleep(100 + Math.random() * 400)
      example.kill('SIGKILL')
      expect((await example.ended).signal, example.output()).toBe('SIGKILL')
    }
    const last = startExample('02-current-weather.ts', { ...env, SLUICE_EXAMPLE_POLL: '10 ms' })
    await last.said('Batch')
    const known = async (): Promise<number> => (await committedRows<Row>(path)).length
    await expect.poll(known, { timeout: 60_000 }).toBeGreaterThan(8) // on a busy machine the kills came before most of them
    await interrupt(last)
    const times = (await committedRows<Row>(path)).map(({ time }) => time)
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
    const { path, env } = await place(server.url, 'comments-bundled')
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
    const { path, env } = await place(server.url, 'comments-bundled')
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

describe('03-comments and 04-by-hand, with the API on the Internet and without', () => {
  const live = 'https://jsonplaceholder.typicode.com'
  const comments = Array.from({ length: 120 }, (_, index) => ({ id: index + 1, name: `name ${index + 1}`, body: 'b' }))

  async function internet() {
    const state = { there: 12, down: false }
    const origin = await serveJson(({ searchParams }) => {
      if (state.down) return { status: 503, body: {} }
      const start = Number(searchParams.get('_start'))
      const rows = comments.slice(start, Math.min(state.there, start + Number(searchParams.get('_limit'))))
      return { headers: { 'x-total-count': String(state.there) }, body: rows }
    })
    const { path, env } = await place('', 'x')
    const { SLUICE_EXAMPLE_API: _, ...own } = env
    const start = (file: string) => startExample(file, own, redirect(live, origin))
    return { state, data: join(path, '..'), start }
  }
  const titles = async (path: string) => (await committedRows<{ title: string }>(path)).map(({ title }) => title)
  const names = (count: number) => comments.slice(0, count).map(({ name }) => name)

  test('03 keeps what it reads from each apart, says which one it reads and why, and goes on with each where it was', async () => {
    const { state, data, start } = await internet()
    const first = start('03-comments.ts')
    await first.said('Batch 1: 2 rows')
    await interrupt(first)
    expect(first.output()).toContain(`Reading from ${live}.\nThe rows go to ${data}/comments-live.`)

    state.down = true
    const second = start('03-comments.ts')
    await second.said('Batch 0: 10 rows')
    await interrupt(second)
    expect(second.output()).toContain(
      `No answer from ${live} (status 503): reading recorded bird strikes from a server`,
    )
    expect(second.output()).toContain(`The rows go to ${data}/comments-bundled.`)
    const strikes = await committedRows<{ id: number; title: string }>(join(data, 'comments-bundled'))
    expect(strikes.slice(0, 2)).toMatchObject([
      { id: 1, title: 'BARKSDALE AIR FORCE BASE ARPT' },
      { id: 2, title: 'BARKSDALE AIR FORCE BASE ARPT' },
    ])

    state.down = false
    state.there = 17
    const third = start('03-comments.ts')
    await third.said('Batch 2: 5 rows')
    await interrupt(third)
    expect(await titles(join(data, 'comments-live'))).toEqual(names(17))
  })

  test('04 keeps them apart, too', async () => {
    const { state, data, start } = await internet()
    state.there = 120
    for (const down of [false, true]) {
      state.down = down
      const example = start('04-by-hand.ts')
      expect(await example.ended, example.output()).toEqual({ code: 0, signal: null })
    }
    expect(await titles(join(data, 'by-hand-live'))).toEqual(names(100))
    expect((await titles(join(data, 'by-hand-bundled')))[0]).toBe('BARKSDALE AIR FORCE BASE ARPT')
    expect(await titles(join(data, 'by-hand-bundled'))).toHaveLength(100)
  })
})

describe('04-by-hand', () => {
  test('killed and started again, it ends with the right rows, in order', async () => {
    const server = await serve({ now: () => firstStrike + 200 * hourMs })
    const { path, env } = await place(server.url, 'by-hand-bundled')
    const killed = startExample('04-by-hand.ts', env)
    await killed.said('batch 2, partition 0')
    killed.kill('SIGKILL')
    await killed.ended

    const again = startExample('04-by-hand.ts', env)
    expect(await again.ended, again.output()).toEqual({ code: 0, signal: null })
    expect(again.output()).toMatch(/^Reading from .*\nThe rows go to .*\nbatch 2,/) // the batch that was under way comes first
    const rows = await committedRows<{ id: number }>(path)
    expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
    expect(await visibleRows(path)).toEqual(rows)
  })
})

describe('05-earthquakes', () => {
  interface Row {
    readonly id: string
    readonly updated: string
    readonly time: string
    readonly magnitude: number | null
    readonly status: string
    readonly data: string
  }
  const dayMs = 24 * hourMs
  const key = ({ id, updated }: Row) => `${updated} ${id}`

  /** What the server shows at its time, but for the last minute, as the example has it. */
  async function shownBy(server: ExampleServer, from: number): Promise<string[]> {
    const since = new Date(from).toISOString().slice(0, 19)
    const response = await fetch(`${server.url}/earthquakes?orderby=updated-asc&updatedafter=${since}`)
    const { features } = (await response.json()) as { features: readonly Earthquake[] }
    return features
      .filter(({ properties }) => properties.updated >= from && properties.updated < server.now() - 60_000)
      .map(({ id, properties }) => `${new Date(properties.updated).toISOString()} ${id}`)
  }

  test('a correction days later comes as a further row of the same earthquake', async () => {
    // nc72962521 happened on February 1, 2018, and was revised on February 7, 5.4 days later; here 458 weeks on.
    const [time, updated] = [1517500850510, 1517967002853].map((at) => at + 458 * 7 * dayMs) as [number, number]
    let now = time + hourMs
    const server = await serve({ now: () => now })
    const { path, env } = await place(server.url, 'earthquakes-bundled')
    const history = async () => (await committedRows<Row>(path)).filter(({ id }) => id === 'nc72962521-w458')
    const caughtUp = async (since: number) => {
      const shown = await shownBy(server, since)
      const read = async () => (await committedRows<Row>(path)).map(key)
      await expect.poll(read, { timeout: 20_000 }).toEqual(expect.arrayContaining(shown))
    }

    const first = startExample('05-earthquakes.ts', env)
    await caughtUp(time + hourMs - dayMs)
    await interrupt(first)
    expect(first.output()).not.toContain('then')
    expect(await history()).toMatchObject([{ time: new Date(time).toISOString(), data: 'synthetic' }])

    now = updated + 30_000 // it may have become visible a little late: not yet
    const second = startExample('05-earthquakes.ts', env)
    await caughtUp(time + hourMs)
    await sleep(200)
    expect(await history()).toHaveLength(1)
    now = updated + 120_000
    await caughtUp(time + hourMs)
    await interrupt(second)
    const [before, after, ...others] = await history()
    expect(others).toEqual([])
    expect(before).toMatchObject({ status: 'automatic', data: 'synthetic' })
    expect(after).toMatchObject({ updated: new Date(updated).toISOString(), status: 'reviewed', data: 'recorded' })
    expect(after?.magnitude).not.toBe(before?.magnitude)
    expect(second.output()).toMatch(
      /\d+ earthquakes so far, \d+ of them revised, such as\n {2}.*: magnitude .* \(automatic\), then /,
    )
  })

  test('killed at random moments while corrections keep coming, it has no version twice, and in the end all that is known', async () => {
    const began = Date.now()
    let clock = () => noon + (Date.now() - began) * 36_000 // an hour in 100 ms
    const server = await serve({ now: () => clock() })
    const failing = await serve({ now: () => clock(), faults: { rate: 0.1, slowMs: 50, retryAfterSeconds: 0 } })
    const { path, env } = await place(failing.url, 'earthquakes-bundled')
    for (let kill = 0; kill < 8; kill++) {
      const example = startExample('05-earthquakes.ts', { ...env, SLUICE_EXAMPLE_POLL: '1 ms' })
      await example.said(kill === 0 ? 'Batch 0' : 'goes to') // where it begins is settled
      await sleep(100 + Math.random() * 400)
      example.kill('SIGKILL')
      expect((await example.ended).signal, example.output()).toBe('SIGKILL')
    }
    const end = clock()
    clock = () => end
    const last = startExample('05-earthquakes.ts', { ...env, SLUICE_EXAMPLE_POLL: '1 ms' })
    // A day before the first look, at the latest; what was made since then and is there now must have been read.
    const known = await shownBy(server, noon + hourMs)
    await expect
      .poll(async () => (await committedRows<Row>(path)).map(key), { timeout: 60_000 })
      .toEqual(expect.arrayContaining(known))
    await interrupt(last)
    const rows = await committedRows<Row>(path)
    expect(rows.map(key)).toEqual([...new Set(rows.map(key))].sort())
    expect(rows.length).toBeGreaterThan(known.length)
    expect(await visibleRows(path)).toEqual(rows)
    const versions = new Map<string, Row[]>()
    for (const row of rows) versions.set(row.id, [...(versions.get(row.id) ?? []), row])
    const revised = [...versions.values()].filter(({ length }) => length > 1)
    expect(revised.length).toBeGreaterThan(0)
    expect(revised.filter(([before, after]) => before?.data !== 'synthetic' || after?.data !== 'recorded')).toEqual([])
  })
})
