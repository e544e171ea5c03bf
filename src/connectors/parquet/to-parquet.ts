import type { DataType } from '../../schema/data-type.ts'
import { unscaled } from './decimal.ts'
import { isInherited, ownValue } from './own-value.ts'

type Row = Readonly<Record<string, unknown>>

/** Turns a value of a row that isn't null into what the JavaScript writer takes. */
export type Convert = (value: unknown) => unknown

/** `undefined` where the writer takes what a row has. */
export function converterOf(type: DataType): Convert | undefined {
  switch (type.kind) {
    case 'timestamp':
      return (value) => microsOf(value as Date)
    case 'decimal':
      return (value) => unscaled(value as string, type.scale)
    case 'date':
      return (value) => Math.floor((value as Date).getTime() / 86_400_000)
    case 'array':
      return over(converterOf(type.element), (convert, value) => (value as unknown[]).map(convert))
    case 'map':
      return over(converterOf(type.value), (convert, value) =>
        Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, convert(item)])),
      )
    case 'struct': {
      const fields = type.fields.map((field) => [field.name, converterOf(field.type)] as const)
      if (fields.every(([name, convert]) => convert === undefined && !isInherited(name))) return undefined
      const converters = fields.map(([name, convert]) => [name, orNull(convert ?? ((value) => value))] as const)
      return (value) =>
        Object.fromEntries(converters.map(([name, convert]) => [name, convert(ownValue(value as Row, name) ?? null)]))
    }
    default:
      return undefined
  }
}

/** Microseconds since 1970. Exact for every date there is: beyond 2255 their number is no safe integer. */
export function microsOf(date: Date): bigint {
  const micros = date.getTime() * 1000
  return Number.isSafeInteger(micros) ? BigInt(micros) : BigInt(date.getTime()) * 1000n
}

function over(inner: Convert | undefined, each: (convert: Convert, value: unknown) => unknown): Convert | undefined {
  if (inner === undefined) return undefined
  const convert = orNull(inner)
  return (value) => each(convert, value)
}

function orNull(convert: Convert): Convert {
  return (value) => (value === null || value === undefined ? value : convert(value))
}
