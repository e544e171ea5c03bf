import { describe, expect, it } from 'vitest'
import { brokenPromises, runChaos, schedulesOfBroken } from './chaos.ts'
import { pairFaults } from './faults.ts'
import { sinkNames, waves } from './pairs.ts'
import { longTable } from './report.ts'
import { missingServers } from './servers.ts'

/** Another one each day, which a failure names. */
const seed = Math.floor(Date.now() / 86_400_000)

describe.skipIf(missingServers() !== undefined)('chaos', () => {
  it('for two minutes: every source and every sink keeps its promise', async () => {
    const [first = [], ...rest] = waves
    const other = rest.flat().find(({ source, sink }) => source === 'numbers' && sink === 'HTTP')
    const pairs = [...first, ...(other === undefined ? [] : [other])]
    expect(new Set(pairs.map(({ sink }) => sink))).toEqual(new Set(sinkNames))

    const outcome = await runChaos({ waves: [pairs], minutes: 1.6, seed })
    console.log(`seed ${seed}, skipped: ${outcome.skipped.join() || 'nothing'}\n${longTable(outcome)}`)
    expect(brokenPromises(outcome), schedulesOfBroken(outcome).join('\n')).toEqual([])
    const met = new Set(outcome.pairs.flatMap(({ faults }) => Object.keys(faults)))
    const must = pairFaults.filter((fault) => ['kill', 'stop', 'cut'].includes(fault))
    expect([...met]).toEqual(expect.arrayContaining([...must, 'broker killed', 'database killed', 'HTTP down']))
    for (const { source, sink, moved, guarantee } of outcome.pairs)
      expect({ source, sink, guarantee, enough: moved >= 120 }).toEqual({
        ...{ source, sink, enough: true },
        guarantee:
          source === 'RabbitMQ queue' ? 'at-least-once' : expect.stringMatching(/^(exactly|effectively)-once$/),
      })
  }, 280_000)
})
