import { map } from 'rxjs'
import { PortError } from '../errors.ts'
import { required, rules, validateOptions } from '../options.ts'
import type { Range } from '../partition.ts'
import { fromResult, type Result } from '../result.ts'
import { compareOptional, naturalOrder, type Scalar, scalar, scalarRule } from './order.ts'
import type { Positions } from './positions.ts'

/**
 * A cut in rows sorted by a value that ties: all smaller values are read, and of this value the rows whose keys are in `seen`.
 * `{ value }` lies before all rows of that value, `{}` before all rows. It grows with the number of rows that tie.
 */
export type SeenKeysOffset<Value extends Scalar> = {
  readonly value?: Value
  readonly seen?: Readonly<Record<string, true>>
}

/** Options of {@link seenKeysOffset}. */
export interface SeenKeysOptions<Row, Value extends Scalar, Args extends readonly unknown[]> {
  /** What the source filters and sorts by: a time, a version. May tie. An integer or a text. */
  readonly value: (row: Row) => Value
  /** What tells rows of one value apart, as text. No two of them may have the same. */
  readonly key: (row: Row) => Scalar
  /** A new query begins with the rows of this value. @default with the first row */
  readonly from?: Value
  /**
   * The rows with at least this value (`undefined`: all rows), in the order of their values, in any order where these tie:
   * `count` of them (it may be Infinity), or more, or all there are. Only value and key are looked at.
   */
  readonly head: (from: Value | undefined, count: number, ...args: Args) => Result<readonly Row[]>
  /** The source's order of values. @default numbers by size, texts by code unit */
  readonly compareValues?: (a: Value, b: Value) => number
}

/**
 * Positions in a source that can only be asked for `value >= :v`, in pages that cut rows of one value in two: the offset keeps the keys
 * that were seen at the boundary, so that none of these rows is lost (as with `>`) or read twice (as with `>=`).
 * Where the source can be asked by value and key, {@link keysetOffset} has the smaller offset.
 *
 * Besides the positions: `fresh(offset, rows)` are the rows not yet read, `advance(offset, rows)` is the position after reading a page,
 * and `within(range)` says whether a row belongs to a batch: read from `range.from.value` on, up to the first value above `range.to.value`.
 * @returns one partition `{ from, to }` for a batch.
 * @throws OptionError
 */
export function seenKeysOffset<Row, Value extends Scalar, Args extends readonly unknown[] = []>(
  options: SeenKeysOptions<Row, Value, Args>,
) {
  type Offset = SeenKeysOffset<Value>
  validateOptions('seenKeysOffset', options, {
    value: required(rules.function),
    key: required(rules.function),
    from: scalarRule,
    head: required(rules.function),
    compareValues: rules.function,
  })
  const { value, key, from, head, compareValues = naturalOrder } = options
  const initial: Offset = from === undefined ? {} : { value: from }
  const readValue = (row: Row) => scalar('value of seenKeysOffset', value(row))
  const readKey = (row: Row) => String(scalar('key of seenKeysOffset', key(row)))

  const isBefore = (offset: Offset) => {
    const seen = keysOf(offset)
    return (row: Row): boolean => {
      const order = compareOptional(readValue(row), offset.value, compareValues)
      return order < 0 || (order === 0 && seen.has(readKey(row)))
    }
  }
  const fresh = (offset: Offset, rows: readonly Row[]): readonly Row[] => {
    const isRead = isBefore(offset)
    return rows.filter((row) => !isRead(row))
  }
  const within = (range: Range<Offset>) => {
    const [isRead, isPlanned] = [isBefore(range.from), isBefore(range.to)]
    return (row: Row): boolean => !isRead(row) && isPlanned(row)
  }

  /** @throws PortError when the rows aren't sorted or lie before the offset: what such a page skips would be lost. */
  const advance = (offset: Offset, rows: readonly Row[]): Offset => {
    let at = offset.value
    let seen = new Set(keysOf(offset))
    for (const row of rows) {
      const order = compareOptional(readValue(row), at, compareValues)
      if (order < 0)
        throw new PortError(`rows must be sorted by value: ${String(readValue(row))} comes after ${String(at)}`)
      if (order > 0) {
        at = readValue(row)
        seen = new Set()
      }
      seen.add(readKey(row))
    }
    if (rows.length === 0 || at === undefined) return offset
    return { value: at, seen: Object.fromEntries([...seen].sort().map((name) => [name, true as const])) }
  }

  return {
    initialOffset: () => initial,
    latestOffset: (start, limit, ...args) =>
      // So many rows may be old ones that come again.
      fromResult('head of seenKeysOffset', () => head(start.value, limit.maxRows + keysOf(start).size, ...args)).pipe(
        map((rows) => advance(start, fresh(start, rows).slice(0, limit.maxRows))),
      ),
    partitions: (start, end) => (compareSeen(start, end, compareValues) === 0 ? [] : [{ from: start, to: end }]),
    compare: (a, b) => compareSeen(a, b, compareValues),
    fresh,
    advance,
    within,
  } satisfies Positions<Offset, Range<Offset>, Args> & Record<string, unknown>
}

function keysOf(offset: SeenKeysOffset<Scalar>): ReadonlySet<string> {
  return new Set(Object.keys(offset.seen ?? {}))
}

function compareSeen<Value extends Scalar>(
  a: SeenKeysOffset<Value>,
  b: SeenKeysOffset<Value>,
  compareValues: (a: Value, b: Value) => number,
): number {
  const order = compareOptional(a.value, b.value, compareValues)
  if (order !== 0) return order
  const [left, right] = [keysOf(a), keysOf(b)]
  return [...right].every((name) => left.has(name)) ? left.size - right.size : -1
}
