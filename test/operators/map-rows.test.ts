import { of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { mapRows } from '../../operators/map-rows.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const twice = () => mapRows(({ n }: { readonly n: number }) => ({ twice: 2 * n }))

describe('mapRows', () => {
  edgeList({
    operator: twice,
    source: { a: [{ n: 1 }, { n: 2 }], b: [{ n: 3 }] },
    result: { a: [{ twice: 2 }, { twice: 4 }], b: [{ twice: 6 }] },
  })

  it('keeps a chunk that is empty, and the chunk it was given as it was', () => {
    const chunk = Object.freeze([Object.freeze({ n: 1 })])
    expect(outcomeNow(of(chunk, []).pipe(twice())).values).toEqual([[{ twice: 2 }], []])
    expect(chunk).toEqual([{ n: 1 }])
  })

  it('calls the function once a row, in order, with the row alone', () => {
    const calls: unknown[][] = []
    const project = (...args: readonly [object]) => {
      calls.push([...args])
      return {}
    }
    outcomeNow(of([{ n: 1 }, { n: 2 }], [{ n: 3 }]).pipe(mapRows(project)))
    expect(calls).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
  })

  it(
    'fails with what the function throws, and passes nothing of that chunk',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-b-a|', { a: [{ n: 1 }], b: [{ n: 2 }, { n: 0 }] })
      const subs = '         ^--!'
      const expected = '     -a-#'
      const project = ({ n }: { n: number }) => (n === 0 ? throwIt('error') : { n })
      expectObservable(source.pipe(mapRows(project))).toBe(expected, { a: [{ n: 1 }] })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('is known to be deterministic', () => {
    expect(isDeterministic(twice())).toBe(true)
  })
})
