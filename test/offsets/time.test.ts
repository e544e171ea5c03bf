import fc from 'fast-check'
import { TestScheduler } from 'rxjs/testing'
import { describe, expect, it } from 'vitest'
import { OffsetError, OptionError, PortError } from '../../src/errors.ts'
import { timeOffset } from '../../src/offsets/time.ts'
import { readAllAvailable, type StreamReader } from '../../src/source.ts'
import { answer } from './answer.ts'

const at = (time: string | number) => ({ time: new Date(time).toISOString() })
const noon = '2026-01-01T12:00:00Z'

describe('timeOffset', () => {
  it('completes a reader', () => {
    const reader: StreamReader<
      { readonly time: string },
      { readonly from: string; readonly to: string },
      { at: string }
    > = {
      ...timeOffset({ from: '2026-01-01', safetyLag: '1 minute', partitionDuration: '6 hours', head: () => noon }),
      *read({ from }) {
        yield [{ at: from }]
      },
    }
    expect(answer(reader.initialOffset())).toEqual({ time: '2026-01-01T00:00:00.000Z' })
    const end = answer(reader.latestOffset(at('2026-01-01'), readAllAvailable))
    expect(end).toEqual({ time: '2026-01-01T11:59:00.000Z' })
    expect(answer(reader.partitions(at('2026-01-01'), end))).toEqual([
      { from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T06:00:00.000Z' },
      { from: '2026-01-01T06:00:00.000Z', to: '2026-01-01T11:59:00.000Z' },
    ])
  })

  it('ends at the head minus the lag, rounded down', () => {
    const end = (head: string, granularity?: string) =>
      answer(
        timeOffset({
          from: 0,
          safetyLag: '90s',
          ...(granularity && { granularity }),
          head: () => head,
        }).reportLatestOffset(),
      ).time
    expect(end('2026-01-01T12:00:00.999Z')).toBe('2026-01-01T11:58:30.000Z')
    expect(end('2026-01-01T12:00:00.999Z', '1 minute')).toBe('2026-01-01T11:58:00.000Z')
    expect(end('2026-01-01T12:00:00.999Z', '1ms')).toBe('2026-01-01T11:58:30.999Z')
    expect(end('1970-01-01T00:00:00.500Z')).toBe('1969-12-31T23:58:30.000Z')
  })

  it('begins where a batch would end, with "latest"', () => {
    const positions = timeOffset({ from: 'latest', safetyLag: 1_500, head: () => new Date(noon) })
    expect(answer(positions.initialOffset())).toEqual(at('2026-01-01T11:59:58Z'))
  })

  it('begins exactly where it is told, also between two ticks', () => {
    const positions = timeOffset({ from: '2026-01-01T00:00:00.7Z', safetyLag: 0, head: () => '2026-01-01T00:00:02.9Z' })
    const start = answer(positions.initialOffset())
    expect(start).toEqual({ time: '2026-01-01T00:00:00.700Z' })
    expect(answer(positions.latestOffset(start, readAllAvailable))).toEqual(at('2026-01-01T00:00:02Z'))
  })

  it('stays at its start when the clock went back, and while the lag lasts', () => {
    const { latestOffset } = timeOffset({ from: 0, safetyLag: '1 minute', head: () => noon })
    expect(answer(latestOffset(at('2026-01-01T12:30:00Z'), readAllAvailable))).toEqual(at('2026-01-01T12:30:00Z'))
    expect(answer(latestOffset(at('2026-01-01T11:59:00.400Z'), readAllAvailable))).toEqual(
      at('2026-01-01T11:59:00.400Z'),
    )
  })

  it('covers at most maxWindow', () => {
    const { latestOffset } = timeOffset({
      from: 0,
      safetyLag: 0,
      maxWindow: '1 hour',
      granularity: '1 hour',
      head: () => noon,
    })
    expect(answer(latestOffset(at('2026-01-01T00:00:00Z'), readAllAvailable))).toEqual(at('2026-01-01T01:00:00Z'))
    expect(answer(latestOffset(at('2026-01-01T00:20:00Z'), readAllAvailable))).toEqual(at('2026-01-01T01:00:00Z'))
    expect(answer(latestOffset(at('2026-01-01T11:00:00Z'), readAllAvailable))).toEqual(at(noon))
  })

  it('goes by the clock of the schedulers when no head is given', () => {
    const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
    const ends = scheduler.run(({ cold, flush }) => {
      const { reportLatestOffset } = timeOffset({ from: 0, safetyLag: 2, granularity: 1 })
      const seen: unknown[] = []
      cold('-----a---b|').subscribe(() => seen.push(answer(reportLatestOffset())))
      flush()
      return seen
    })
    expect(ends).toEqual([at(3), at(7)])
  })

  it('has no partition for an empty range', () => {
    const { partitions } = timeOffset({ from: 0, safetyLag: 0 })
    expect(partitions(at(noon), at(noon))).toEqual([])
    expect(partitions(at(0), at(1))).toEqual([{ from: at(0).time, to: at(1).time }])
  })

  it('compares times, not texts', () => {
    const { compare } = timeOffset({ from: 0, safetyLag: 0 })
    expect(compare({ time: '2026-01-01T00:00:00Z' }, { time: '2026-01-01T01:00:00.000+01:00' })).toBe(0)
    expect(compare({ time: '2026-01-01T00:00:00Z' }, { time: '2026-01-01T00:00:00.5Z' })).toBeLessThan(0)
    expect(() => compare({ time: 'x' }, at(0))).toThrow(OffsetError)
  })

  it.each(['yesterday', NaN, '2026-01-01T00:00:00', undefined])('refuses the head %o', (head) => {
    const { reportLatestOffset } = timeOffset({ from: 0, safetyLag: 0, head: () => head as string })
    expect(() => answer(reportLatestOffset())).toThrow(PortError)
    expect(() => answer(reportLatestOffset())).toThrow(`must answer with a time, and it answered ${head}`)
  })

  it.each([
    [{ safetyLag: 0 }, 'option "from" is missing'],
    [{ from: 'now', safetyLag: 0 }, 'option "from" must be "latest", a Date'],
    [{ from: 0 }, 'option "safetyLag" is missing'],
    [{ from: 0, safetyLag: '1 month' }, 'and it is "1 month"'],
    [{ from: 0, safetyLag: 0, granularity: 0 }, 'option "granularity" must be more than 0'],
    [
      { from: 0, safetyLag: 0, maxWindow: 999 },
      '"maxWindow" must not be less than "granularity", and they are 999 ms and 1000 ms',
    ],
    [{ from: 0, safetyLag: 0, partitionDuration: 0 }, 'option "partitionDuration" must be more than 0'],
  ])('refuses %o', (options, message) => {
    expect(() => timeOffset(options as never)).toThrow(OptionError)
    expect(() => timeOffset(options as never)).toThrow(message)
  })

  it('leaves no gap and repeats nothing, whatever the clock does', () => {
    const small = fc.integer({ min: 1, max: 50 })
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -500, max: 3_000 }), { maxLength: 20 }),
        fc.integer({ min: -200, max: 500 }),
        fc.record({ safetyLag: fc.nat(100), granularity: small, extra: fc.nat(400), partitionDuration: small }),
        (clock, from, { safetyLag, granularity, extra, partitionDuration }) => {
          let head = 0
          const maxWindow = granularity + extra
          const positions = timeOffset({ from, safetyLag, granularity, maxWindow, partitionDuration, head: () => head })
          let start = answer(positions.initialOffset())
          let covered = from
          for (head of clock) {
            const end = answer(positions.latestOffset(start, readAllAvailable))
            expect(answer(positions.latestOffset(start, readAllAvailable))).toEqual(end)
            for (const partition of positions.partitions(start, end)) {
              expect(Date.parse(partition.from)).toBe(covered)
              covered = Date.parse(partition.to)
              expect(covered).toBeGreaterThan(Date.parse(partition.from))
            }
            expect(covered).toBe(Date.parse(end.time))
            if (end.time !== start.time) {
              expect(Math.abs(covered % granularity)).toBe(0)
              expect(covered).toBeLessThanOrEqual(head - safetyLag)
              expect(covered - Date.parse(start.time)).toBeLessThanOrEqual(maxWindow)
            } else expect(Math.floor((head - safetyLag) / granularity) * granularity).toBeLessThanOrEqual(covered)
            start = end
          }
        },
      ),
      { numRuns: 200 },
    )
  })
})
