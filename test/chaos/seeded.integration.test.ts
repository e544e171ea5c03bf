import { describe, expect, it } from 'vitest'
import { brokenPromises, runChaos, schedulesOfBroken } from './chaos.ts'
import type { Pair } from './pairs.ts'
import { missingServers } from './servers.ts'

const pairs: readonly Pair[] = [
  { index: 900, source: 'numbers', sink: 'jsonLines', checkpoint: 'file', seeded: 'drops a chunk after a kill' },
  { index: 901, source: 'RabbitMQ queue', sink: 'jsonLines', checkpoint: 'sqlite', seeded: 'acks before the commit' },
  { index: 902, source: 'numbers', sink: 'filesSink JSON', checkpoint: 'sqlite', seeded: 'repeats a batch' },
  { index: 903, source: 'numbers', sink: 'jsonLines', checkpoint: 'sqlite' }, // as it should be, beside them
]

describe.skipIf(missingServers() !== undefined)('chaos', () => {
  it('is red for a sink that drops a chunk after a kill, a source that acks before the commit and a sink that repeats a batch, and for nothing else', async () => {
    const outcome = await runChaos({ waves: [pairs], minutes: 0.6, seed: 3, patienceMs: 8_000 })
    const broken = brokenPromises(outcome)
    const told = broken.join('\n')
    expect(told).toMatch(/^numbers → jsonLines \(file\): \d+ of \d+ rows lost: rows? \d+/m)
    expect(told).toMatch(/^RabbitMQ queue → jsonLines \(sqlite\): \d+ of \d+ rows lost: rows? \d+/m)
    expect(told).toMatch(
      /^numbers → filesSink JSON \(sqlite\): \d+ rows repeated, and it promised exactly-once: rows? \d+/m,
    )
    expect(broken, told).toHaveLength(3)
    // The first row that was lost, or came twice, is one that was fed.
    for (const { seeded, examples, fed } of outcome.pairs.filter((pair) => pair.seeded !== undefined)) {
      const [first = -1] = seeded === 'repeats a batch' ? examples.repeated : examples.lost
      expect(first, seeded).toBeGreaterThanOrEqual(0)
      expect(first, seeded).toBeLessThan(fed)
    }
    const schedules = schedulesOfBroken(outcome)
    expect(schedules).toHaveLength(3)
    for (const schedule of schedules) expect(schedule).toMatch(/→ .*: \d+\.\d s [a-z -]+( \(\d+ ms\))? after \d+ rows/)
  }, 150_000)
})
