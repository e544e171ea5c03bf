import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../../src/errors.ts'
import { type RangeConvention, type Tick, toApiRange } from '../../src/offsets/api-range.ts'

const hour = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T01:00:00.000Z' }
const nanoseconds: Readonly<Record<Tick, bigint>> = {
  second: 1_000_000_000n,
  millisecond: 1_000_000n,
  microsecond: 1_000n,
  '100 nanoseconds': 100n,
  nanosecond: 1n,
}
const ticks = Object.keys(nanoseconds) as Tick[]

describe('toApiRange', () => {
  it.each([
    ['second', '2026-01-01T00:59:59Z'],
    ['millisecond', '2026-01-01T00:59:59.999Z'],
    ['microsecond', '2026-01-01T00:59:59.999999Z'],
    ['100 nanoseconds', '2026-01-01T00:59:59.9999999Z'],
    ['nanosecond', '2026-01-01T00:59:59.999999999Z'],
  ] as const)('ends one %s earlier where the end is inclusive', (tick, end) => {
    expect(toApiRange(hour, { tick, end: 'inclusive' })?.end).toBe(end)
  })

  it('starts one tick earlier where the start is exclusive', () => {
    expect(toApiRange(hour, { tick: 'second', start: 'exclusive' })).toEqual({
      start: '2025-12-31T23:59:59Z',
      end: '2026-01-01T01:00:00Z',
    })
    expect(toApiRange(hour, { tick: 'microsecond', start: 'exclusive' })?.start).toBe('2025-12-31T23:59:59.999999Z')
  })

  it('leaves a half-open range as it is', () => {
    expect(toApiRange(hour, { tick: 'millisecond' })).toEqual({ start: hour.from, end: hour.to })
  })

  it('counts ticks from the epoch, also before it', () => {
    expect(toApiRange(hour, { tick: 'second', format: 'epoch' })).toEqual({ start: '1767225600', end: '1767229200' })
    expect(toApiRange(hour, { tick: 'nanosecond', format: 'epoch', end: 'inclusive' })?.end).toBe('1767229199999999999')
    const early = { from: '1969-12-31T23:59:59.999Z', to: '1970-01-01T00:00:00Z' }
    expect(toApiRange(early, { tick: 'microsecond', format: 'epoch' })).toEqual({ start: '-1000', end: '0' })
    expect(toApiRange(early, { tick: 'microsecond', end: 'inclusive' })?.end).toBe('1969-12-31T23:59:59.999999Z')
  })

  it('asks for nothing when no tick lies in the range: the end would come before the start', () => {
    const convention: RangeConvention = { tick: 'second', end: 'inclusive' }
    expect(toApiRange({ from: hour.from, to: hour.from }, convention)).toBeUndefined()
    expect(toApiRange({ from: '2026-01-01T00:00:00.200Z', to: '2026-01-01T00:00:00.800Z' }, convention)).toBeUndefined()
    expect(toApiRange({ from: '2026-01-01T00:00:00.200Z', to: '2026-01-01T00:00:01.001Z' }, convention)).toEqual({
      start: '2026-01-01T00:00:01Z',
      end: '2026-01-01T00:00:01Z',
    })
  })

  it.each([
    [hour, {}, 'option "tick" is missing'],
    [hour, { tick: 'minute' }, 'option "tick" must be one of "second"'],
    [hour, { tick: 'second', end: 'open' }, 'option "end" must be one of "inclusive", "exclusive"'],
    [hour, { tick: 'second', format: 'unix' }, 'option "format" must be one of'],
    [
      { from: '2026-01-01T00:00:00', to: hour.to },
      { tick: 'second' },
      '"2026-01-01T00:00:00" is no ISO 8601 time with a zone',
    ],
  ])('refuses %o with %o', (range, convention, message) => {
    expect(() => toApiRange(range, convention as never)).toThrow(OptionError)
    expect(() => toApiRange(range, convention as never)).toThrow(message)
  })

  it('gives every row to exactly one of the ranges that meet, whatever the convention', () => {
    const boundary = fc.integer({ min: -3_000, max: 3_000 })
    const bound = fc.constantFrom('inclusive' as const, 'exclusive' as const)
    fc.assert(
      fc.property(
        fc.uniqueArray(boundary, { minLength: 2, maxLength: 6 }),
        fc.constantFrom(...ticks),
        bound,
        bound,
        fc.array(fc.bigInt({ min: -3_000_000_000n, max: 3_000_000_000n }), { maxLength: 20 }),
        (times, tick, start, end, rows) => {
          const size = nanoseconds[tick]
          const cuts = times.sort((a, b) => a - b)
          const edges = cuts.flatMap((cut) => [-1n, 0n, 1n].map((by) => BigInt(cut) * 1_000_000n + by * size))
          // A source keeps whole ticks only.
          const stored = [...rows, ...edges].map((row) => row - (((row % size) + size) % size))
          const ranges = cuts.slice(1).map((to, index) => {
            const range = { from: new Date(cuts[index] as number).toISOString(), to: new Date(to).toISOString() }
            return toApiRange(range, { tick, start, end, format: 'epoch' })
          })
          for (const row of stored) {
            const answeredBy = ranges.filter((range) => {
              if (range === undefined) return false
              const [low, high] = [BigInt(range.start) * size, BigInt(range.end) * size]
              expect(low <= high).toBe(true)
              return (
                (start === 'inclusive' ? row >= low : row > low) && (end === 'inclusive' ? row <= high : row < high)
              )
            })
            const isInside =
              row >= BigInt(cuts[0] as number) * 1_000_000n && row < BigInt(cuts.at(-1) as number) * 1_000_000n
            expect(answeredBy).toHaveLength(isInside ? 1 : 0)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('writes the same instant in both formats', () => {
    const time = fc.integer({ min: -1e13, max: 1e13 })
    fc.assert(
      fc.property(
        time,
        fc.constantFrom(...ticks),
        fc.constantFrom('inclusive' as const, 'exclusive' as const),
        (from, tick, start) => {
          const range = { from: new Date(from).toISOString(), to: new Date(from + 5_000).toISOString() }
          const iso = toApiRange(range, { tick, start })?.start as string
          const [, seconds = '', fraction = ''] = /^(.+?:\d\d:\d\d)(?:\.(\d+))?Z$/.exec(iso) ?? []
          const nanos = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
          expect(nanos).toBe(
            BigInt(toApiRange(range, { tick, start, format: 'epoch' })?.start as string) * nanoseconds[tick],
          )
        },
      ),
      { numRuns: 200 },
    )
  })
})
