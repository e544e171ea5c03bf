import { of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { filterRows } from '../../operators/filter-rows.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const odd = () => filterRows(({ n }: { readonly n: number }) => n % 2 === 1)

describe('filterRows', () => {
  edgeList({
    operator: odd,
    source: { a: [{ n: 1 }, { n: 2 }, { n: 3 }], b: [{ n: 4 }, { n: 5 }] },
    result: { a: [{ n: 1 }, { n: 3 }], b: [{ n: 5 }] },
  })

  it(
    'does not pass on a chunk that is empty, or has become so',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-e-b-a|', { a: [{ n: 1 }], b: [{ n: 2 }], e: [] })
      const subs = '         ^-------!'
      const expected = '     -a-----a|'
      expectObservable(source.pipe(odd())).toBe(expected, { a: [{ n: 1 }] })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('passes the rows themselves, and leaves the chunk it was given as it was', () => {
    const chunk = Object.freeze([{ n: 1 }, { n: 2 }])
    const [kept] = outcomeNow(of(chunk).pipe(odd())).values
    expect(kept?.[0]).toBe(chunk[0])
    expect(chunk).toHaveLength(2)
  })

  it('calls the predicate once a row, in order, with the row alone', () => {
    const calls: unknown[][] = []
    const predicate = (...args: readonly [object]) => {
      calls.push([...args])
      return false
    }
    outcomeNow(of([{ n: 1 }, { n: 2 }], [{ n: 3 }]).pipe(filterRows(predicate)))
    expect(calls).toEqual([[{ n: 1 }], [{ n: 2 }], [{ n: 3 }]])
  })

  it(
    'fails with what the predicate throws, and passes nothing of that chunk',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-b-a|', { a: [{ n: 1 }], b: [{ n: 2 }, { n: 0 }] })
      const subs = '         ^--!'
      const expected = '     -a-#'
      const predicate = ({ n }: { n: number }) => n > 0 || throwIt('error')
      expectObservable(source.pipe(filterRows(predicate))).toBe(expected, { a: [{ n: 1 }] })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('is known to be deterministic', () => {
    expect(isDeterministic(odd())).toBe(true)
  })
})
