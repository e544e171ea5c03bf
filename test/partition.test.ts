import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { OptionError } from '../src/errors.ts'
import { byDuration, byIdRange, byList, type Cut, type Range } from '../src/partition.ts'

const maxId = Number.MAX_SAFE_INTEGER
const maxTime = 8.64e15

/** Slices that begin at `from`, end at `to`, meet each other and are not empty: no gap, no overlap. */
function expectTiling<Bound>(
  slices: readonly Range<Bound>[],
  from: Bound,
  to: Bound,
  size: (slice: Range<Bound>) => bigint,
) {
  expect(slices.map((slice) => slice.to).at(-1) ?? from).toBe(to)
  expect(slices.map((slice) => slice.from)).toEqual([from, ...slices.map((slice) => slice.to)].slice(0, slices.length))
  for (const slice of slices) expect(size(slice)).toBeGreaterThan(0n)
}

const idSize = ({ from, to }: Range<number | string>) => BigInt(to) - BigInt(from)
const timeSize = ({ from, to }: Range<string>) => BigInt(Date.parse(to) - Date.parse(from))

const cut: fc.Arbitrary<Cut> = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.record({ size: fc.integer({ min: 1, max: 50 }) }),
)

describe('byIdRange', () => {
  it('cuts into slices of one size, rounded up, and leaves out empty ones', () => {
    expect(byIdRange(0, 10, 3)).toEqual([
      { from: 0, to: 4 },
      { from: 4, to: 8 },
      { from: 8, to: 10 },
    ])
    expect(byIdRange(0, 5, 4)).toEqual([
      { from: 0, to: 2 },
      { from: 2, to: 4 },
      { from: 4, to: 5 },
    ])
    expect(byIdRange(3, 8, { size: 2 })).toEqual([
      { from: 3, to: 5 },
      { from: 5, to: 7 },
      { from: 7, to: 8 },
    ])
  })

  it('has the row with the greatest id in its last slice', () => {
    const [min, max] = [17, 1_003]
    const read = byIdRange(min, max + 1, 8).flatMap(({ from, to }) =>
      Array.from({ length: to - from }, (_, n) => from + n),
    )
    expect(read).toEqual(Array.from({ length: max - min + 1 }, (_, n) => min + n))
  })

  it('is empty for an empty range', () => {
    expect(byIdRange(7, 7, 8)).toEqual([])
    expect(byIdRange(0n, 0n, { size: 3 })).toEqual([])
  })

  it('has one slice for one element, and one each when more are asked for than there are', () => {
    expect(byIdRange(7, 8, 8)).toEqual([{ from: 7, to: 8 }])
    expect(byIdRange(0, 3, 8)).toHaveLength(3)
  })

  it('reaches the greatest numbers exactly', () => {
    expect(byIdRange(maxId - 3, maxId, 2)).toEqual([
      { from: maxId - 3, to: maxId - 1 },
      { from: maxId - 1, to: maxId },
    ])
    const whole = byIdRange(-maxId, maxId, 7)
    expect(whole).toHaveLength(7)
    expectTiling<number>(whole, -maxId, maxId, idSize)
  })

  it('gives texts for bigints, which survive the log', () => {
    const slices = byIdRange(0n, 2n ** 63n - 1n, 3)
    expect(slices).toHaveLength(3)
    expect(JSON.parse(JSON.stringify(slices))).toEqual(slices)
    expect(slices.at(-1)?.to).toBe('9223372036854775807')
  })

  it('tiles any range of numbers', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.nat(100), cut, (min, length, how) => {
        const max = Math.min(min + length, maxId)
        const slices = byIdRange(min, max, how)
        expectTiling<number>(slices, min, max, idSize)
        if (typeof how === 'number') expect(slices.length).toBeLessThanOrEqual(how)
        else for (const slice of slices) expect(idSize(slice)).toBeLessThanOrEqual(BigInt(how.size))
      }),
      { numRuns: 300 },
    )
  })

  it('tiles any range of bigints, in slices of nearly one size', () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.bigInt({ min: 0n, max: 2n ** 70n }),
        fc.integer({ min: 1, max: 100 }),
        (min, length, count) => {
          const slices = byIdRange(min, min + length, count)
          expectTiling<string>(slices, `${min}`, `${min + length}`, idSize)
          expect(new Set(slices.slice(0, -1).map(idSize)).size).toBeLessThanOrEqual(1)
        },
      ),
      { numRuns: 200 },
    )
  })

  it.each([
    [() => byIdRange(5, 4, 1), 'byIdRange: the range ends before it starts, by 1'],
    [() => byIdRange(0.5, 4, 1), 'option "min" must be a safe integer or a bigint, and it is 0.5'],
    [() => byIdRange(0, 2 ** 53, 1), 'option "maxExclusive" must be'],
    [() => byIdRange(0, 4, 0), 'option "cut" must be a positive integer'],
    [() => byIdRange(0, 4, 1.5), 'option "cut" must be'],
    [() => byIdRange(0, 4, { size: 0 }), 'option "cut" must be'],
    [() => byIdRange(0, 4, { size: 1, count: 2 } as Cut), 'option "cut" must be'],
    [() => byIdRange(0, 4, '4' as unknown as number), 'and it is "4"'],
    [() => byIdRange(0, 4n as unknown as number, 1), 'must both be numbers or both bigints'],
    [() => byIdRange(0, 4, undefined as unknown as number), 'option "cut" is missing'],
    [() => byIdRange(0, maxId, { size: 1 }), 'these would be 9007199254740991 slices; at most 1000000 are made'],
  ])('refuses %s', (call, message) => {
    expect(call).toThrow(OptionError)
    expect(call).toThrow(message)
  })
})

