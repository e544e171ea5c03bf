import type { DataType, Field } from '../../schema/data-type.ts'
import { quoted } from './names.ts'

/** How a value travels: as PostgreSQL's own type, as an array of one, or as JSON. */
export type Carrier = 'plain' | 'array' | 'json'

/** Arrays of arrays must be rectangular in PostgreSQL, and arrays of objects are nothing it has: these are JSON, as structs and maps are. */
export function carrierOf(type: DataType): Carrier {
  if (type.kind === 'struct' || type.kind === 'map') return 'json'
  if (type.kind !== 'array') return 'plain'
  return carrierOf(type.element) === 'plain' ? 'array' : 'json'
}

/** The type of a column that is made for values of this type. */
export function columnType(type: DataType): string {
  switch (type.kind) {
    case 'boolean':
      return 'boolean'
    case 'tinyint':
    case 'smallint':
      return 'smallint'
    case 'int':
      return 'integer'
    case 'bigint':
      return 'bigint'
    case 'float':
      return 'real'
    case 'double':
      return 'double precision'
    case 'decimal':
      return `numeric(${type.precision}, ${type.scale})`
    case 'varchar':
    case 'char':
      return `varchar(${type.length})` // PostgreSQL's char adds blanks to what was given
    case 'string':
      return 'text'
    case 'binary':
      return 'bytea'
    case 'date':
      return 'date'
    case 'timestamp':
      return 'timestamptz'
    case 'array':
      return carrierOf(type) === 'array' ? `${columnType(type.element)}[]` : 'jsonb'
    case 'map':
    case 'struct':
      return 'jsonb'
  }
}

/** A column of `CREATE TABLE`. */
export function columnText({ name, type, nullable }: Field): string {
  return `${quoted(name)} ${columnType(type)}${nullable ? '' : ' NOT NULL'}`
}
