import { expect, test } from 'vitest'
import { firstStrike } from '../../examples/server/strikes.ts'
import { startExample } from './child.ts'
import { deltaRows } from './delta-rows.ts'
import { interrupt, place, serve } from './served.ts'

interface Row {
  readonly id: number
  readonly title: string | null
  readonly current_ts: string
}

test('12-comments-to-delta, stopped, killed and resumed: each comment is in the table once, with the time it was read', async () => {
  const now = firstStrike + 100 * 3_600_000
  const server = await serve({ now: () => now })
  const { path, env } = await place(server.url, 'comments-delta-bundled')
  const began = new Date().toISOString()
  const counts = [0]
  for (let round = 0; round < 3; round++) {
    const example = startExample('12-comments-to-delta.ts', env)
    await example.said('Batch', 2)
    if (round === 1) {
      example.kill('SIGKILL')
      expect((await example.ended).signal).toBe('SIGKILL')
    } else {
      await interrupt(example)
      expect(example.output()).toContain(`The table has ${(await deltaRows(path)).length} rows with `)
    }
    counts.push((await deltaRows(path)).length)
    expect(counts.at(-1)).toBeGreaterThan(counts.at(-2) as number)
  }
  const rows = await deltaRows<Row>(path)
  expect(rows.map(({ id }) => id)).toEqual(rows.map((_, index) => index + 1))
  const times = rows.map(({ current_ts }) => current_ts)
  expect(times).toEqual(times.toSorted())
  expect([times[0], times.at(-1)].every((time) => (time as string) >= began)).toBe(true)
  expect(new Set(times).size).toBeGreaterThan(2)
})
