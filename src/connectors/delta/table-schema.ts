import { DeltaTableError, describeError, SchemaError } from '../../errors.ts'
import { type DataType, duplicateName, type Field } from '../../schema/data-type.ts'
import { ddlText, typeText } from '../../schema/ddl-text.ts'
import { isRecord, type MetaData } from './actions.ts'

const kinds: Readonly<Record<string, DataType>> = {
  boolean: { kind: 'boolean' },
  byte: { kind: 'tinyint' },
  short: { kind: 'smallint' },
  integer: { kind: 'int' },
  long: { kind: 'bigint' },
  float: { kind: 'float' },
  double: { kind: 'double' },
  string: { kind: 'string' },
  binary: { kind: 'binary' },
  date: { kind: 'date' },
  timestamp: { kind: 'timestamp' },
}

/**
 * The columns of a table. Columns of `varchar(n)` and `char(n)` are strings here: the length stands in metadata that only their writers know.
 * @param where the table, named in the error.
 * @throws DeltaTableError for a schema that can't be read, or a type that rows don't have here.
 */
export function fieldsOf(where: string, { schemaString }: MetaData): readonly Field[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(schemaString)
  } catch (cause) {
    throw new DeltaTableError(`${where}: its schema is not JSON: ${describeError(cause)}`, { cause })
  }
  const type = typeOf(where, parsed, [])
  if (type.kind !== 'struct') throw new DeltaTableError(`${where}: its schema is no struct`)
  return type.fields
}

function typeOf(where: string, value: unknown, path: readonly string[]): DataType {
  const refuse = (what: string) =>
    new DeltaTableError(`${where}: column ${JSON.stringify(path.join('.'))} has ${what}, which isn't supported`)
  if (typeof value === 'string') {
    const [, precision, scale] = /^decimal\((\d+), ?(\d+)\)$/.exec(value) ?? []
    if (precision !== undefined) return { kind: 'decimal', precision: Number(precision), scale: Number(scale) }
    const kind = Object.hasOwn(kinds, value) ? kinds[value] : undefined
    if (kind === undefined) throw refuse(`the type ${value}`)
    return kind
  }
  if (!isRecord(value)) throw refuse('no type')
  switch (value.type) {
    case 'array':
      return { kind: 'array', element: typeOf(where, value.elementType, path) }
    case 'map':
      if (value.keyType !== 'string') throw refuse('a map whose keys are no strings')
      return { kind: 'map', value: typeOf(where, value.valueType, path) }
    case 'struct': {
      if (!Array.isArray(value.fields)) throw refuse('a struct without fields')
      const fields = value.fields.map((field: unknown) => fieldOf(where, field, path))
      const twice = duplicateName(fields)
      if (twice !== undefined) throw refuse(`two fields called ${JSON.stringify(twice)}`)
      return { kind: 'struct', fields }
    }
    default:
      throw refuse(`the type ${JSON.stringify(value.type)}`)
  }
}

function fieldOf(where: string, field: unknown, path: readonly string[]): Field {
  if (!isRecord(field) || typeof field.name !== 'string')
    throw new DeltaTableError(`${where}: a field of ${JSON.stringify(path.join('.'))} has no name`)
  const { name, type, nullable } = field
  return { name, type: typeOf(where, type, [...path, name]), nullable: nullable !== false }
}

/** What of the rows isn't in the table. */
export interface SchemaChange {
  /** The table's columns, and behind them the new ones, nullable. */
  readonly fields: readonly Field[]
  readonly added: readonly Field[]
}

/**
 * Holds the columns of rows against those of the table. Columns that the rows lack are null there.
 * @returns what to add: columns, and fields of structs.
 * @throws SchemaError showing both sides: another type, a column of the table that is never null and that the rows don't have, names that differ in case.
 */
export function compareSchemas(where: string, table: readonly Field[], rows: readonly Field[]): SchemaChange {
  const mistakes: string[] = []
  const added: Field[] = []
  const fields = merge(table, rows, [], mistakes, added)
  if (mistakes.length > 0) throw mismatch(where, mistakes.join('; '), table, rows)
  return { fields, added }
}

export function mismatch(where: string, why: string, table: readonly Field[], rows: readonly Field[]): SchemaError {
  return new SchemaError(
    `${where}: the rows don't fit the table: ${why}\n  the table has: ${ddlText(table)}\n  the rows have: ${ddlText(rows)}`,
  )
}

function merge(
  table: readonly Field[],
  rows: readonly Field[],
  path: readonly string[],
  mistakes: string[],
  added: Field[],
): readonly Field[] {
  const byName = new Map(rows.map((field) => [field.name, field]))
  const folded = new Map(table.map(({ name }) => [name.toLowerCase(), name]))
  const show = (name: string) => JSON.stringify([...path, name].join('.'))
  const kept = table.map((field): Field => {
    const own = byName.get(field.name)
    if (own === undefined) {
      if (!field.nullable) mistakes.push(`column ${show(field.name)} is never null in the table, and the rows lack it`)
      return field
    }
    if (own.nullable && !field.nullable)
      mistakes.push(`column ${show(field.name)} is never null in the table, and may be in the rows`)
    const type = mergeTypes(field.type, own.type, [...path, field.name], mistakes, added)
    return type === field.type ? field : { ...field, type }
  })
  const fresh = rows.filter(({ name }) => !table.some((field) => field.name === name))
  for (const { name } of fresh) {
    const other = folded.get(name.toLowerCase())
    if (other !== undefined) mistakes.push(`column ${show(name)} is ${show(other)} in the table`)
  }
  const isNested = path.length > 0
  const nullable = fresh.map((field): Field => ({ ...field, nullable: true }))
  added.push(...nullable.map((field) => (isNested ? { ...field, name: [...path, field.name].join('.') } : field)))
  return nullable.length === 0 && kept.every((field, index) => field === table[index]) ? table : [...kept, ...nullable]
}

function mergeTypes(
  table: DataType,
  rows: DataType,
  path: readonly string[],
  mistakes: string[],
  added: Field[],
): DataType {
  if (table.kind === 'struct' && rows.kind === 'struct') {
    const fields = merge(table.fields, rows.fields, path, mistakes, added)
    return fields === table.fields ? table : { kind: 'struct', fields }
  }
  if (table.kind === 'array' && rows.kind === 'array') {
    const element = mergeTypes(table.element, rows.element, [...path, 'element'], mistakes, added)
    return element === table.element ? table : { kind: 'array', element }
  }
  if (table.kind === 'map' && rows.kind === 'map') {
    const value = mergeTypes(table.value, rows.value, [...path, 'value'], mistakes, added)
    return value === table.value ? table : { kind: 'map', value }
  }
  if (stored(table) !== stored(rows))
    mistakes.push(
      `column ${JSON.stringify(path.join('.'))} is ${typeText(table)} in the table and ${typeText(rows)} in the rows`,
    )
  return table
}

/** `varchar(n)` is a string in a file. */
function stored(type: DataType): string {
  return type.kind === 'varchar' || type.kind === 'char' ? 'string' : typeText(type)
}
