import { describe, expect, it } from 'vitest'
import { agreement, pooled } from '../bench/harness/agreement.ts'
import { type Kept, kept, readBaseline, regressions, renewed } from '../bench/harness/baseline.ts'
import { type Figure, isKept, summary } from '../bench/harness/figure.ts'
import { readTable, tableText } from '../bench/harness/table.ts'

const figure = (values: readonly number[], unit: Figure['unit'] = 'of its speed'): Kept =>
  kept('file', { name: 'case', against: 'a loop', unit, values, versions: { node: '24.0.0' } })

describe('the rounds of a figure', () => {
  it('come to their least, median and greatest, and to what half of them keep within', () => {
    expect(summary([4, 1, 2, 3, 100])).toEqual({ min: 1, median: 3, max: 100, spread: 1 / 3 })
    expect(summary([2, 1])).toEqual({ min: 1, median: 1.5, max: 2, spread: 1 / 3 })
    expect(summary([0, 0])).toEqual({ min: 0, median: 0, max: 0, spread: 0 })
  })

  it('keep a target or miss it', () => {
    expect([isKept(0.9, { atLeast: 0.9 }), isKept(0.89, { atLeast: 0.9 })]).toEqual([true, false])
    expect([isKept(1.2, { atMost: 1.2 }), isKept(1.21, { atMost: 1.2 })]).toEqual([true, false])
    expect([isKept(1, undefined), isKept(1, {})]).toEqual([undefined, undefined])
  })
})

describe('the comparison with the baseline', () => {
  const before = [figure([0.98, 1, 1.02])]

  it('accepts what is within the spread of both, and what is better', () => {
    expect(regressions([figure([0.94, 0.97, 1])], before)).toEqual([])
    expect(regressions([figure([2, 2, 2])], before)).toEqual([])
  })

  it('names what got slower by more, and by how much', () => {
    expect(regressions([figure([0.8, 0.8, 0.8])], before)).toEqual([
      'file: case, beside a loop: 0.8 of its speed, 1 in the baseline; 20 % worse, and 3 % is the spread of both',
    ])
  })

  it('goes the other way for times', () => {
    expect(regressions([figure([2, 2, 2], 'ms')], [figure([1, 1, 1], 'ms')])).toHaveLength(1)
    expect(regressions([figure([1, 1, 1], 'ms')], [figure([2, 2, 2], 'ms')])).toEqual([])
  })

  it('holds nothing that was measured so seldom that it has no spread', () => {
    expect(regressions([figure([2], 'ms')], [figure([1], 'ms')])).toEqual([])
    expect(regressions([figure([2, 2, 2], 'ms')], [figure([1, 1], 'ms')])).toEqual([])
  })

  it('takes nothing and nothing for the same, and something for worse', () => {
    const nothing = figure([0, 0, 0], 'modules')
    expect(regressions([nothing], [nothing])).toEqual([])
    expect(regressions([figure([1, 1, 1], 'modules')], [nothing])).toHaveLength(1)
  })

  it('is no comparison without the figure', () => {
    expect(regressions(before, [])).toEqual(['file: case, beside a loop is not in the baseline'])
  })
})

describe('a renewed baseline', () => {
  const of = (file: string, name: string): Kept => ({ ...figure([1, 2, 3]), file, name })
  const before = [of('a', 'one'), of('b', 'two'), of('b', 'gone'), of('no longer there', 'x')]
  const order = ['a', 'b']

  it('keeps what other files had, though they were measured whole a moment before', () => {
    const after = renewed(before, [of('b', 'two')], new Set(['a', 'b']), order)
    expect(after.map(({ file, name }) => [file, name])).toEqual([
      ['a', 'one'],
      ['b', 'two'],
    ])
  })

  it('keeps what a file had that was measured in part', () => {
    const after = renewed(before, [of('b', 'two')], new Set(), order)
    expect(after.map(({ name }) => name)).toEqual(['one', 'gone', 'two'])
  })
})

describe('several runs', () => {
  it('agree where the median of each lies among the rounds of the others', () => {
    const runs = [[figure([1, 2, 3])], [figure([2, 3, 9])], [figure([2, 2, 3])]]
    expect(agreement(runs)).toEqual({ figures: 1, apart: [], asunder: [] })
  })

  it('do not where a median lies beyond, or where they have nothing in common', () => {
    const apart = ['case, beside a loop: 1 / 2 / 3, 2.5 / 4 / 5 of its speed']
    expect(agreement([[figure([1, 2, 3])], [figure([2.5, 4, 5])]])).toEqual({ figures: 1, apart, asunder: [] })
    const asunder = ['case, beside a loop: 1 / 2 / 3, 4 / 4 / 5 of its speed']
    expect(agreement([[figure([1, 2, 3])], [figure([4, 4, 5])]])).toEqual({ figures: 1, apart: asunder, asunder })
  })

  it('say nothing of what one of them lacks, or measured too seldom', () => {
    const other = figure([1, 2, 3], 'ms')
    expect(agreement([[figure([1, 2, 3]), other], [figure([5, 6, 7])]]).figures).toBe(1)
    expect(agreement([[figure([1])], [figure([5])]])).toEqual({ figures: 0, apart: [], asunder: [] })
  })

  it('come to the least and the greatest of all, and to the median of their medians', () => {
    const [one, ...others] = pooled([[figure([1, 2, 3])], [figure([2, 4, 9])], [figure([2, 2, 3]), figure([7], 'ms')]])
    expect(one).toMatchObject({ min: 1, median: 2, max: 9, rounds: 9 })
    expect(others).toMatchObject([{ unit: 'ms', min: 7, median: 7, max: 7, rounds: 1 }])
  })

  it('have a spread together that holds half of the rounds of each', () => {
    const runs = [figure([0.98, 1, 1.02]), figure([1.1, 1.2, 1.3]), figure([1, 1.1, 1.2])]
    const [together] = pooled(runs.map((run) => [run])) as readonly [Kept]
    for (const run of runs) {
      const reach = run.median * run.spread
      for (const bound of [run.median - reach, run.median + reach])
        expect(Math.abs(bound - together.median) / together.median).toBeLessThanOrEqual(together.spread + 0.02)
    }
    expect(pooled([[figure([0, 0, 0])], [figure([0, 0, 1])]])).toMatchObject([{ median: 0, spread: 0 }])
  })
})

describe('the README', () => {
  it('has the table of the baseline', () => {
    expect(readTable()).toBe(tableText(readBaseline()))
  })
})
