import type { DataType, Field } from '../../schema.ts'
import { compiledRow } from './compiled-row.ts'
import { type Convert, type EpochUnit, leafConverter, type TimeReading } from './item-values.ts'

/**
 * Compiles a schema to a function that makes rows of an API's items, as `ResourceOptions.schema` describes. It never fails: what can't be converted, and an item
 * that is no object, stays as it is, for the check of the rows.
 */
export function itemRow(schema: { readonly fields: readonly Field[] }, times: TimeReading): Convert {
  return structOf(schema.fields, (field) => convertOf(field.type, times, times.epoch[field.name]))
}

function structOf(fields: readonly Field[], convertField: (field: Field) => Convert): Convert {
  const columns = fields.map((field) => ({ name: field.name, convert: convertField(field) }))
  // What every object has (`constructor`, `__proto__`) must be looked at more closely.
  const isPlain = columns.every(({ name }) => !(name in Object.prototype))
  const compiled = isPlain ? compiledRow(columns) : undefined
  if (compiled !== undefined) return (item) => (isObject(item) ? compiled(item) : item)
  return (item) => {
    if (!isObject(item)) return item
    const row: Record<string, unknown> = {}
    for (let at = 0; at < columns.length; at++) {
      const { name, convert } = columns[at] as (typeof columns)[number]
      const value = isPlain || Object.hasOwn(item, name) ? item[name] : null
      const converted = value === null || value === undefined ? null : convert(value)
      if (isPlain) row[name] = converted
      else set(row, name, converted)
    }
    return row
  }
}

function convertOf(type: DataType, times: TimeReading, unit: EpochUnit | undefined): Convert {
  switch (type.kind) {
    case 'array':
      return arrayOf(convertOf(type.element, times, undefined))
    case 'map':
      return mapOf(convertOf(type.value, times, undefined))
    case 'struct':
      return structOf(type.fields, (field) => convertOf(field.type, times, undefined))
    default:
      return leafConverter(type.kind, times, unit)
  }
}

function arrayOf(convert: Convert): Convert {
  return (value) =>
    Array.isArray(value)
      ? value.map((item: unknown) => (item === null || item === undefined ? null : convert(item)))
      : value
}

function mapOf(convert: Convert): Convert {
  return (value) => {
    if (!isObject(value)) return value
    const map: Record<string, unknown> = {}
    for (const [name, item] of Object.entries(value))
      set(map, name, item === null || item === undefined ? null : convert(item))
    return map
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Assigning to `__proto__` would change the object's prototype. */
function set(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__')
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
  else object[name] = value
}
