import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { dailyValue, dailyVariables, hourlyValue, hourlyVariables, places } from '../../examples/server/weather.ts'
import { startExample, temporaryFolder } from './child.ts'
import { deltaRows } from './delta-rows.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const newYork = places.find(({ name }) => name === 'New York')!

interface Row {
  readonly station: string
  readonly time: string
  readonly temperature: number | null
  readonly temperature_max: number | null
}

/** What of a row may change from run to run if its position were wrong: when it was observed, and what. */
const observed = ({ time, temperature, temperature_max }: Row) => ({ time, temperature, temperature_max })

/** Every hour or day from the first row to the last, computed from the data set and not through the API. */
function withoutGap(rows: readonly Row[], stepMs: number): readonly ReturnType<typeof observed>[] {
  const first = Date.parse(rows[0]!.time)
  const count = (Date.parse(rows.at(-1)!.time) - first) / stepMs + 1
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * stepMs
    const time = new Date(at).toISOString()
    return stepMs === hourMs
      ? { time, temperature: hourlyValue(hourlyVariables.temperature_2m!, at), temperature_max: null }
      : { time, temperature: null, temperature_max: dailyValue(newYork, dailyVariables.temperature_2m_max!, at) }
  })
}

/** Whether some checkpoint below the folder has a batch that is planned and not done. */
function isBatchUnderWay(folder: string): boolean {
  if (!existsSync(folder)) return false // killed before there was one
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const lengths = ['offsets', 'commits'].map(
    (log) => files.filter((file) => new RegExp(`/${log}/\\d+$`).test(file)).length,
  )
  return lengths[0]! > lengths[1]!
}

test('without Internet and killed ten times in a row, it goes on where it was: no observation is lost and none is there twice', async () => {
  const folder = await temporaryFolder()
  const [data, checkpoints] = [join(folder, 'data'), join(folder, 'checkpoints')]
  const path = join(data, 'weather')
  const env = {
    SLUICE_EXAMPLE_OFFLINE: '1',
    SLUICE_EXAMPLE_DATA: data,
    SLUICE_EXAMPLE_CHECKPOINTS: checkpoints,
    SLUICE_EXAMPLE_POLL: '1 ms',
  }
  const rowsNow = () => deltaRows<Row>(path)
  let before: Row[] = []
  let unfinished = 0
  for (let kill = 0; kill < 10; kill++) {
    // The server dies with the example; each new one is up to a day ahead of the last, so that there are batches to hit.
    const example = startExample('01-weather.ts', env)
    await example.said('from a server on this machine')
    if (kill % 2 === 0) await sleep(Math.random() * 600)
    else await expect.poll(() => isBatchUnderWay(checkpoints), { timeout: 20_000, interval: 1 }).toBe(true)
    example.kill('SIGKILL')
    expect((await example.ended).signal, example.output()).toBe('SIGKILL')
    if (isBatchUnderWay(checkpoints)) unfinished++
    const rows = await rowsNow()
    expect(rows.slice(0, before.length)).toEqual(before)
    before = rows
  }
  expect(unfinished).toBeGreaterThan(0)

  const last = startExample('01-weather.ts', { ...env, SLUICE_EXAMPLE_ONCE: '1' })
  expect(await last.ended, last.output()).toEqual({ code: 0, signal: null })
  const rows = await rowsNow()
  expect(rows.length).toBeGreaterThan(before.length)
  const of = (station: string) => rows.filter((row) => row.station.startsWith(station))
  const [seattle, days] = [of('Seattle'), of('New York')]
  expect(seattle.length + days.length).toBe(rows.length)
  expect(seattle.map(observed)).toEqual(withoutGap(seattle, hourMs))
  expect(days.map(observed)).toEqual(withoutGap(days, dayMs))
  expect(days.length).toBeGreaterThan(2)
})
