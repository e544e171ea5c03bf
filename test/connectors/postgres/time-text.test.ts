import fc from 'fast-check'
import { expect, it } from 'vitest'
import { dateText, earliestMs, parseTime, timestampWriter } from '../../../src/connectors/postgres/time-text.ts'

it('writes every time of four-digit years as toISOString does, in any order', () => {
  const text = timestampWriter()
  const any = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  const near = fc.integer({ min: -200_000_000, max: 200_000_000 }).map((ms) => new Date(ms)) // days around 1970, before it too
  fc.assert(
    fc.property(fc.oneof(any, near), (date) => {
      expect(text(date)).toBe(date.toISOString())
    }),
    { numRuns: 2_000 },
  )
})

it('writes years beyond four digits and before Christ as PostgreSQL has them', () => {
  const text = timestampWriter()
  expect(text(new Date('+012026-01-02T03:04:05.006Z'))).toBe('12026-01-02T03:04:05.006Z')
  expect(text(new Date('0000-03-01T00:00:00Z'))).toBe('0001-03-01T00:00:00.000Z BC')
  expect(text(new Date('0000-03-01T00:00:01Z'))).toBe('0001-03-01T00:00:01.000Z BC')
  expect(text(new Date('2026-03-01T00:00:01Z'))).toBe('2026-03-01T00:00:01.000Z')
  expect(() => text(new Date(Number.NaN))).toThrow(RangeError)
})

it('reads what it writes, of all times that both know', () => {
  const text = timestampWriter()
  const time = fc.oneof(
    fc.integer({ min: earliestMs, max: 8_640_000_000_000_000 }),
    fc.integer({ min: -70_000_000_000_000, max: -50_000_000_000_000 }), // around the year 1
  )
  fc.assert(
    fc.property(time, (ms) => {
      const date = new Date(ms)
      expect(parseTime(text(date))?.getTime()).toBe(ms)
      expect(parseTime(dateText(date))?.getTime()).toBe(Math.floor(ms / 86_400_000) * 86_400_000)
    }),
    { numRuns: 2_000 },
  )
})
