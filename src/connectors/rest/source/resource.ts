import { OptionError } from '../../../errors.ts'
import { type OptionRule, oneOf, required, rules } from '../../../options.ts'
import type { DataType, Field, Schema } from '../../../schema.ts'
import { type EpochUnit, epochUnits } from '../../records/item-values.ts'
import { type Zone, zoneOf } from '../../records/zone.ts'
import type { HttpRequest } from '../http/types.ts'
import type { RunLimits } from '../pagination/run-guard.ts'
import type { Pagination } from '../pagination/types.ts'
import { type PageOptions, pageRules } from '../records/page-options.ts'
import type { ColumnOf } from './cursor-options.ts'
import type { Fields } from './fields.ts'

/** An item as the API gives it, as long as nothing better is known: annotate the parameter of `row` with what it is. */
export type JsonItem = Readonly<Record<string, unknown>>

/** A resource of an API, and how its items become rows. */
export interface ResourceOptions<Row extends object, Item = never>
  extends HttpRequest,
    Omit<PageOptions, 'exactDecimals' | 'exactTexts'>,
    RunLimits {
  /**
   * The columns of a row. They are taken from an item by their names, the others left out; what is missing is null.
   *
   * | column | is made of |
   * |---|---|
   * | `boolean` | true and false, also as text |
   * | integers, `bigint` | numbers without a fraction, digits |
   * | `float`, `double` | numbers, also as text |
   * | `decimal` | text, numbers |
   * | `string`, `varchar`, `char` | text, numbers, booleans |
   * | `binary` | base64, also its form for URLs |
   * | `timestamp`, `date` | ISO 8601, cut to milliseconds; numbers where `epoch` says what they count |
   * | `array`, `map`, `struct` | the same, with their elements |
   *
   * An empty text is null but in a column of text: that is how CSV and XML say "nothing". A value that fits no better stays as it is, and meets the same check as
   * any other row: it fails the partition, or the row is put aside, as the query's `mode` says.
   */
  readonly schema: Schema<Row>
  /**
   * Makes a row of an item; of one that a list's item or a parent led to, with that one's fields. Must be deterministic.
   * @default as `schema` says; a column that the item lacks comes from the fields
   */
  readonly row?: (item: Item, of: Fields) => NoInfer<Row>
  /** Columns of times that come as numbers, and what they count since 1970. @default times are ISO 8601 */
  readonly epoch?: { readonly [Column in ColumnOf<Row, Date>]?: EpochUnit }
  /** Whose clocks show times without a zone, in rows and in parameters: `Europe/Berlin`. @default a time without a zone fits no column */
  readonly timeZone?: string
  /** How there is more than one page. @default automatic */
  readonly pagination?: Pagination
}

export const epochRule: OptionRule = {
  expected: `columns with one of ${epochUnits.join(', ')} each`,
  accepts: (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every(oneOf(...epochUnits).accepts),
}

const { exactDecimals: _, exactTexts: __, ...bodyRules } = pageRules

const urlRule: OptionRule = {
  expected: 'an absolute URL (http or https) without user and password',
  accepts: (value) => {
    const url = typeof value === 'string' ? URL.parse(value.replaceAll(/\{\w+\}/g, '0')) : null
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  },
}

/** Of the parts of a request. */
export const requestRules = {
  method: rules.string,
  url: required(urlRule),
  params: rules.object,
  headers: rules.object,
  body: rules.object,
  weight: rules.positiveInteger,
} as const satisfies Record<keyof HttpRequest, OptionRule>

export const resourceRules = {
  ...requestRules,
  ...bodyRules,
  schema: required(rules.object),
  row: rules.function,
  epoch: epochRule,
  timeZone: rules.string,
  pagination: rules.object,
  maxPages: rules.positiveInteger,
  maxEmptyPages: rules.nonNegativeInteger,
  allowEqualPages: rules.boolean,
} as const satisfies Record<keyof ResourceOptions<object>, OptionRule>

/** @throws OptionError for a name that isn't in the time zone database. */
export function zoneOption(owner: string, { timeZone }: { readonly timeZone?: string }): Zone | undefined {
  if (timeZone === undefined) return undefined
  try {
    return zoneOf(timeZone)
  } catch {
    throw new OptionError(
      `${owner}: option "timeZone" must be a name from the time zone database such as "Europe/Berlin", and it is ${JSON.stringify(timeZone)}`,
    )
  }
}

const textKinds: readonly DataType['kind'][] = ['string', 'varchar', 'char']

/** Whether a type has decimals in it, whose digits must survive the parsing. */
export function hasDecimals(type: DataType): boolean {
  return holds(type, ['decimal'])
}

/** The columns with texts in them: numbers that become texts must have all of their digits. */
export function textColumns({ fields }: { readonly fields: readonly Field[] }): ReadonlySet<string> | undefined {
  const names = fields.filter(({ type }) => holds(type, textKinds)).map(({ name }) => name)
  return names.length === 0 ? undefined : new Set(names)
}

function holds(type: DataType, kinds: readonly DataType['kind'][]): boolean {
  switch (type.kind) {
    case 'array':
      return holds(type.element, kinds)
    case 'map':
      return holds(type.value, kinds)
    case 'struct':
      return type.fields.some((field) => holds(field.type, kinds))
    default:
      return kinds.includes(type.kind)
  }
}
