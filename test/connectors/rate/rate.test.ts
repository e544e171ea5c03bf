import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RateOptions } from '../../../src/connectors/rate/options.ts'
import { rate } from '../../../src/connectors/rate/source.ts'
import { OptionError } from '../../../src/errors.ts'
import { canonicalOffset } from '../../../src/offset.ts'
import { readAllAvailable } from '../../../src/source.ts'
import { batchOf, contextOf, now, readBatchNow, readNow } from '../drive.ts'

const epoch = Date.UTC(2024, 0, 1)

function clockAt(time: number) {
  const clock = { time, now: () => clock.time }
  return clock
}

describe('rows by the clock', () => {
  test('a row can be read from its timestamp on, the first one at once', () => {
    const clock = clockAt(epoch)
    const reader = rate({ rowsPerSecond: 2, now: clock.now }).streamReader()
    const initial = now(reader.initialOffset)
    expect(initial).toEqual({ offset: 0, startTime: epoch })

    const first = readBatchNow(reader, initial)
    expect(first.rows).toEqual([[{ value: 0, timestamp: new Date(epoch) }]])

    clock.time += 499
    expect(readBatchNow(reader, first.end).partitions).toEqual([])
    clock.time += 501
    expect(readBatchNow(reader, first.end).rows).toEqual([
      [
        { value: 1, timestamp: new Date(epoch + 500) },
        { value: 2, timestamp: new Date(epoch + 1_000) },
      ],
    ])
  })

  test('all rows up to now are there and none of later', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat(100_000), (rowsPerSecond, elapsed) => {
        const reader = rate({ rowsPerSecond, startTime: epoch, now: () => epoch + elapsed }).streamReader()
        const { offset } = now(() => reader.latestOffset({ offset: 0, startTime: epoch }, readAllAvailable))
        const [last, next] = readNow(reader, { from: offset - 1, to: offset + 1, startTime: epoch })
        expect(last?.timestamp.getTime()).toBeLessThanOrEqual(epoch + elapsed)
        expect(next?.timestamp.getTime()).toBeGreaterThan(epoch + elapsed)
      }),
      { numRuns: 300 },
    )
  })

  test('a clock that goes back or a start in the future makes no rows', () => {
    const clock = clockAt(epoch + 10_000)
    const reader = rate({ now: clock.now }).streamReader()
    const { end } = readBatchNow(reader, { offset: 0, startTime: epoch })
    clock.time = epoch - 5_000
    expect(readBatchNow(reader, end).end).toEqual(end)
    expect(readBatchNow(reader, { offset: 0, startTime: epoch }).end).toEqual({ offset: 0, startTime: epoch })
  })

  test('a fraction of a row a second', () => {
    const reader = rate({ rowsPerSecond: 0.1, now: () => epoch + 20_000 }).streamReader()
    const { rows } = readBatchNow(reader, { offset: 0, startTime: epoch })
    expect(rows.flat().map((row) => row.timestamp.getTime() - epoch)).toEqual([0, 10_000, 20_000])
  })
})

