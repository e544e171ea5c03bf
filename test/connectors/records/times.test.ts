import { describe, expect, it } from 'vitest'
import { timeOfText } from '../../../src/connectors/records/times.ts'
import { zoneOf } from '../../../src/connectors/records/zone.ts'

const noon = Date.UTC(2026, 0, 1, 12)

describe('a time of an API', () => {
  it.each([
    ['2026-01-01T12:00:00Z', noon],
    ['2026-01-01T12:00:00.000Z', noon],
    ['2026-01-01T12:00Z', noon],
    ['2026-01-01 12:00:00Z', noon],
    ['2026-01-01 12:00:00 UTC', noon],
    ['2026-01-01 13:00:00 +0100', noon],
    ['2026-01-01T13:00:00+01', noon],
    ['2026-01-01T06:30:00-05:30', noon],
    ['2026-01-01', Date.UTC(2026, 0, 1)],
    // Finer ones are cut, so that no row is taken for a later one.
    ['2026-01-01T12:00:00.0009999Z', noon],
    ['2026-01-01T12:00:00.1Z', noon + 100],
    ['2026-01-01T12:00:00,25Z', noon + 250],
    ['1969-12-31T23:59:59.9999Z', -1],
  ])('%s', (text, ms) => {
    expect(timeOfText(text, undefined)).toBe(ms)
  })

  it.each([
    '2026-01-01T12:00:00',
    '2026-02-30T12:00:00Z',
    '2026-02-30T12:00:00.00Z',
    '2026-13-01T12:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T12:60:00Z',
    '2026-01-01T25:00:00Z',
    '12:00:00',
    'today',
    '',
    '1767268800',
    '2026-01-01T12:00:00Z and more',
  ])('not %j', (text) => {
    expect(timeOfText(text, undefined)).toBeUndefined()
  })

  it('without a zone is what the clocks of the given one show, a date its midnight', () => {
    const berlin = zoneOf('Europe/Berlin')
    expect(timeOfText('2026-01-01T13:00:00', berlin)).toBe(noon)
    expect(timeOfText('2026-07-01', berlin)).toBe(Date.UTC(2026, 5, 30, 22))
    expect(timeOfText('2026-01-01T12:00:00Z', berlin)).toBe(noon)
  })
})

it('a leap second is the second after it, and no other 60 is a second', () => {
  const next = Date.UTC(2017, 0, 1)
  expect(timeOfText('2016-12-31T23:59:60Z', undefined)).toBe(next)
  expect(timeOfText('2016-12-31T23:59:60.25Z', undefined)).toBe(next + 250)
  expect(timeOfText('2017-01-01T05:29:60+05:30', undefined)).toBe(next)
  for (const none of ['2016-12-31T23:58:60Z', '2016-12-31T22:59:60Z', '2016-12-31T23:60:00Z', '2016-12-31T23:59:61Z'])
    expect(timeOfText(none, undefined)).toBeUndefined()
})
