import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fairShares } from '../../src/offsets/fair-shares.ts'

describe('fairShares', () => {
  it.each([
    [10, [Infinity, Infinity, Infinity], 0, [4, 3, 3]],
    [10, [Infinity, Infinity, Infinity], 1, [3, 4, 3]],
    [10, [1, 100, 100], 0, [1, 5, 4]],
    [10, [1, 2, 3], 0, [1, 2, 3]],
    [1, [5, 5, 5], 2, [0, 0, 1]],
    [0, [5], 0, [0]],
    [5, [], 3, []],
    [7, [0, 9, 0], 4, [0, 7, 0]],
    [Infinity, [1, Infinity], 0, [Infinity, Infinity]],
  ])('shares %d among %j from turn %d as %j', (total, wants, turn, expected) => {
    expect(fairShares(total, wants, turn)).toEqual(expected)
  })

  it('uses up what is wanted, gives nobody more than that, and differs by one at most among those who want more', () => {
    const want = fc.oneof(fc.nat(30), fc.constant(Infinity))
    fc.assert(
      fc.property(fc.nat(200), fc.array(want, { maxLength: 12 }), fc.nat(), (total, wants, turn) => {
        const shares = fairShares(total, wants, turn)
        const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0)
        expect(sum(shares)).toBe(Math.min(total, sum(wants)))
        const unmet = shares.filter((share, index) => share < (wants[index] as number))
        for (const [index, share] of shares.entries()) {
          expect(share).toBeLessThanOrEqual(wants[index] as number)
          for (const less of unmet) expect(share - less).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 300 },
    )
  })
})
