import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  folderOf,
  fromLogPath,
  parseValue,
  serializerOf,
  toLogPath,
} from '../../../src/connectors/delta/partition-values.ts'
import type { LeafType } from '../../../src/schema/leaf-check.ts'
import { leafType, rowOf } from '../../schema/arbitraries.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('%', '/', ' ', '\\', '=', '.', "'", '#', '?', ':', 'é', '日', '\n', '\u0001', '😀'),
  }),
  fc.constantFrom('.', '..', '%2F', '%', '__HIVE_DEFAULT_PARTITION__', 'a'.repeat(500), '%41'.repeat(200)),
)

describe('the folder of a partition', () => {
  it('is plain ASCII below the table, whatever the values are', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(text, fc.option(text)), { minLength: 1, maxLength: 3 }), (pairs) => {
        const folder = folderOf(
          pairs.map(([name]) => name),
          pairs.map(([, value]) => value),
        )
        const names = folder.split('/')
        expect(names).toHaveLength(pairs.length)
        for (const name of names) {
          expect(name).toMatch(/^[A-Za-z0-9%=._-]+$/)
          expect(name).not.toMatch(/^\.+$/)
          expect(name.length).toBeLessThanOrEqual(200)
        }
      }),
    )
  })

  it('tells values apart, those too that differ only where the name is cut', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        fc.pre(a.toWellFormed() !== b.toWellFormed())
        expect(folderOf(['c'], [a])).not.toBe(folderOf(['c'], [b]))
      }),
    )
    expect(folderOf(['c'], [`${'x'.repeat(400)}1`])).not.toBe(folderOf(['c'], [`${'x'.repeat(400)}2`]))
  })
})

describe('a path in the log', () => {
  it('is escaped once more, and comes back', () => {
    expect(toLogPath(folderOf(['station'], ['New York']))).toBe('station=New%2520York')
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 2 }), (values) => {
        const path = `${folderOf(
          values.map((_, index) => `c${index}`),
          values,
        )}/part-0.parquet`
        const inLog = toLogPath(path)
        expect(fromLogPath(inLog)).toBe(path)
        expect(() => new URL(inLog, 'file:///table/')).not.toThrow()
        expect(decodeURIComponent(new URL(inLog, 'file:///table/').pathname)).toBe(`/table/${path}`)
      }),
    )
  })

  it.each(['/etc/passwd', 's3://bucket/file', 'file:///x', '../x', 'a/%2E%2E/b', 'a/%/b'])(
    '%s is not below the table',
    (path) => {
      expect(fromLogPath(path)).toBeUndefined()
    },
  )
})

describe('a partition value', () => {
  const partitionType = leafType.filter((type) => serializerOf(type) !== undefined)
  it('comes back as it was, of every type; an empty text as null', () => {
    const valued = partitionType.chain((type) =>
      fc.tuple(fc.constant<LeafType>(type), rowOf([{ name: 'v', type, nullable: false }])),
    )
    fc.assert(
      fc.property(valued, ([type, { v: value }]) => {
        const year = value instanceof Date ? value.getUTCFullYear() : 2000
        fc.pre(year >= 0 && year <= 9999 && (typeof value !== 'string' || value.isWellFormed()))
        const parsed = parseValue(type, serializerOf(type)?.(value), 'here')
        if (type.kind === 'date')
          expect(parsed).toEqual(new Date(Math.floor((value as Date).getTime() / 864e5) * 864e5))
        else if (type.kind === 'decimal') expect(Number(parsed)).toBe(Number(value))
        else expect(parsed).toEqual(value === '' ? null : value)
      }),
    )
  })

  it('has one text for one number', () => {
    const serialize = serializerOf({ kind: 'decimal', precision: 10, scale: 2 }) as (value: unknown) => string
    expect(['1', '1.0', '01.00', '+1', '1.'].map(serialize)).toEqual(Array(5).fill('1.00'))
    expect(['-0', '0', '-0.00'].map(serialize)).toEqual(['0.00', '0.00', '0.00'])
    expect(serialize('-12.5')).toBe('-12.50')
  })

  it.each([
    ['int', '1e3'],
    ['bigint', 'x'],
    ['boolean', 'yes'],
    ['date', '2026-13-01'],
    ['timestamp', 'noon'],
  ] as const)('of type %s is never %s', (kind, value) => {
    expect(() => parseValue({ kind }, value, 'here')).toThrow(/here: expected a partition value of type/)
  })

  it('of a timestamp is read in Spark’s older form, too', () => {
    const at = new Date('2026-11-01T12:00:00.500Z')
    for (const value of ['2026-11-01 12:00:00.5', '2026-11-01T12:00:00.500000Z', '2026-11-01T13:00:00.5+01:00'])
      expect(parseValue({ kind: 'timestamp' }, value, 'here')).toEqual(at)
  })
})
