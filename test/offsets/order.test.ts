import { describe, expect, it } from 'vitest'
import { OffsetError } from '../../src/errors.ts'
import { integerOrder, naturalOrder } from '../../src/offsets/order.ts'

describe('naturalOrder', () => {
  it('orders numbers by size and texts by code unit', () => {
    expect([10, 9, -1].sort(naturalOrder)).toEqual([-1, 9, 10])
    expect(['b', 'a', 'Z', '10', '9'].sort(naturalOrder)).toEqual(['10', '9', 'Z', 'a', 'b'])
    expect(naturalOrder('a', 'a')).toBe(0)
  })

  it.each([
    [1, '1'],
    [null, null],
    [true, false],
    [NaN, 1],
  ])('has no order for %o and %o', (a, b) => {
    expect(() => naturalOrder(a as never, b as never)).toThrow(OffsetError)
  })
})

describe('integerOrder', () => {
  it('orders texts of digits by size, however large', () => {
    expect(['10', '9', '-3', '9007199254740993', '9007199254740992'].sort(integerOrder)).toEqual([
      '-3',
      '9',
      '10',
      '9007199254740992',
      '9007199254740993',
    ])
    expect(integerOrder('07', 7)).toBe(0)
  })

  it.each(['', 'x', '1.5', '0x10', ' 1'])('refuses %o', (text) => {
    expect(() => integerOrder(text, '1')).toThrow(OffsetError)
  })
})
