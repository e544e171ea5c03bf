import { OptionError } from '../../errors.ts'
import { byIdRange } from '../../partition.ts'
import { type RowOf, type Schema, schema } from '../../schema.ts'
import type { ReplayableReader } from '../../source.ts'
import { type RateOptions, type RateSettings, rateSettings } from './options.ts'

/** Column order as in Spark. `value` counts 0, 1, 2, …: a number for convenience, so its column is a double. */
const rateSchema = () => schema('timestamp timestamp not null, value double not null')

/** A row of {@link rate}. */
export type RateRow = RowOf<ReturnType<typeof rateSchema>>

/** Rows before `offset` were read; row 0 has the time `startTime` (milliseconds since 1970). */
export interface RateOffset {
  readonly offset: number
  readonly startTime: number
}

/** Rows `[from, to)`. */
export interface RatePartition {
  readonly from: number
  readonly to: number
  readonly startTime: number
}

const chunkRows = 1_000

/**
 * Rows that arise at a steady rate: row `k` is `{ value: k, timestamp: startTime + k / rowsPerSecond }` and can be read from that time on.
 *
 * The start time is part of the offset, so a restarted query goes on where it was, and a replay gives the same rows. Nothing is kept in
 * memory: a batch of any size is made chunk by chunk (1,000 rows) while it is read. A clock that goes back makes no rows and loses none.
 *
 * The head of the source (for lag) is reported where `startTime` was given; otherwise only an offset knows the start.
 *
 * @throws OptionError also later, at `latestOffset`, when `startTime` isn't the one that the query began with.
 */
export function rate(options: RateOptions = {}): {
  readonly name: 'rate'
  readonly schema: Schema<RateRow>
  readonly streamReader: () => ReplayableReader<RateOffset, RatePartition, RateRow>
} {
  const settings = rateSettings(options)
  return { name: 'rate', schema: rateSchema(), streamReader: () => rateReader(settings) }
}

function rateReader(settings: RateSettings): ReplayableReader<RateOffset, RatePartition, RateRow> {
  const { rowsPerSecond, partitions, rowsPerBatch, now } = settings
  // The number of rows whose timestamp, cut to milliseconds, is not after now.
  const rowsUntilNow = (startTime: number) => Math.max(0, Math.ceil(((now() - startTime + 1) * rowsPerSecond) / 1_000))
  const timeOf = (row: number, startTime: number) => new Date(startTime + Math.floor((row * 1_000) / rowsPerSecond))
  const head = (startTime: number): RateOffset => ({ offset: rowsUntilNow(startTime), startTime })

  return {
    initialOffset: () => ({ offset: 0, startTime: settings.startTime ?? Math.floor(now()) }),
    latestOffset: (start, { maxRows }) => {
      refuseOtherStart(settings, start)
      const available = rowsPerBatch === undefined ? rowsUntilNow(start.startTime) : start.offset + rowsPerBatch
      return { ...start, offset: Math.max(start.offset, Math.min(available, start.offset + maxRows)) }
    },
    partitions: (start, end) =>
      byIdRange(start.offset, end.offset, partitions).map((slice) => ({ ...slice, startTime: end.startTime })),
    *read({ from, to, startTime }) {
      for (let first = from; first < to; first += chunkRows) {
        const length = Math.min(chunkRows, to - first)
        yield Array.from({ length }, (_, i) => ({ timestamp: timeOf(first + i, startTime), value: first + i }))
      }
    },
    compare: (a, b) => a.offset - b.offset,
    distance: (from, to) => to.offset - from.offset,
    ...(settings.startTime === undefined || rowsPerBatch !== undefined
      ? {}
      : { reportLatestOffset: () => head(settings.startTime as number) }),
  }
}

function refuseOtherStart({ startTime }: RateSettings, start: RateOffset): void {
  if (startTime === undefined || startTime === start.startTime) return
  const [asked, begun] = [startTime, start.startTime].map((time) => new Date(time).toISOString())
  throw new OptionError(
    `rate: option "startTime" is ${asked}, and this query began with ${begun}; leave it out, or start a new query`,
  )
}
