import { forkJoin, map } from 'rxjs'
import { type Duration, durationMs, positiveDurationRule } from '../../../duration.ts'
import { OptionError, PortError } from '../../../errors.ts'
import { epochMs, isoText } from '../../../instant.ts'
import { type RangeConvention, toApiRange } from '../../../offsets/api-range.ts'
import { type TimeOffset, type TimeOptions, timeOffset } from '../../../offsets/time.ts'
import { type OptionRule, required, rules, validateOptions } from '../../../options.ts'
import type { Range } from '../../../partition.ts'
import { fromResult } from '../../../result.ts'
import { opaque, type Partitioning, refuseCursor } from './partitioning.ts'
import { placedRange, type RangePlacing, rangePlacingRule } from './placing.ts'
import { rowsInRange } from './range-guard.ts'
import { type Extract, rowsOf, type Slicing } from './slicing.ts'

/** Options of {@link byTime}; those of `timeOffset` say which windows there are. */
export interface TimeWindowOptions<Column extends string> extends TimeOptions<[]> {
  /** Where the API takes the two ends. */
  readonly params: RangePlacing<string>
  /** How the API reads them. @default whole milliseconds, the start inclusive, the end exclusive, ISO 8601 */
  readonly convention?: RangeConvention
  /** Whether an error says that a window has too many rows. @default status 413 */
  readonly tooLarge?: (error: unknown) => boolean
  /** The most rows that the API gives for a window, over all its pages: a window with so many is taken for one that has more, and halved. Its rows are held until it is complete. @default no cap */
  readonly cap?: number
  /** A window is halved down to this, at least the granularity. @default the granularity */
  readonly minWindow?: Duration
  /** The column of the time. With it a row outside of its window is an error: the API doesn't know the parameters, or means something else by them. */
  readonly field?: Column
}

/** A window, half-open; ISO 8601 in UTC. */
export type TimePartition = Range<string>

const windowRules = {
  params: required(rangePlacingRule),
  convention: rules.object,
  tooLarge: rules.function,
  cap: rules.positiveInteger,
  minWindow: positiveDurationRule,
  field: rules.string,
} as const satisfies Record<Exclude<keyof TimeWindowOptions<string>, keyof TimeOptions<[]>>, OptionRule>

/**
 * Cuts a source by windows of time. A window that turns out to be too large is halved while it is read, and its halves again, in their order: the plan stays as it is.
 *
 * @throws OptionError
 */
export function byTime<const Column extends string = never>(
  options: TimeWindowOptions<Column>,
): Partitioning<NoInfer<Column>, true> {
  const owner = 'byTime'
  const { params, convention = { tick: 'millisecond' }, tooLarge, cap, minWindow, field, ...times } = options
  validateOptions(owner, { params, convention, tooLarge, cap, minWindow, field }, windowRules)
  const granule = durationMs(times.granularity ?? '1 second', owner, 'granularity')
  const least = minWindow === undefined ? granule : durationMs(minWindow, owner, 'minWindow')
  if (least < granule)
    throw new OptionError(
      `${owner}: option "minWindow" must not be less than "granularity" (${granule} ms), and it is ${least} ms`,
    )
  timeOffset(times) // its mistakes are seen here, not at the first batch
  toApiRange({ from: isoText(0), to: isoText(0) }, convention)
  return {
    slice: (extract, cursor) => {
      refuseCursor(owner, cursor)
      return opaque(timeSlicing(owner, extract, { ...options, convention }, { granule, least }))
    },
  }
}

function timeSlicing<Row extends object>(
  owner: string,
  extract: Extract<Row>,
  options: TimeWindowOptions<string> & { readonly convention: RangeConvention },
  { granule, least }: { readonly granule: number; readonly least: number },
): Slicing<TimeOffset, TimePartition, Row> {
  const { params, convention, tooLarge = () => false, cap, field, minWindow, ...times } = options
  const positions = timeOffset({ head: extract.now, ...times })
  const guard = rowsInRange(owner, extract, field)
  const isTooLarge = (error: unknown): boolean => hasStatus(error, 413) || tooLarge(error)

  /** The rows of a window, or that it is too large to be asked for at once. */
  async function* window({ from, to }: TimePartition, signal: AbortSignal): AsyncGenerator<readonly Row[], unknown> {
    const asked = toApiRange({ from, to }, convention)
    if (asked === undefined) return undefined
    const request = placedRange(extract.request, params, { from: asked.start, to: asked.end })
    const rows = guard(rowsOf(extract, request, signal), { from: msOf(from), to: msOf(to) })
    const held: (readonly Row[])[] = []
    let count = 0
    try {
      for await (const chunk of rows) {
        count += chunk.length
        if (cap === undefined) yield chunk
        else if (count >= cap) return new PortError(`${owner}: the API gives ${cap} rows at most`)
        else held.push(chunk)
      }
    } catch (error) {
      if (!isTooLarge(error) || (cap === undefined && count > 0)) throw error
      return error
    }
    yield* held
    return undefined
  }

  async function* read({ from, to }: TimePartition, signal: AbortSignal): AsyncGenerator<readonly Row[]> {
    const tooMany = yield* window({ from, to }, signal)
    if (tooMany === undefined) return
    const [start, end] = [msOf(from), msOf(to)]
    const half = Math.floor((end - start) / 2 / granule) * granule
    if (half < least) {
      throw new PortError(
        `${owner}: the window from ${from} to ${to} is too large for the API, and its halves would be shorter than "minWindow" (${least} ms); make it shorter, or narrow the source otherwise`,
        { cause: tooMany },
      )
    }
    const middle = isoText(start + half)
    yield* read({ from, to: middle }, signal)
    yield* read({ from: middle, to }, signal)
  }

  return {
    stream: positions,
    all: () =>
      forkJoin([fromResult('initialOffset', () => positions.initialOffset()), positions.reportLatestOffset()]).pipe(
        map(([start, end]) => (positions.compare(start, end) < 0 ? positions.partitions(start, end) : [])),
      ),
    read,
  }
}

function msOf(time: string): number {
  return epochMs(time) as number
}

function hasStatus(error: unknown, status: number): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === status
}
