import { map, type Observable } from 'rxjs'
import { OffsetError, PortError } from '../errors.ts'
import { required, rules, validateOptions } from '../options.ts'
import type { Range } from '../partition.ts'
import { fromResult, type Result } from '../result.ts'
import { compareOptional, naturalOrder, type Scalar, scalar, scalarRule } from './order.ts'
import type { Positions } from './positions.ts'

/**
 * A cut in the rows sorted by (value, key), named by the last row before it: `{ value, key }` lies directly after that row, so the first thing
 * not yet read is every row with a greater value, or with the same value and a greater key. It needn't exist any more.
 * `{ value }` lies before all rows of that value, `{}` before all rows.
 */
export type KeysetOffset<Value extends Scalar, Key extends Scalar> = { readonly value?: Value; readonly key?: Key }

/** Options of {@link keysetOffset}. */
export interface KeysetOptions<Row, Value extends Scalar, Key extends Scalar, Args extends readonly unknown[]> {
  /** What the rows are sorted by: a time, a version. May tie. Integers or texts. */
  readonly value: (row: Row) => Value
  /** What tells rows of one value apart. No two of them may have the same. */
  readonly key: (row: Row) => Key
  /** A new query begins with the rows of this value. @default with the first row */
  readonly from?: Value
  /**
   * The last row of a batch from `start`: the `maxRows`-th row after it in the order of (value, key), or the last there is
   * (`maxRows` may be Infinity); `undefined` when there is none. Rows that become visible later with a smaller value are never read.
   */
  readonly head: (start: KeysetOffset<Value, Key>, maxRows: number, ...args: Args) => Result<Row | undefined>
  /** The source's order of values. @default numbers by size, texts by code unit */
  readonly compareValues?: (a: Value, b: Value) => number
  /** The source's order of keys. @default numbers by size, texts by code unit */
  readonly compareKeys?: (a: Key, b: Key) => number
}

/**
 * Positions for keyset pagination: rows sorted by (value, key), asked for with `value > :v OR (value = :v AND key > :k)`.
 * With a source that can only be asked for `value >= :v` see {@link seenKeysOffset}.
 *
 * Besides the positions: `after(offset)` and `within(range)` say whether a row lies there (for sources that answer with more),
 * `endOf(start, rows)` is the position after reading a page.
 * @returns one partition `{ from, to }` for a batch.
 * @throws OptionError
 */
export function keysetOffset<Row, Value extends Scalar, Key extends Scalar, Args extends readonly unknown[] = []>(
  options: KeysetOptions<Row, Value, Key, Args>,
) {
  type Offset = KeysetOffset<Value, Key>
  validateOptions('keysetOffset', options, {
    value: required(rules.function),
    key: required(rules.function),
    from: scalarRule,
    head: required(rules.function),
    compareValues: rules.function,
    compareKeys: rules.function,
  })
  const { value, key, from, head, compareValues = naturalOrder, compareKeys = naturalOrder } = options
  const initial: Offset = from === undefined ? {} : { value: from }

  const compare = (a: Offset, b: Offset): number => {
    refuseKeyAlone(a)
    refuseKeyAlone(b)
    return compareOptional(a.value, b.value, compareValues) || compareOptional(a.key, b.key, compareKeys)
  }
  const positionOf = (row: Row): Offset => ({
    value: scalar('value of keysetOffset', value(row)),
    key: scalar('key of keysetOffset', key(row)),
  })
  const after = (offset: Offset) => (row: Row) => compare(positionOf(row), offset) > 0
  const within = (range: Range<Offset>) => (row: Row) =>
    compare(positionOf(row), range.from) > 0 && compare(positionOf(row), range.to) <= 0

  /** @throws PortError when the rows aren't sorted, repeat a key or lie before the start: what such a page skips would be lost. */
  const endOf = (start: Offset, rows: readonly Row[]): Offset =>
    rows.map(positionOf).reduce((previous, position) => {
      if (compare(position, previous) > 0) return position
      throw new PortError(
        `rows must be sorted by (value, key), without repeats: ${JSON.stringify(position)} comes after ${JSON.stringify(previous)}`,
      )
    }, start)

  const headFrom = (start: Offset, maxRows: number, args: Args): Observable<Offset> =>
    fromResult('head of keysetOffset', () => head(start, maxRows, ...args)).pipe(
      map((row) => endOf(start, row === undefined ? [] : [row])),
    )
  return {
    initialOffset: () => initial,
    latestOffset: (start, limit, ...args) => headFrom(start, limit.maxRows, args),
    partitions: (start, end) => (compare(start, end) === 0 ? [] : [{ from: start, to: end }]),
    compare,
    reportLatestOffset: (...args: Args) => headFrom(initial, Infinity, args),
    after,
    within,
    endOf,
  } satisfies Positions<Offset, Range<Offset>, Args> & Record<string, unknown>
}

function refuseKeyAlone(offset: KeysetOffset<Scalar, Scalar>): void {
  if (offset.key !== undefined && offset.value === undefined) {
    throw new OffsetError(
      `keysetOffset: an offset with a key has a value, and this has none: ${JSON.stringify(offset)}`,
    )
  }
}
