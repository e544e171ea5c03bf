import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { statsJson } from '../../../src/connectors/delta/stats.ts'
import { schema } from '../../../src/schema.ts'

const one = (ddl: string, min: unknown, max: unknown, nullCount = 0) => {
  const { fields } = schema(ddl)
  return statsJson({ rows: 3, bytes: 1, columns: [{ path: [fields[0]?.name as string], nullCount, min, max }] }, fields)
}

describe('statistics', () => {
  it('keep every digit of a bigint and of a decimal', () => {
    expect(one('a bigint', 9_007_199_254_740_993n, 2n ** 63n - 1n)).toBe(
      '{"numRecords":3,"minValues":{"a":9007199254740993},"maxValues":{"a":9223372036854775807},"nullCount":{"a":0}}',
    )
    expect(one('a decimal(38,2)', '-0.01', `${'9'.repeat(36)}.99`)).toContain(`"maxValues":{"a":${'9'.repeat(36)}.99}`)
  })

  it('have times to the millisecond, dates as days, and neither beyond four digits of a year', () => {
    const [early, late] = [new Date('1969-12-31T23:59:59.999Z'), new Date('2026-11-01T00:00:00.001Z')]
    expect(one('a timestamp', early, late)).toContain(
      '"minValues":{"a":"1969-12-31T23:59:59.999Z"},"maxValues":{"a":"2026-11-01T00:00:00.001Z"}',
    )
    expect(one('a date', early, late)).toContain('"minValues":{"a":"1969-12-31"},"maxValues":{"a":"2026-11-01"}')
    expect(one('a timestamp', early, new Date(8.64e15))).toContain('"minValues":{},"maxValues":{}')
  })

  it.each([
    ['a double', 1, Infinity],
    ['a double', Number.NaN, 2],
    ['a date', new Date('0000-12-31'), new Date('2026-11-01')],
    ['a binary', undefined, undefined],
  ] as const)('of %s have no bounds from %s to %s', (ddl, min, max) => {
    expect(one(ddl, min, max, 2)).toBe('{"numRecords":3,"minValues":{},"maxValues":{},"nullCount":{"a":2}}')
  })

  it('of booleans are there, for delta-rs leaves out a file without them', () => {
    expect(one('a boolean', false, true)).toContain('"minValues":{"a":false},"maxValues":{"a":true}')
  })

  it.each([
    [0, 0],
    [-0, -0],
  ])('of zeros hold for both of them: from %s to %s', (min, max) => {
    expect(one('a double', min, max)).toContain('"minValues":{"a":-0.0},"maxValues":{"a":0.0}')
  })

  it('of a struct stand in an object of its own', () => {
    const { fields } = schema('s struct<x: int, t: struct<y: string>>, `a.b` int')
    const columns = [
      { path: ['s', 'x'], nullCount: 1, min: 1, max: 2 },
      { path: ['s', 't', 'y'], nullCount: 0, min: 'a', max: 'b' },
      { path: ['a.b'], nullCount: 0, min: 3, max: 4 },
    ]
    expect(JSON.parse(statsJson({ rows: 3, bytes: 1, columns }, fields))).toEqual({
      numRecords: 3,
      minValues: { s: { x: 1, t: { y: 'a' } }, 'a.b': 3 },
      maxValues: { s: { x: 2, t: { y: 'b' } }, 'a.b': 4 },
      nullCount: { s: { x: 1, t: { y: 0 } }, 'a.b': 0 },
    })
  })

  it('bound long texts from both sides, in the order of UTF-8, and stay short', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'z', 'é', '\uffff', '😀', '\u{10ffff}', '"', '\\'),
      maxLength: 80,
    })
    fc.assert(
      fc.property(text, (value) => {
        fc.pre(value.isWellFormed())
        const stats = JSON.parse(one('a string', value, value)) as Record<string, { a?: string }>
        const [min, max] = [stats.minValues?.a, stats.maxValues?.a]
        if (min === undefined || max === undefined) {
          expect(min).toBe(max)
          expect(value.length).toBeGreaterThan(31)
          return
        }
        expect(Buffer.compare(Buffer.from(min), Buffer.from(value))).toBeLessThanOrEqual(0)
        expect(Buffer.compare(Buffer.from(value), Buffer.from(max))).toBeLessThanOrEqual(0)
        expect(Math.max(min.length, max.length)).toBeLessThanOrEqual(34)
      }),
    )
  })
})
