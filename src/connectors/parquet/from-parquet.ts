import type { DataType, Field } from '../../schema/data-type.ts'
import { decimalText, fromBytes } from './decimal.ts'

type Normalize = (value: unknown) => unknown
type Stored = Readonly<Record<string, unknown>>

/** Turns a row as the reader gives it into a row of the fields: every column there, null where there is nothing. */
export function normalizerOf(fields: readonly Field[]): (row: Stored) => Record<string, unknown> {
  const columns = fields.map(({ name, type }) => [name, normalizer(type)] as const)
  return (stored) => {
    const row: Record<string, unknown> = {}
    for (const [name, normalize] of columns) {
      const value = stored[name]
      const result = value === null || value === undefined ? null : normalize(value)
      // A column may be called __proto__.
      if (name === '__proto__') Object.defineProperty(row, name, { value: result, enumerable: true, writable: true })
      else row[name] = result
    }
    return row
  }
}

function normalizer(type: DataType): Normalize {
  switch (type.kind) {
    case 'bigint':
      return (value) => (typeof value === 'bigint' ? value : BigInt(value as number))
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'float':
    case 'double':
      return (value) => (typeof value === 'bigint' ? Number(value) : value)
    case 'decimal':
      return (value) => decimalText(unscaledOf(value), type.scale)
    case 'string':
    case 'varchar':
    case 'char':
      return (value) => (value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value)
    case 'binary':
      return (value) => (typeof value === 'string' ? new TextEncoder().encode(value) : value)
    case 'array': {
      const element = orNull(normalizer(type.element))
      return (value) => (value as unknown[]).map(element)
    }
    case 'map': {
      const item = orNull(normalizer(type.value))
      return (value) => Object.fromEntries(entriesOf(value).map(([key, inner]) => [key, item(inner)]))
    }
    case 'struct': {
      const struct = normalizerOf(type.fields)
      return (value) => struct(value as Stored)
    }
    default:
      return (value) => value
  }
}

function unscaledOf(value: unknown): bigint {
  return value instanceof Uint8Array ? fromBytes(value) : BigInt(value as number | bigint)
}

function entriesOf(value: unknown): (readonly [string, unknown])[] {
  if (Array.isArray(value)) return value.map(({ key, value: inner }) => [String(key), inner])
  return value instanceof Map ? [...value].map(([key, inner]) => [String(key), inner]) : Object.entries(value as object)
}

function orNull(normalize: Normalize): Normalize {
  return (value) => (value === null || value === undefined ? null : normalize(value))
}
