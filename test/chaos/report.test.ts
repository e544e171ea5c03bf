import { expect, test } from 'vitest'
import { brokenPromises, type ChaosOutcome, schedulesOfBroken } from './chaos.ts'
import { sinkNames, sourceNames, waves } from './pairs.ts'
import { longTable, shortTable, summary, writeBetween } from './report.ts'
import type { PairOutcome } from './wave.ts'

const pair: PairOutcome = {
  ...{ index: 0, source: 'numbers', sink: 'Delta', checkpoint: 'file' },
  ...{ guarantee: 'exactly-once', reason: '', faults: { kill: 3, cut: 2, 'broker killed': 1 } },
  ...{ fed: 1_200, moved: 1_200, lost: 0, repeated: 0, foreign: 0 },
  ...{ countedBy: 'delta-rs', starts: 4, failures: [], drained: true },
  ...{ examples: { lost: [], repeated: [], foreign: [] }, schedule: ['0.5 s kill after 60 rows'] },
}
const outcome = (...pairs: readonly Partial<PairOutcome>[]): ChaosOutcome => ({
  ...{ seed: 7, minutes: 1, skipped: [], seconds: 60 },
  pairs: pairs.map((more) => ({ ...pair, ...more })),
})

test('a promise is broken by rows that are lost, foreign, or repeated where none may be', () => {
  const broken = (more: Partial<PairOutcome>) => brokenPromises(outcome(more)).length
  expect(broken({})).toBe(0)
  expect(broken({ guarantee: 'at-least-once', repeated: 5 })).toBe(0)
  expect(broken({ guarantee: 'at-least-once', lost: 1 })).toBe(1)
  expect(broken({ repeated: 1 })).toBe(1)
  expect(broken({ guarantee: 'effectively-once', repeated: 1 })).toBe(1)
  expect(broken({ foreign: 1 })).toBe(1)
  expect(broken({ guarantee: undefined })).toBe(1)
  expect(broken({ drained: false })).toBe(1)
})

test('what is broken is named: the pair, how many rows and which, and what befell it', () => {
  const one = outcome({ lost: 7, repeated: 1, examples: { lost: [3, 4, 5, 6, 9], repeated: [8], foreign: [] } }, {})
  expect(brokenPromises(one)).toEqual([
    'numbers → Delta (file): 7 of 1200 rows lost: rows 3, 4, 5, 6, 9, …',
    'numbers → Delta (file): 1 rows repeated, and it promised exactly-once: row 8',
  ])
  expect(schedulesOfBroken(one)).toEqual(['numbers → Delta: 0.5 s kill after 60 rows'])
})

test('waves have every pair once, with either checkpoint about as often', () => {
  const all = waves.flat()
  expect(new Set(all.map(({ source, sink }) => `${source} ${sink}`)).size).toBe(sourceNames.length * sinkNames.length)
  expect(new Set(all.map(({ index }) => index)).size).toBe(all.length)
  expect(all.filter(({ checkpoint }) => checkpoint === 'file')).toHaveLength(all.length / 2)
})

test('the tables say what was counted', () => {
  const one = outcome({}, { sink: 'HTTP', guarantee: 'at-least-once', repeated: 2, countedBy: 'the receiver' })
  expect(shortTable(one)).toContain('| numbers | 1,200 / 6 / 0 / 0 |')
  expect(shortTable(one)).toContain('| 1,200 / 6 / 0 / 2 * |')
  expect(longTable(one)).toContain(
    '| numbers | Delta | file | exactly-once | 3 | 0 | 0 | 2 | 0 | 1 | 1,200 | 0 | 0 | delta-rs |',
  )
  expect(summary(one)).toContain('2 pairs, 1 minutes at most (it took 60 s), seed 7.')
  expect(summary(one)).toContain(
    'Rows 2,400, lost 0; repeated where a pair promises exactly-once or effectively-once: 0.',
  )
})

test('a table is written between its marks, again and again, and nowhere else', () => {
  const text = 'before\n<!-- chaos: written by `npm run chaos -- --write` -->\nold\n<!-- /chaos -->\nafter\n'
  const written = writeBetween(text, outcome({}))
  expect(written).toMatch(/^before\n<!-- chaos[^\n]*-->\n1 pairs[\s\S]*\n<!-- \/chaos -->\nafter\n$/)
  expect(written).not.toContain('old')
  expect(writeBetween(written, outcome({}))).toBe(written)
  expect(() => writeBetween('no marks', outcome({}))).toThrow('expected the marks')
})
