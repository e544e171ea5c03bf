import type { DataType, Field, SimpleKind } from './data-type.ts'
import { typeText } from './ddl-text.ts'

type Json = string | boolean | { readonly [name: string]: Json } | readonly Json[]

/**
 * A schema as Spark writes it to JSON: the `schemaString` of a Delta table. Comments lie in the fields' metadata. `varchar(n)` and `char(n)` are
 * `string` there, and the metadata of the top column names the whole type under `__CHAR_VARCHAR_TYPE_STRING`, as in the tables of Spark.
 */
export function toSparkJson({ fields }: { readonly fields: readonly Field[] }): string {
  return JSON.stringify({ type: 'struct', fields: fields.map((field) => fieldJson(field, lengthMetadata(field.type))) })
}

const primitives: Readonly<Record<SimpleKind, string>> = {
  boolean: 'boolean',
  tinyint: 'byte',
  smallint: 'short',
  int: 'integer',
  bigint: 'long',
  float: 'float',
  double: 'double',
  string: 'string',
  binary: 'binary',
  date: 'date',
  timestamp: 'timestamp',
}

function fieldJson({ name, type, nullable, comment }: Field, metadata: Readonly<Record<string, string>> = {}): Json {
  return { name, type: typeJson(type), nullable, metadata: comment === undefined ? metadata : { comment, ...metadata } }
}

function typeJson(type: DataType): Json {
  switch (type.kind) {
    case 'decimal':
      return typeText(type)
    case 'varchar':
    case 'char':
      return 'string'
    case 'array':
      return { type: 'array', elementType: typeJson(type.element), containsNull: true }
    case 'map':
      return { type: 'map', keyType: 'string', valueType: typeJson(type.value), valueContainsNull: true }
    case 'struct':
      return { type: 'struct', fields: type.fields.map((field) => fieldJson(field)) }
    default:
      return primitives[type.kind]
  }
}

function lengthMetadata(type: DataType): Readonly<Record<string, string>> {
  return hasLength(type) ? { __CHAR_VARCHAR_TYPE_STRING: catalogText(type) } : {}
}

function hasLength(type: DataType): boolean {
  switch (type.kind) {
    case 'varchar':
    case 'char':
      return true
    case 'array':
      return hasLength(type.element)
    case 'map':
      return hasLength(type.value)
    case 'struct':
      return type.fields.some((field) => hasLength(field.type))
    default:
      return false
  }
}

/** Spark's `catalogString`: no spaces, no nullability, names as they are. */
function catalogText(type: DataType): string {
  switch (type.kind) {
    case 'array':
      return `array<${catalogText(type.element)}>`
    case 'map':
      return `map<string,${catalogText(type.value)}>`
    case 'struct':
      return `struct<${type.fields.map(({ name, type: inner }) => `${name}:${catalogText(inner)}`).join(',')}>`
    default:
      return typeText(type)
  }
}
