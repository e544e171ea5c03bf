import { nodeUtil } from './builtins.ts'
import { type Duration, durationMs, positiveDurationRule } from './duration.ts'
import { OptionError } from './errors.ts'
import { epochMs, type Instant, isoText } from './instant.ts'
import { type OptionRule, required, rules, validateOptions } from './options.ts'

/** A half-open slice: `from` is in it, `to` is not. */
export interface Range<Bound> {
  readonly from: Bound
  readonly to: Bound
}

/** How a range is cut: into at most so many slices, or into slices of so many elements (the last may have fewer). */
export type Cut = number | { readonly size: number }

/** A plan is kept in memory and in the log: this many slices are a mistake in a unit. */
const maxSlices = 1_000_000

export const cutRule: OptionRule = {
  expected: 'a positive integer (how many slices) or { size: a positive integer }',
  accepts: (value) => {
    if (typeof value !== 'object' || value === null) return rules.positiveInteger.accepts(value)
    return 'size' in value && rules.positiveInteger.accepts(value.size) && Object.keys(value).length === 1
  },
}

const instantRule: OptionRule = {
  expected: 'a Date, whole milliseconds since the epoch, or ISO 8601 text with a zone and at most milliseconds',
  accepts: (value) => epochMs(value) !== undefined,
}

const idRule: OptionRule = {
  expected: 'a safe integer or a bigint',
  accepts: (value) => typeof value === 'bigint' || Number.isSafeInteger(value),
}

/**
 * Cuts `[start, end)` into windows of one length, aligned to `start`; the last may be shorter. `[]` when start equals end.
 * @returns ISO 8601 texts in UTC.
 * @throws OptionError for a start after the end, and for what is no time or duration.
 */
export function byDuration(start: Instant, end: Instant, duration: Duration): readonly Range<string>[] {
  validateOptions(
    'byDuration',
    { start, end, duration },
    { start: required(instantRule), end: required(instantRule), duration: required(positiveDurationRule) },
  )
  const size = durationMs(duration, 'byDuration', 'duration')
  const slices = tile('byDuration', BigInt(epochMs(start) as number), BigInt(epochMs(end) as number), BigInt(size))
  return slices.map(({ from, to }) => ({ from: isoText(Number(from)), to: isoText(Number(to)) }))
}

/**
 * Cuts the ids `[min, maxExclusive)` into slices of one size (rounded up), without empty ones: there may be fewer than asked for.
 * With the greatest id that exists, pass it plus one, or its row is lost: `byIdRange(min, max + 1, 8)`.
 * @returns numbers for numbers. Decimal texts where a bigint is given: a plan is JSON, which has no bigint.
 * @throws OptionError for a min above the max, and for what is no id or cut.
 */
export function byIdRange(min: number, maxExclusive: number, cut: Cut): readonly Range<number>[]
export function byIdRange(min: bigint, maxExclusive: bigint, cut: Cut): readonly Range<string>[]
export function byIdRange(
  min: number | bigint,
  maxExclusive: number | bigint,
  cut: Cut,
): readonly Range<number>[] | readonly Range<string>[] {
  const owner = 'byIdRange'
  validateOptions(
    owner,
    { min, maxExclusive, cut },
    { min: required(idRule), maxExclusive: required(idRule), cut: required(cutRule) },
  )
  if (typeof min !== typeof maxExclusive) {
    throw new OptionError(`${owner}: min and maxExclusive must both be numbers or both bigints`)
  }
  const [from, to] = [BigInt(min), BigInt(maxExclusive)]
  const slices = tile(owner, from, to, sliceSize(to - from, cut))
  if (typeof min === 'bigint') return slices.map((slice) => ({ from: `${slice.from}`, to: `${slice.to}` }))
  return slices.map((slice) => ({ from: Number(slice.from), to: Number(slice.to) }))
}

/**
 * A slice for each item, or with `cut` runs of items in their order (at most so many runs, or runs of one size).
 * @throws OptionError for an item that doesn't survive JSON, and for one that is there twice: its rows would be read twice.
 */
export function byList<T>(items: readonly T[]): readonly T[]
export function byList<T>(items: readonly T[], cut: Cut): readonly (readonly T[])[]
export function byList<T>(items: readonly T[], cut?: Cut): readonly T[] | readonly (readonly T[])[] {
  const list: OptionRule = { expected: 'an array', accepts: Array.isArray }
  validateOptions('byList', { items, cut }, { items: required(list), cut: cutRule })
  const texts = new Set<string>()
  for (const [index, item] of items.entries()) {
    const text = jsonText(item)
    if (text === undefined) throw new OptionError(`byList: item ${index} does not survive JSON`)
    if (texts.has(text)) throw new OptionError(`byList: item ${index} is in the list twice: ${text}`)
    texts.add(text)
  }
  if (cut === undefined) return [...items]
  return byIdRange(0, items.length, cut).map(({ from, to }) => items.slice(from, to))
}

function sliceSize(span: bigint, cut: Cut): bigint {
  if (typeof cut === 'object') return BigInt(cut.size)
  const count = BigInt(cut)
  return span <= 0n ? 1n : (span + count - 1n) / count
}

// In bigints: the span of two safe integers need not be one.
function tile(owner: string, min: bigint, max: bigint, size: bigint): Range<bigint>[] {
  if (min > max) throw new OptionError(`${owner}: the range ends before it starts, by ${min - max}`)
  const count = (max - min + size - 1n) / size
  if (count > maxSlices)
    throw new OptionError(`${owner}: these would be ${count} slices; at most ${maxSlices} are made`)
  const slices: Range<bigint>[] = []
  for (let from = min; from < max; from += size) slices.push({ from, to: from + size < max ? from + size : max })
  return slices
}

/** With keys sorted, so that the same item written in another order is the same text. */
function jsonText(item: unknown): string | undefined {
  const sorted = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  try {
    const text = JSON.stringify(item, sorted)
    return text !== undefined && nodeUtil().isDeepStrictEqual(JSON.parse(text), item) ? text : undefined
  } catch {
    return undefined // a bigint, a circle
  }
}
