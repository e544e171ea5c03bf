import { describe, expect, it } from 'vitest'
import {
  type CursorOffset,
  CursorPosition,
  compareCursors,
} from '../../../../src/connectors/rest/source/cursor-position.ts'
import { integerValues } from '../../../../src/connectors/rest/source/cursor-values.ts'
import { OffsetError } from '../../../../src/errors.ts'

const plain = integerValues('cursor', {})
const back = integerValues('cursor', { lookback: 10 })
const seen = (...keys: readonly string[]) => Object.fromEntries(keys.map((key) => [key, true as const]))

describe('a position', () => {
  it('moves past rows, and knows them', () => {
    const position = new CursorPosition(plain, {})
    expect(position.toOffset()).toEqual({})
    expect(position.has(5, 'a')).toBe(false)
    expect([position.take(5, 'a'), position.take(5, 'a'), position.take(5, 'b'), position.take(4, 'z')]).toEqual([
      true,
      false,
      true,
      false,
    ])
    expect(position.toOffset()).toEqual({ value: 5, seen: { 5: seen('a', 'b') } })
    position.take(6, 'a')
    expect(position.toOffset()).toEqual({ value: 6, seen: { 6: seen('a') } })
  })

  it('that looks back remembers what it may see again, and no more', () => {
    const position = new CursorPosition(back, {})
    for (const value of [1, 5, 11, 13, 12]) position.take(value, `${value}`)
    expect(position.toOffset()).toEqual({
      value: 13,
      since: 3,
      seen: { 5: seen('5'), 11: seen('11'), 12: seen('12'), 13: seen('13') },
    })
    expect(new CursorPosition(back, position.toOffset()).toOffset()).toEqual(position.toOffset())
    expect([position.has(2, 'x'), position.has(3, 'x'), position.has(5, '5'), position.has(5, 'x')]).toEqual([
      true,
      false,
      true,
      false,
    ])
  })

  it('that looks back over many values holds those of its window only', () => {
    const position = new CursorPosition(back, {})
    for (let value = 0; value < 10_000; value++) position.take(value, 'k')
    expect(Object.keys(position.toOffset().seen ?? {})).toHaveLength(11)
  })

  it('takes keys named as properties every object inherits', () => {
    const position = new CursorPosition(plain, {})
    for (const key of ['__proto__', 'constructor']) position.take(1, key)
    const offset = JSON.parse(JSON.stringify(position.toOffset())) as CursorOffset
    expect(Object.keys(offset.seen?.['1'] ?? {})).toEqual(['__proto__', 'constructor'])
    expect(new CursorPosition(plain, offset).has(1, '__proto__')).toBe(true)
    expect(new CursorPosition(plain, { value: 1 }).has(1, 'constructor')).toBe(false)
  })

  it('is refused when it was another column’s', () => {
    expect(() => new CursorPosition(plain, { value: '2026-01-01T00:00:00.000Z' })).toThrow(OffsetError)
    expect(() => new CursorPosition(plain, { value: 'x' })).toThrow('was the cursor another column?')
  })
})

describe('positions', () => {
  it('are ordered; one that lacks a row is before', () => {
    const offsets: CursorOffset[] = [
      {},
      { value: 1 },
      { value: 1, seen: { 1: seen('a') } },
      { value: 1, seen: { 1: seen('a', 'b') } },
      { value: 2 },
      { value: 2, since: 1, seen: { 1: seen('c'), 2: seen('a') } },
      { value: 2, since: 1, seen: { 1: seen('c', 'd'), 2: seen('a') } },
      { value: 10 },
    ]
    for (const [i, a] of offsets.entries())
      for (const [j, b] of offsets.entries())
        expect(Math.sign(compareCursors(back, a, b)), `${i} ${j}`).toBe(Math.sign(i - j))
  })

  it('of which each lacks a row of the other are both before', () => {
    const [a, b]: CursorOffset[] = [
      { value: 1, seen: { 1: seen('a', 'c') } },
      { value: 1, seen: { 1: seen('b') } },
    ]
    expect(compareCursors(plain, a as CursorOffset, b as CursorOffset)).toBeLessThan(0)
    expect(compareCursors(plain, b as CursorOffset, a as CursorOffset)).toBeLessThan(0)
  })
})
