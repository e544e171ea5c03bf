/** The types without parameters, by their DDL names. */
export const simpleKinds = [
  'boolean',
  'tinyint',
  'smallint',
  'int',
  'bigint',
  'float',
  'double',
  'string',
  'binary',
  'date',
  'timestamp',
] as const

/** The name of a type that is not made of others. */
export type SimpleKind = (typeof simpleKinds)[number]

/**
 * The type of a column or of a value in it. `decimal` holds `precision` digits, `scale` of them after the point; the length of
 * `varchar` and `char` counts code points. Elements of arrays and values of maps may be null; the keys of maps are strings.
 */
export type DataType =
  | { readonly kind: SimpleKind }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'varchar' | 'char'; readonly length: number }
  | { readonly kind: 'array'; readonly element: DataType }
  | { readonly kind: 'map'; readonly value: DataType }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }

/** A column, or a field of a struct. */
export interface Field {
  readonly name: string
  readonly type: DataType
  readonly nullable: boolean
  readonly comment?: string
}

/** Decimals hold at most this many digits. */
export const maxPrecision = 38

/** Says what is wrong with the parameters of a decimal; `undefined` when they are fine. */
export function decimalMistake(precision: unknown, scale: unknown): string | undefined {
  if (!isIntegerFrom(precision, 1) || precision > maxPrecision) return `a precision from 1 to ${maxPrecision}`
  if (!isIntegerFrom(scale, 0) || scale > precision) return `a scale from 0 to the precision (${precision})`
  return undefined
}

function isIntegerFrom(value: unknown, least: number): value is number {
  return Number.isInteger(value) && Number(value) >= least
}

/** The first name that stands twice. Letter case doesn't tell columns apart: Spark and the tables it writes ignore it. */
export function duplicateName(fields: readonly Field[]): string | undefined {
  const seen = new Set<string>()
  for (const { name } of fields) {
    const folded = name.toLowerCase()
    if (seen.has(folded)) return name
    seen.add(folded)
  }
  return undefined
}