describe('the calling protocol', () => {
  test('respects maxRows', () => {
    const reader = rate({ rowsPerSecond: 1_000, now: () => epoch + 60_000 }).streamReader()
    expect(readBatchNow(reader, { offset: 5, startTime: epoch }, { maxRows: 10 }).end).toEqual({
      offset: 15,
      startTime: epoch,
    })
  })

  test('a restarted query goes on with the start time of its offset', () => {
    const clock = clockAt(epoch)
    const { end } = readBatchNow(rate({ now: clock.now }).streamReader(), { offset: 0, startTime: epoch })
    clock.time += 3_000
    const later = readBatchNow(rate({ now: clock.now }).streamReader(), end)
    expect(later.rows.flat().map((row) => row.value)).toEqual([1, 2, 3])
    expect(later.rows.flat()[0]?.timestamp).toEqual(new Date(epoch + 1_000))
  })

  test('any tiling gives each row once, and a replay gives the same rows', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.nat(5_000), fc.integer({ min: 1, max: 7 }), (from, count, partitions) => {
        const reader = rate({ rowsPerSecond: 7, partitions }).streamReader()
        const slices = now(() =>
          reader.partitions({ offset: from, startTime: epoch }, { offset: from + count, startTime: epoch }),
        )
        const rows = slices.flatMap((slice) => readNow(reader, slice))
        expect(rows.map((row) => row.value)).toEqual(Array.from({ length: count }, (_, i) => from + i))
        const planned = JSON.parse(JSON.stringify(slices)) as typeof slices
        expect(planned.flatMap((slice) => readNow(rate({ rowsPerSecond: 7 }).streamReader(), slice))).toEqual(rows)
      }),
      { numRuns: 30 },
    )
  })

  test('chunks of at most 1,000 rows are made one at a time', () => {
    const reader = rate({ rowsPerSecond: 1_000_000 }).streamReader()
    const chunks = reader.read({ from: 0, to: 2 ** 50, startTime: epoch }, contextOf(batchOf(0), 0)) as Iterable<
      readonly object[]
    >
    const iterator = chunks[Symbol.iterator]()
    expect(iterator.next().value).toHaveLength(1_000)
    expect(iterator.next().value?.[0]).toMatchObject({ value: 1_000 })
  })

  test('compare, distance and an offset that the log can hold', () => {
    const reader = rate({ now: () => epoch + 0.75 }).streamReader()
    const initial = now(reader.initialOffset)
    expect(canonicalOffset(initial, 'rate')).toBe(`{"offset":0,"startTime":${epoch}}`)
    expect(reader.compare?.(initial, { ...initial, offset: 3 })).toBeLessThan(0)
    expect(reader.distance?.(initial, { ...initial, offset: 3 })).toBe(3)
  })

  test('the head is reported where the start time is known', () => {
    const reader = rate({ startTime: new Date(epoch), now: () => epoch + 2_000 }).streamReader()
    expect(now(() => reader.reportLatestOffset?.())).toEqual({ offset: 3, startTime: epoch })
    expect(rate().streamReader()).not.toHaveProperty('reportLatestOffset')
    expect(rate({ startTime: epoch, rowsPerBatch: 5 }).streamReader()).not.toHaveProperty('reportLatestOffset')
  })
})

test('rowsPerBatch gives batches of one size whatever the clock says', () => {
  const reader = rate({ rowsPerBatch: 4, rowsPerSecond: 2, startTime: 0, now: () => -1 }).streamReader()
  const first = readBatchNow(reader, now(reader.initialOffset))
  expect(first.rows.flat().map((row) => row.timestamp.getTime())).toEqual([0, 500, 1_000, 1_500])
  expect(readBatchNow(reader, first.end).end.offset).toBe(8)
  expect(readBatchNow(reader, first.end, { maxRows: 3 }).end.offset).toBe(7)
})

describe('options', () => {
  test.each([
    [{ rowsPerSecond: 0 }, 'rowsPerSecond'],
    [{ rowsPerSecond: Infinity }, 'rowsPerSecond'],
    [{ partitions: 1.5 }, 'partitions'],
    [{ startTime: new Date(Number.NaN) }, 'startTime'],
    [{ rowsPerBatch: 0 }, 'rowsPerBatch'],
    [{ rowPerSecond: 1 }, 'did you mean "rowsPerSecond"'],
  ])('%o is refused at the call', (options, message) => {
    expect(() => rate(options as RateOptions)).toThrow(OptionError)
    expect(() => rate(options as RateOptions)).toThrow(message)
  })

  test('another start time than the one the query began with is refused, not ignored', () => {
    const reader = rate({ startTime: epoch + 1 }).streamReader()
    expect(() => readBatchNow(reader, { offset: 7, startTime: epoch })).toThrow(OptionError)
  })
})
