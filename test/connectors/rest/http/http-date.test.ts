import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { httpDate } from '../../../../src/connectors/rest/http/http-date.ts'

const now = Date.UTC(2024, 5, 1)
const expected = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('an HTTP date', () => {
  it.each([
    ['of today', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ['of RFC 850', 'Sunday, 06-Nov-94 08:49:37 GMT'],
    ['of asctime, which means UTC, too', 'Sun Nov  6 08:49:37 1994'],
    ['in whatever case', 'sun, 06 NOV 1994 08:49:37 gmt'],
    ['with spaces around', ' Sun, 06 Nov 1994 08:49:37 GMT '],
  ])('%s', (_name, text) => {
    expect(httpDate(text, now)).toBe(expected)
  })

  it.each([
    '',
    'soon',
    '120',
    '2024-06-01T00:00:00Z',
    'Sun, 31 Feb 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 25:49:37 GMT',
    'Sun, 06 Foo 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 CET',
    'Sun, 06 Nov 1994 08:61:37 GMT',
  ])('is not %j', (text) => {
    expect(httpDate(text, now)).toBeUndefined()
  })

  it('with two digits of a year is at most 50 years ahead', () => {
    const year = (digits: string) =>
      new Date(httpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, now) ?? 0).getUTCFullYear()
    expect(['24', '74', '75', '99', '00'].map(year)).toEqual([2024, 2074, 1975, 1999, 2000])
  })

  it('is what a Date writes', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (date) => {
        expect(httpDate(date.toUTCString(), now)).toBe(Math.floor(date.getTime() / 1_000) * 1_000)
      }),
    )
  })
})
