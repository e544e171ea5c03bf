import type { Field } from '../../schema/data-type.ts'
import type { LeafType } from '../../schema/leaf-check.ts'
import type { ParquetSummary } from '../parquet/port.ts'
import { leavesOf } from '../parquet/summary.ts'

/** Characters of a string that readers need to leave a file out. */
const longestText = 32
const lastCharacter = '\u{10FFFF}'

/**
 * The statistics of a file as JSON. Bounds are left out where they can't be told exactly enough: what is left out costs a reader time, what is wrong costs it rows.
 *
 * Bigints and decimals are written digit by digit. Of bytes there are no bounds. Of booleans Spark has none; delta-rs takes a bound that is missing for one that no value meets.
 */
export function statsJson({ rows, columns }: ParquetSummary, fields: readonly Field[]): string {
  const types = new Map(leavesOf(fields).map(({ path, type }) => [JSON.stringify(path), type]))
  const bounded = columns.flatMap(({ path, min, max }) => {
    const type = types.get(JSON.stringify(path))
    if (type === undefined || min === undefined || max === undefined) return []
    const [least, most] = [boundJson(type, min, lower), boundJson(type, max, upper)]
    return least === undefined || most === undefined ? [] : [{ path, least, most }]
  })
  const parts = [
    `"numRecords":${rows}`,
    `"minValues":${nested(bounded.map(({ path, least }) => [path, least]))}`,
    `"maxValues":${nested(bounded.map(({ path, most }) => [path, most]))}`,
    `"nullCount":${nested(columns.map(({ path, nullCount }) => [path, String(nullCount)]))}`,
  ]
  return `{${parts.join(',')}}`
}

type Leaf = readonly [path: readonly string[], json: string]

/** Objects in objects: a struct's fields stand in one of their own. */
function nested(leaves: readonly Leaf[]): string {
  const groups = new Map<string, Leaf[]>()
  for (const [[name = '', ...rest], json] of leaves) groups.set(name, [...(groups.get(name) ?? []), [rest, json]])
  const members = [...groups].map(([name, inner]) => {
    const [first] = inner
    const json = first !== undefined && first[0].length === 0 ? first[1] : nested(inner)
    return `${JSON.stringify(name)}:${json}`
  })
  return `{${members.join(',')}}`
}

/** What makes a bound of a value that may lie beside it: of a long text, of a zero. */
interface Side {
  readonly text: (value: string) => string | undefined
  /** To some readers −0 is less than 0, and columns have either for the same number. */
  readonly zero: string
}

function boundJson(type: LeafType, value: unknown, { text, zero }: Side): string | undefined {
  switch (type.kind) {
    case 'boolean':
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'bigint':
    case 'decimal':
      return String(value)
    case 'float':
    case 'double':
      if (!Number.isFinite(value)) return undefined
      return value === 0 ? zero : String(value)
    case 'date':
    case 'timestamp':
      return dateJson(value as Date, type.kind === 'date' ? 10 : 24)
    case 'string':
    case 'varchar':
    case 'char': {
      const bound = (value as string).isWellFormed() ? text(value as string) : undefined
      return bound === undefined ? undefined : JSON.stringify(bound)
    }
    default:
      return undefined
  }
}

/** Readers know four digits of a year, and none of them a year 0: a single bound of that year keeps delta-rs from reading the table. */
function dateJson(value: Date, length: number): string | undefined {
  const text = value.toISOString()
  return text.length === 24 && !text.startsWith('0000') ? JSON.stringify(text.slice(0, length)) : undefined
}

const lower: Side = { text: cut, zero: '-0.0' }
const upper: Side = { text: upperText, zero: '0.0' }

function upperText(value: string): string | undefined {
  const short = cut(value)
  if (short.length === value.length) return value
  // Nothing is greater than what begins with the last character there is.
  return value.startsWith(lastCharacter, short.length) ? undefined : short + lastCharacter
}

/** At most {@link longestText} characters, whole ones. */
function cut(text: string): string {
  if (text.length <= longestText) return text
  const end = longestText - (isHighSurrogate(text.charCodeAt(longestText - 1)) ? 1 : 0)
  return text.slice(0, end)
}

function isHighSurrogate(code: number): boolean {
  return code >= 0xd800 && code <= 0xdbff
}
