import { OptionError } from '../errors.ts'
import { epochMs, isoText } from '../instant.ts'
import { oneOf, required, validateOptions } from '../options.ts'
import type { Range } from '../partition.ts'

/** What the times of a source are whole numbers of. `100 nanoseconds` is what Kusto and .NET count. */
export type Tick = 'second' | 'millisecond' | 'microsecond' | '100 nanoseconds' | 'nanosecond'

/** How an API reads the two ends of a range of times. */
export interface RangeConvention {
  readonly tick: Tick
  /** @default 'inclusive' */
  readonly start?: 'inclusive' | 'exclusive'
  /** @default 'exclusive' */
  readonly end?: 'inclusive' | 'exclusive'
  /** `iso`: ISO 8601 in UTC with the digits of the tick; `epoch`: ticks since 1970, as decimal text. @default 'iso' */
  readonly format?: 'iso' | 'epoch'
}

const fractionDigits: Readonly<Record<Tick, number>> = {
  second: 0,
  millisecond: 3,
  microsecond: 6,
  '100 nanoseconds': 7,
  nanosecond: 9,
}

/**
 * The half-open range `[from, to)` in the words of an API with another convention, by whole ticks: ranges that meet here
 * (one's `to` is the next one's `from`) neither overlap nor leave a gap there.
 *
 * ```ts
 * toApiRange({ from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T01:00:00.000Z' }, { tick: '100 nanoseconds', end: 'inclusive' })
 * // { start: '2026-01-01T00:00:00.0000000Z', end: '2026-01-01T00:59:59.9999999Z' }
 * ```
 * @returns `undefined` when no tick lies in the range: there is nothing to ask for, and the API would be given an end before its start.
 * @throws OptionError
 */
export function toApiRange(
  { from, to }: Range<string>,
  convention: RangeConvention,
): { readonly start: string; readonly end: string } | undefined {
  const bound = oneOf('inclusive', 'exclusive')
  validateOptions('toApiRange', convention, {
    tick: required(oneOf(...Object.keys(fractionDigits))),
    start: bound,
    end: bound,
    format: oneOf('iso', 'epoch'),
  })
  const { tick, start = 'inclusive', end = 'exclusive', format = 'iso' } = convention
  const first = firstTick(from, tick)
  const next = firstTick(to, tick)
  if (first >= next) return undefined
  const text = (ticks: bigint): string => (format === 'epoch' ? `${ticks}` : tickText(ticks, tick))
  return { start: text(start === 'inclusive' ? first : first - 1n), end: text(end === 'exclusive' ? next : next - 1n) }
}

/** The first tick at or after a time, counted from the epoch. */
function firstTick(time: string, tick: Tick): bigint {
  const ms = epochMs(time)
  if (ms === undefined) throw new OptionError(`toApiRange: ${JSON.stringify(time)} is no ISO 8601 time with a zone`)
  return tick === 'second' ? BigInt(Math.ceil(ms / 1_000)) : BigInt(ms) * ticksPerMs(tick)
}

function tickText(ticks: bigint, tick: Tick): string {
  if (tick === 'second') return isoText(Number(ticks) * 1_000).replace('.000Z', 'Z')
  const perMs = ticksPerMs(tick)
  const part = ((ticks % perMs) + perMs) % perMs
  const digits = fractionDigits[tick] - 3
  const fraction = digits === 0 ? '' : `${part}`.padStart(digits, '0')
  return isoText(Number((ticks - part) / perMs)).replace('Z', `${fraction}Z`)
}

function ticksPerMs(tick: Tick): bigint {
  return 10n ** BigInt(fractionDigits[tick] - 3)
}
