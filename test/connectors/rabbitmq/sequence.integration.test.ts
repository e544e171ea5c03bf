import { describe, expect, it } from 'vitest'
import { canOwnBroker } from '../../support/rabbitmq.ts'
import { runSequence, type SequenceRun } from './sequence-run.ts'

const messages = Number(process.env.SLUICE_TEST_MESSAGES ?? 20_000)
const base: SequenceRun = {
  messages,
  mode: 'append',
  type: 'quorum',
  processes: 1,
  prefetch: 100,
  everyMs: 300,
  failures: ['kill process', 'cut', 'stall', 'kill process', 'swallow', 'cut'],
  atMost: messages / 3_000,
}

describe.skipIf(!canOwnBroker)('numbered messages, while processes are killed and connections break', () => {
  it.each(['classic', 'quorum'] as const)(
    '%s, three processes: none is lost, repeats are bounded by the prefetch',
    async (type) => {
      const outcome = await runSequence({ ...base, type, processes: 3, prefetch: 50 })
      expect(outcome).toMatchObject({ lost: 0, crashes: 0 })
      expect(outcome.repeats).toBeLessThanOrEqual(outcome.bound)
      expect(outcome.failures['kill process']).toBeGreaterThan(0)
      expect(outcome.failures.cut).toBeGreaterThan(0)
    },
  )

  // A classic queue that is killed has forgotten acknowledgements: there, repeats have no bound.
  it('and the broker is killed: none is lost, repeats are bounded by the prefetch', async () => {
    const outcome = await runSequence({
      ...base,
      failures: ['kill process', 'cut', 'stall', 'kill broker', 'kill process', 'swallow'],
    })
    expect(outcome).toMatchObject({ lost: 0, crashes: 0 })
    expect(outcome.repeats).toBeLessThanOrEqual(outcome.bound)
    expect(outcome.failures['kill broker']).toBeGreaterThan(0)
  })

  it('journaled with an identity, into a transactional sink: each exactly once', async () => {
    const outcome = await runSequence({
      ...base,
      mode: 'journal',
      failures: ['kill process', 'cut', 'kill process', 'kill broker', 'kill process', 'stall'],
    })
    expect(outcome).toMatchObject({ lost: 0, repeats: 0, crashes: 0 })
    expect(outcome.failures['kill process']).toBeGreaterThan(0)
  })
})