describe('byDuration', () => {
  const start = '2026-01-01T00:00:00.000Z'

  it('cuts into windows aligned to the start, the last one shorter', () => {
    expect(byDuration('2026-01-01T00:20:00Z', '2026-01-01T02:00:00+00:00', '45 minutes')).toEqual([
      { from: '2026-01-01T00:20:00.000Z', to: '2026-01-01T01:05:00.000Z' },
      { from: '2026-01-01T01:05:00.000Z', to: '2026-01-01T01:50:00.000Z' },
      { from: '2026-01-01T01:50:00.000Z', to: '2026-01-01T02:00:00.000Z' },
    ])
  })

  it('takes dates, milliseconds and texts alike', () => {
    const [from, to] = [Date.parse(start), Date.parse(start) + 7_000]
    const expected = byDuration(from, to, 5_000)
    expect(expected).toHaveLength(2)
    expect(byDuration(new Date(from), new Date(to), '5s')).toEqual(expected)
    expect(byDuration('2026-01-01', '2026-01-01T01:00:07+0100', '5s')).toEqual(expected)
  })

  it('is empty for an empty range: no window the wrong way round', () => {
    expect(byDuration(start, start, '1 hour')).toEqual([])
  })

  it('has one window for one millisecond, and reaches the ends of the calendar', () => {
    expect(byDuration(0, 1, '1 week')).toEqual([{ from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T00:00:00.001Z' }])
    expectTiling(
      byDuration(-maxTime, maxTime, 1e12),
      '-271821-04-20T00:00:00.000Z',
      '+275760-09-13T00:00:00.000Z',
      timeSize,
    )
  })

  it('tiles any range', () => {
    const time = fc.integer({ min: -maxTime, max: maxTime })
    fc.assert(
      fc.property(time, fc.nat(5_000), fc.integer({ min: 1, max: 6_000 }), (first, length, size) => {
        const last = Math.min(first + length, maxTime)
        const windows = byDuration(first, last, size)
        expectTiling(windows, new Date(first).toISOString(), new Date(last).toISOString(), timeSize)
        for (const window of windows.slice(0, -1)) expect(timeSize(window)).toBe(BigInt(size))
      }),
      { numRuns: 100 },
    )
  })

  it.each([
    [() => byDuration(1, 0, 1), 'byDuration: the range ends before it starts, by 1'],
    [() => byDuration('2026-01-01T00:00:00', start, 1), 'and it is "2026-01-01T00:00:00"'],
    [() => byDuration('2026-02-30', start, 1), 'and it is "2026-02-30"'],
    [() => byDuration('2026-01-01T00:00:00.1234567Z', start, 1), 'option "start" must be a Date'],
    [() => byDuration('yesterday', start, 1), 'and it is "yesterday"'],
    [() => byDuration(start, new Date(NaN), 1), 'option "end" must be a Date'],
    [() => byDuration(start, maxTime + 1, 1), 'option "end" must be a Date'],
    [() => byDuration(0, 1, 0), 'option "duration" must be more than 0'],
    [() => byDuration(0, 1, '1 month'), 'and it is "1 month"'],
    [() => byDuration(0, maxTime, 1), 'slices; at most 1000000 are made'],
  ])('refuses %s', (call, message) => {
    expect(call).toThrow(OptionError)
    expect(call).toThrow(message)
  })

  it.each(['2024-02-29', '0000-02-29', '2000-02-29', '+012000-02-29'])('knows the leap day %s', (day) => {
    expect(byDuration(day, day, 1)).toEqual([])
  })

  it.each(['2025-02-29', '1900-02-29', '2026-13-01', '2026-00-10', '2026-01-00'])(
    'knows that there is no %s',
    (day) => {
      expect(() => byDuration(day, day, 1)).toThrow(OptionError)
    },
  )
})

describe('byList', () => {
  it('gives a slice for each item', () => {
    const stations = [{ id: 'a' }, { id: 'b' }]
    expect(byList(stations)).toEqual(stations)
    expect(byList([])).toEqual([])
  })

  it('is a list of its own', () => {
    const items = ['a']
    const slices = byList(items)
    items.push('b')
    expect(slices).toEqual(['a'])
  })

  it('gives runs of items, every item in exactly one', () => {
    expect(byList(['a', 'b', 'c', 'd', 'e'], 2)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ])
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 50 }), cut, (items, how) => {
        const runs = byList(items, how)
        expect(runs.flat()).toEqual(items)
        for (const run of runs) expect(run.length).toBeGreaterThan(0)
      }),
      { numRuns: 200 },
    )
  })

  it.each([
    [() => byList('abc' as unknown as string[]), 'option "items" must be an array'],
    [() => byList(['a', 'b', 'a']), 'byList: item 2 is in the list twice: "a"'],
    [
      () =>
        byList([
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ]),
      'item 1 is in the list twice',
    ],
    [() => byList([new Date(0)]), 'item 0 does not survive JSON'],
    [() => byList([1, NaN]), 'item 1 does not survive JSON'],
    [() => byList([{ a: undefined }]), 'does not survive JSON'],
    [() => byList([1n]), 'does not survive JSON'],
    [() => byList([undefined]), 'does not survive JSON'],
    [() => byList(['a'], 0), 'option "cut" must be'],
  ])('refuses %s', (call, message) => {
    expect(call).toThrow(OptionError)
    expect(call).toThrow(message)
  })
})
