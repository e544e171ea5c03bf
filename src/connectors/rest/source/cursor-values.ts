import { OffsetError, OptionError, PortError } from '../../../errors.ts'
import type { Scalar } from '../../../offsets/order.ts'
import { rules } from '../../../options.ts'
import type { CursorOptions } from './cursor-options.ts'

/** A cursor's value in memory: milliseconds, an integer or a text. Of one cursor all are alike, so `<` orders them. */
export type Value = number | bigint | string

/** A bound as the API is told it, and the least value of a row that may come back. */
export interface Bound {
  readonly text: string | number
  readonly least: Value
}

/** What values of one type have in common. */
export interface CursorValues {
  /** Of what stands in a row's column; `undefined` for what is no value. */
  readonly of: (column: unknown) => Value | undefined
  readonly toOffset: (value: Value) => Scalar
  readonly fromOffset: (scalar: Scalar) => Value
  /** After a row of this value, rows from here on may still appear. */
  readonly since: (value: Value) => Value
  /** The least value that may follow this one where rows are in order: itself, or where an hour began that clocks show twice. */
  readonly least: (value: Value) => Value
  /** Asks for at least all rows from a value on. */
  readonly atLeast: (value: Value) => Bound
  /** Rows from this value on aren't taken yet: they are too young, or dated in the future. Times only. */
  readonly settled?: () => Value
  /** Whether `settled` was asked for, and holds for a batch, too, after which nothing comes. */
  readonly isBounded?: boolean
  /** Whether a row is found that takes a new value while others are read, and that lies behind what is read next. */
  readonly toleratesChange: boolean
  /** Now. Times only. */
  readonly head?: () => Value
  /** Asks for rows up to a value. Times only. */
  readonly upTo?: (value: Value) => string | number
}

type Options = Omit<CursorOptions<object>, 'field' | 'key'>

/** Integers: versions, ids. Those beyond 2^53 are texts of digits in an offset. */
export function integerValues(owner: string, options: Options): CursorValues {
  refuseOf(owner, options, 'a time', ['until', 'granularity', 'format', 'lag'])
  const { lookback = 0, inclusive } = options
  if (!rules.nonNegativeInteger.accepts(lookback))
    throw new OptionError(`${owner}: option "lookback" must be an integer from 0, because the cursor is an integer`)
  const back = BigInt(lookback)
  const least = inclusive === true ? 0n : 1n
  return {
    of: (column) =>
      typeof column === 'bigint' ? small(column) : Number.isSafeInteger(column) ? (column as number) : undefined,
    toOffset: (value) => (typeof value === 'bigint' ? `${value}` : value),
    fromOffset: (scalar) => {
      if (/^-?\d+$/.test(String(scalar))) return small(BigInt(scalar))
      throw new OffsetError(
        `${owner}: an integer is expected in the offset, and it is ${scalar}; was the cursor another column?`,
      )
    },
    since: (value) => (back === 0n ? value : small(BigInt(value) - back)),
    toleratesChange: back > 0n,
    least: (value) => value,
    atLeast: (value) => {
      const from = small(BigInt(value) - least)
      return { text: typeof from === 'bigint' ? `${from}` : from, least: from }
    },
  }
}

/** Texts, by code unit. There is no next smaller one, so the API must answer with "at least". */
export function textValues(owner: string, options: Options): CursorValues {
  refuseOf(owner, options, 'a time', ['until', 'granularity', 'format', 'lag'])
  refuseOf(owner, options, 'a time or an integer', ['lookback'])
  if (options.inclusive === false) {
    throw new OptionError(
      `${owner}: option "inclusive" can't be false with a cursor that is a text: rows that tie with the last one would be lost`,
    )
  }
  return {
    of: (column) => (typeof column === 'string' ? column : undefined),
    toOffset: (value) => String(value),
    fromOffset: String,
    since: (value) => value,
    toleratesChange: false,
    least: (value) => value,
    atLeast: (value) => ({ text: String(value), least: value }),
  }
}

function refuseOf(owner: string, options: Options, type: string, names: readonly (keyof Options)[]): void {
  for (const name of names) {
    if (options[name] !== undefined)
      throw new OptionError(`${owner}: option "${name}" needs a cursor that is ${type}; its column has another type`)
  }
}

/** A number where it is exact. */
function small(value: bigint): Value {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** @throws PortError for a column that has no place in the order: its row would be lost. */
export function valueIn(values: CursorValues, column: unknown, name: string): Value {
  const value = values.of(column)
  if (value !== undefined) return value
  const found = column === null || column === undefined ? 'null' : `a ${typeof column}`
  throw new PortError(
    `column "${name}" is the cursor, so every row must have a value in it, and one row has ${found}; leave such rows out with a filter of the API`,
  )
}
