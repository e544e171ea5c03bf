import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { durationMs, durationRule, positiveDurationRule } from '../src/duration.ts'
import { OptionError } from '../src/errors.ts'

const ms = (value: number | string) => durationMs(value, 'processingTime', 'interval')

describe('durationMs', () => {
  it.each([
    [0, 0],
    [1, 1],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['0 seconds', 0],
    ['5 seconds', 5_000],
    ['1 second', 1_000],
    ['1 minute', 60_000],
    ['500 milliseconds', 500],
    ['1 millisecond', 1],
    ['1 hour 30 minutes', 5_400_000],
    ['2 days', 172_800_000],
    ['1 week', 604_800_000],
    ['interval 10 seconds', 10_000],
    ['  5   Seconds ', 5_000],
    ['1.5 seconds', 1_500],
    ['1.1s', 1_100],
    ['0.001s', 1],
    ['5s', 5_000],
    ['500ms', 500],
    ['500MS', 500],
    ['10m', 600_000],
    ['10 min', 600_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
  ])('reads %o as %d ms', (value, expected) => {
    expect(ms(value)).toBe(expected)
  })

  it.each([
    -1,
    0.5,
    NaN,
    Infinity,
    2 ** 53,
    '',
    'seconds',
    '5',
    '5 parsecs',
    '5 seconds ago',
    '-5 seconds',
    '5 seconds, 1 minute',
    '1 month',
    '1 year',
    '5M',
    '0.5ms',
    '1.0001 seconds',
    '9007199254740993 ms',
    '99999999999999999999 days',
    '1 constructor',
    'PT5S',
  ])('refuses %o and says what it was', (value) => {
    const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
    expect(() => ms(value)).toThrow(OptionError)
    expect(() => ms(value)).toThrow(/^processingTime: option "interval" must be whole milliseconds or a text/)
    expect(() => ms(value)).toThrow(`and it is ${shown}`)
  })

  it('refuses what is neither a number nor a text, and nothing at all', () => {
    expect(() => ms(null as unknown as string)).toThrow('and it is null')
    expect(() => ms({} as unknown as string)).toThrow('and it is a Object')
    expect(() => ms(undefined as unknown as string)).toThrow('option "interval" is missing')
  })

  it('adds up whatever parts it is written in', () => {
    const part = fc.nat(1_000)
    fc.assert(
      fc.property(part, part, part, (h, s, milli) => {
        expect(ms(`${h} hours ${s} seconds ${milli} milliseconds`)).toBe(h * 3_600_000 + s * 1_000 + milli)
        expect(ms(`${h}h${s}s${milli}ms`)).toBe(h * 3_600_000 + s * 1_000 + milli)
        expect(ms(`${s}.${String(milli % 1_000).padStart(3, '0')}s`)).toBe(s * 1_000 + (milli % 1_000))
      }),
      { numRuns: 200 },
    )
  })

  it('is quick with long nonsense', () => {
    const started = process.cpuUsage()
    expect(() => ms(`${'1 s '.repeat(20_000)}!`)).toThrow(OptionError)
    expect(() => ms(`${'1'.repeat(50_000)} !`)).toThrow(OptionError)
    expect(process.cpuUsage(started).user).toBeLessThan(2_000_000)
  })
})

describe('the rules', () => {
  it('let 0 pass, and only the positive one does not', () => {
    expect(durationRule.accepts('0s')).toBe(true)
    expect(positiveDurationRule.accepts('0s')).toBe(false)
    expect(positiveDurationRule.accepts(0)).toBe(false)
    expect(positiveDurationRule.accepts('1ms')).toBe(true)
    expect(positiveDurationRule.accepts('1 month')).toBe(false)
  })
})
