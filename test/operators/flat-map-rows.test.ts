import { of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { flatMapRows } from '../../operators/flat-map-rows.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

interface Line {
  readonly text: string
}

const line = (text: string): Line => ({ text })
const words = () =>
  flatMapRows(({ text }: Line) =>
    text
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => ({ word })),
  )

describe('flatMapRows', () => {
  edgeList({
    operator: words,
    source: { a: [line('to be'), line(''), line('or')], b: [line('not')] },
    result: { a: [{ word: 'to' }, { word: 'be' }, { word: 'or' }], b: [{ word: 'not' }] },
  })

  it(
    'does not pass on a chunk that gives nothing',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-e-b-a|', { a: [line('x')], b: [line(''), line('')], e: [] })
      const subs = '         ^-------!'
      const expected = '     -a-----a|'
      expectObservable(source.pipe(words())).toBe(expected, { a: [{ word: 'x' }] })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('takes any iterable, and as many rows as fit into memory', () => {
    function* upTo({ n }: { readonly n: number }) {
      for (let i = 0; i < n; i++) yield { i }
    }
    const [chunk] = outcomeNow(of([{ n: 2 }, { n: 300_000 }]).pipe(flatMapRows(upTo))).values
    expect(chunk).toHaveLength(300_002)
    expect([chunk?.[1], chunk?.[2], chunk?.at(-1)]).toEqual([{ i: 1 }, { i: 0 }, { i: 299_999 }])
    const set = new Set([{ i: 1 }])
    expect(outcomeNow(of([{}]).pipe(flatMapRows(() => set))).values).toEqual([[{ i: 1 }]])
  })

  it('calls the function once a row, in order, with the row alone', () => {
    const calls: unknown[][] = []
    const project = (...args: readonly [object]) => {
      calls.push([...args])
      return []
    }
    outcomeNow(of([{ n: 1 }, { n: 2 }], [{ n: 3 }]).pipe(flatMapRows(project)))
    expect(calls).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
  })

  it.each([
    ['the function throws', () => throwIt('error')],
    [
      'its iterable throws, even after a row',
      function* () {
        yield {}
        throwIt('error')
      },
    ],
  ])('fails when %s, and passes nothing of that chunk', (_, fail) => {
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-b-a|', { a: [line('x')], b: [line('y'), line('')] })
      const subs = '         ^--!'
      const expected = '     -a-#'
      const project = (row: Line): Iterable<object> => (row.text === '' ? fail() : [row])
      expectObservable(source.pipe(flatMapRows(project))).toBe(expected, { a: [line('x')] })
      expectSubscriptions(source.subscriptions).toBe(subs)
    })()
  })

  it('is known to be deterministic', () => {
    expect(isDeterministic(words())).toBe(true)
  })
})
