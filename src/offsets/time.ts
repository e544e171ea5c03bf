import { asyncScheduler, map, type Observable } from 'rxjs'
import { type Duration, durationMs, durationRule, positiveDurationRule } from '../duration.ts'
import { OffsetError, OptionError } from '../errors.ts'
import { epochMs, type Instant, isoText } from '../instant.ts'
import { type OptionRule, required, rules, validateOptions } from '../options.ts'
import { byDuration, type Range } from '../partition.ts'
import type { Result } from '../result.ts'
import { ask, type Positions } from './positions.ts'

/** ISO 8601 text in UTC: rows at this time are not yet read. */
export type TimeOffset = { readonly time: string }

/** Options of {@link timeOffset}. */
export interface TimeOptions<Args extends readonly unknown[]> {
  /** The time a new query begins at; `'latest'`: where it then would end. */
  readonly from: Instant | 'latest'
  /**
   * How long after its own time a row may still appear. A row that takes longer is never read, so there is no default that is safe;
   * 0 is right only where rows appear in the order of their times.
   */
  readonly safetyLag: Duration
  /** Batches end at multiples of this. Make it a multiple of the source's own tick. @default '1 second' */
  readonly granularity?: Duration
  /** The most time one batch covers, at least the granularity. @default no bound */
  readonly maxWindow?: Duration
  /** The most time one partition covers. @default the whole batch */
  readonly partitionDuration?: Duration
  /** What time it is at the source. @default this machine's clock */
  readonly head?: (...args: Args) => Result<Instant>
}

const fromRule: OptionRule = {
  expected: '"latest", a Date, whole milliseconds since the epoch, or ISO 8601 text with a zone',
  accepts: (value) => value === 'latest' || epochMs(value) !== undefined,
}

/**
 * Positions of a source that is asked by time: `{ time: '2026-01-01T00:00:00.000Z' }`. A batch ends at the head minus the safety lag, rounded down,
 * and never before its start, also when the clock went back.
 *
 * Limits of rows, bytes and files are not known to a clock: `maxWindow` is what bounds a batch.
 * For an API whose ranges aren't half-open see `toApiRange`.
 * @returns partitions `{ from, to }`, half-open.
 * @throws OptionError
 */
export function timeOffset<Args extends readonly unknown[] = []>(options: TimeOptions<Args>) {
  const owner = 'timeOffset'
  validateOptions(owner, options, {
    from: required(fromRule),
    safetyLag: required(durationRule),
    granularity: positiveDurationRule,
    maxWindow: positiveDurationRule,
    partitionDuration: positiveDurationRule,
    head: rules.function,
  })
  const { from, maxWindow, partitionDuration, head = () => asyncScheduler.now() } = options
  const lagMs = durationMs(options.safetyLag, owner, 'safetyLag')
  const tickMs = durationMs(options.granularity ?? '1 second', owner, 'granularity')
  const windowMs = maxWindow === undefined ? Infinity : durationMs(maxWindow, owner, 'maxWindow')
  if (windowMs < tickMs) {
    throw new OptionError(
      `${owner}: option "maxWindow" must not be less than "granularity", and they are ${windowMs} ms and ${tickMs} ms`,
    )
  }

  const settledMs = (args: Args): Observable<number> =>
    ask(`head of ${owner}`, () => head(...args), 'a time', epochMs).pipe(map((now) => floor(now - lagMs, tickMs)))
  const reportLatestOffset = (...args: Args): Observable<TimeOffset> => settledMs(args).pipe(map(toOffset))
  return {
    initialOffset: (...args: Args) =>
      from === 'latest' ? reportLatestOffset(...args) : toOffset(epochMs(from) as number),
    latestOffset: (start, _limit, ...args) =>
      settledMs(args).pipe(
        map((settled) => {
          const startMs = toMs(start)
          return toOffset(Math.max(startMs, Math.min(settled, floor(startMs + windowMs, tickMs))))
        }),
      ),
    partitions: (start, end) =>
      byDuration(start.time, end.time, partitionDuration ?? Math.max(1, toMs(end) - toMs(start))),
    compare: (a, b) => toMs(a) - toMs(b),
    reportLatestOffset,
  } satisfies Positions<TimeOffset, Range<string>, Args>
}

function floor(ms: number, tickMs: number): number {
  return Math.floor(ms / tickMs) * tickMs
}

function toOffset(ms: number): TimeOffset {
  return { time: isoText(ms) }
}

function toMs(offset: TimeOffset): number {
  const ms = epochMs(offset.time)
  if (ms === undefined)
    throw new OffsetError(`timeOffset: time must be ISO 8601 text, and it is ${String(offset.time)}`)
  return ms
}
