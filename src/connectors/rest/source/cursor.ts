import { OptionError, PortError } from '../../../errors.ts'
import { epochMs } from '../../../instant.ts'
import { scalarRule } from '../../../offsets/order.ts'
import { validateOptions } from '../../../options.ts'
import type { Schema } from '../../../schema.ts'
import { utc, type Zone } from '../../records/zone.ts'
import type { HttpRequest } from '../http/types.ts'
import { type CursorOptions, cursorRules } from './cursor-options.ts'
import type { CursorOffset } from './cursor-position.ts'
import { timeValues } from './cursor-times.ts'
import { type CursorValues, integerValues, textValues, type Value, valueIn } from './cursor-values.ts'
import { placed } from './placing.ts'

/** A query for the rows from a value on. */
export interface CursorQuery {
  readonly request: HttpRequest
  /** @throws PortError for a row from before what was asked for: the API doesn't know the parameter, or means something else by it. */
  readonly check: (value: Value) => void
}

/** {@link CursorOptions}, understood. */
export interface Cursor<Row extends object> {
  readonly values: CursorValues
  readonly field: string
  readonly initial: CursorOffset | 'latest'
  readonly sorted: 'ascending' | 'descending' | 'unsorted'
  /** Rows asked for in one query; `undefined`: as the pagination needs it. */
  readonly cap: number | undefined
  readonly maxHeld: number
  /** @throws PortError */
  readonly valueOf: (row: Row) => Value
  /** @throws PortError */
  readonly keyOf: (row: Row) => string
  readonly query: (request: HttpRequest, from: Value | undefined, until: Value | undefined) => CursorQuery
  /** Whether asking from `to` is asking for less than asking from `from`. */
  readonly narrows: (from: Value | undefined, to: Value) => boolean
  readonly outOfOrder: (before: Value, after: Value) => PortError
  /** Two rows that differ have one value and one key. */
  readonly twins: (value: Value, key: string) => PortError
}

/** Whose clocks and whose zone a cursor goes by. */
export interface CursorClock {
  readonly now: () => number
  readonly zone: Zone | undefined
}

/** @throws OptionError */
export function cursorOf<Row extends object>(
  owner: string,
  options: CursorOptions<Row>,
  schema: Schema<Row>,
  { now, zone = utc }: CursorClock,
): Cursor<Row> {
  validateOptions(owner, options, cursorRules)
  const { field, param, until: untilParam, sorted = 'ascending', cap, maxHeld = 100_000 } = options
  if (cap !== undefined && cap !== Infinity && (param === undefined || sorted !== 'ascending'))
    throw new OptionError(
      `${owner}: option "cap" needs "param" and ascending order: the next query begins at the last value`,
    )

  const kindOf = (name: string): string => {
    const known = schema.fields.find((column) => column.name === name)
    if (known !== undefined) return known.type.kind
    throw new OptionError(
      `${owner}: the schema has no column ${JSON.stringify(name)}; it has ${schema.fields.map((column) => column.name).join(', ')}`,
    )
  }
  const keys: readonly string[] = typeof options.key === 'string' ? [options.key] : options.key
  for (const name of keys) kindOf(name)
  const make = typesOf(kindOf(field))
  if (make === undefined)
    throw new OptionError(`${owner}: column "${field}" can't be a cursor: it must be a time, an integer or a text`)
  const values = make(owner, options, zone, now)
  if (sorted === 'unsorted' && !values.toleratesChange) throw refuseUnsorted(owner, values)

  const columnOf = (row: Row, name: string): unknown => (row as Readonly<Record<string, unknown>>)[name]
  const show = (value: Value): string => String(values.toOffset(value))
  return {
    values,
    field,
    initial: initialOf(owner, options, values),
    sorted,
    cap,
    maxHeld,
    valueOf: (row) => valueIn(values, columnOf(row, field), field),
    keyOf: (row) => {
      const [only] = keys
      if (keys.length === 1 && only !== undefined) return keyText(columnOf(row, only), only)
      return JSON.stringify(keys.map((name) => keyText(columnOf(row, name), name)))
    },
    query: (request, from, until) => {
      const bounded =
        until === undefined || untilParam === undefined || values.upTo === undefined
          ? request
          : placed(request, untilParam, values.upTo(until))
      if (from === undefined || param === undefined) return { request: bounded, check: () => undefined }
      const { text, least } = values.atLeast(from)
      return {
        request: placed(bounded, param, text),
        check: (value) => {
          if (value >= least) return
          throw new PortError(
            `${owner}: rows from ${String(text)} on were asked for, and one has the ${field} ${show(value)}; does the API know the parameter, and in which format and time zone?`,
          )
        },
      }
    },
    narrows: (from, to) =>
      param !== undefined && (from === undefined || values.atLeast(to).text !== values.atLeast(from).text),
    outOfOrder: (before, after) =>
      new PortError(
        `${owner}: rows must be ${sorted} by ${field}, and ${show(after)} comes after ${show(before)}: it would be taken for read. Let the API sort them, or say option "sorted"; what appears late is found with "lookback"`,
      ),
    twins: (value, key) =>
      new PortError(
        `${owner}: two rows that differ have the ${field} ${show(value)} and the key ${JSON.stringify(key)}, and one of them would be taken for the other; option "key" must name what tells rows of one ${field} apart`,
      ),
  }
}

/** A row on the first page changes while the second is read, one on the third a moment later: the third has the greater value, and the first would lie behind it. */
function refuseUnsorted(owner: string, values: CursorValues): OptionError {
  const remedy = values.settled
    ? '"lag" or "until", so that what changes meanwhile is left for later, or "lookback"'
    : '"lookback" (an integer has it, a text can\'t)'
  return new OptionError(
    `${owner}: with option "sorted" as "unsorted" a row that changes while the others are read would be lost behind one that changes after it; give ${remedy}, or let the API sort`,
  )
}

type MakeValues = (
  owner: string,
  options: Omit<CursorOptions<object>, 'field' | 'key'>,
  zone: Zone,
  now: () => number,
) => CursorValues

function typesOf(kind: string): MakeValues | undefined {
  switch (kind) {
    case 'timestamp':
    case 'date':
      return timeValues
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'bigint':
      return integerValues
    case 'string':
    case 'varchar':
    case 'char':
      return textValues
    default:
      return undefined
  }
}

function initialOf(
  owner: string,
  { from }: { readonly from?: unknown },
  values: CursorValues,
): CursorOffset | 'latest' {
  if (from === undefined) return {}
  if (values.head !== undefined) {
    if (from === 'latest') return from
    const ms = epochMs(from)
    if (ms !== undefined) return { value: values.toOffset(ms) }
    throw new OptionError(
      `${owner}: option "from" must be "latest", a Date, milliseconds since 1970, or ISO 8601 text with a zone`,
    )
  }
  const value = values.of(from)
  if (value === undefined || !scalarRule.accepts(values.toOffset(value)))
    throw new OptionError(
      `${owner}: option "from" must be of the type of the cursor's column, and it is ${typeof from}`,
    )
  return { value: values.toOffset(value) }
}

/** @throws PortError for a key that is null. */
function keyText(column: unknown, name: string): string {
  if (column instanceof Date) return column.toISOString()
  if (
    typeof column === 'string' ||
    typeof column === 'number' ||
    typeof column === 'bigint' ||
    typeof column === 'boolean'
  )
    return String(column)
  throw new PortError(
    `column "${name}" tells rows of one time apart, so every row must have a value in it, and one row has ${column === null || column === undefined ? 'null' : `a ${typeof column}`}`,
  )
}
