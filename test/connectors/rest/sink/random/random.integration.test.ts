import { describe, expect, it } from 'vitest'
import { attack } from './attack.ts'

/** Other seeds each day, which a failure names: `attack(seed, …)` is the whole of it, but for time. */
const first = Math.floor(Date.now() / 86_400_000) * 10
const seedsFrom = (from: number, count: number) => Array.from({ length: count }, (_, index) => first + from + index)

describe('httpSink against an honest receiver in a bad place: each row is taken once, or refused once', () => {
  it.each(seedsFrom(0, 4))('aborted in between, seed %d', async (seed) => {
    const { wrong, counts, scenario } = await attack(seed, 'abort', 4)
    expect(wrong, JSON.stringify(scenario)).toEqual([])
    expect(counts.answered).toBeGreaterThan(0)
  })

  it.each(seedsFrom(5, 2))('killed in between, seed %d', async (seed) => {
    const { wrong, ended, scenario } = await attack(seed, 'kill', 3)
    expect(wrong, JSON.stringify(scenario)).toEqual([])
    expect(ended).toBeGreaterThan(0)
  })
})
