import type { DataType } from '../../schema/data-type.ts'
import { unscaled } from './decimal.ts'
import type { DuckDb } from './duckdb-module.ts'
import { ownValue } from './own-value.ts'
import type { Leaf } from './summary.ts'
import { type Convert, microsOf } from './to-parquet.ts'

const names: Readonly<Record<string, string>> = {
  int: 'INTEGER',
  string: 'VARCHAR',
  varchar: 'VARCHAR',
  char: 'VARCHAR',
  binary: 'BLOB',
  timestamp: 'TIMESTAMPTZ',
}

/** The type's name in DuckDB's SQL. */
export function duckdbType(type: DataType): string {
  switch (type.kind) {
    case 'array':
      return `${duckdbType(type.element)}[]`
    case 'map':
      return `MAP(VARCHAR, ${duckdbType(type.value)})`
    case 'struct':
      return `STRUCT(${type.fields.map((field) => `${quoteName(field.name)} ${duckdbType(field.type)}`).join(', ')})`
    case 'decimal':
      return `DECIMAL(${type.precision}, ${type.scale})`
    default:
      return names[type.kind] ?? type.kind.toUpperCase()
  }
}

/** A name as DuckDB's SQL needs it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A leaf of a row, in DuckDB's SQL. */
export function leafExpression({ path: [column = '', ...fields] }: Leaf): string {
  return fields.reduce(
    (struct, name) => `struct_extract(${struct}, '${name.replaceAll("'", "''")}')`,
    quoteName(column),
  )
}

/** Turns values of a row that aren't null into what DuckDB takes; `undefined` where that is the same. */
export function duckdbConverter(duckdb: DuckDb, type: DataType): Convert | undefined {
  switch (type.kind) {
    case 'float':
    case 'double':
      // Its dictionaries take the two zeros for one, whichever comes first: where that is −0, Spark finds no row whose value is 0.
      return (value) => (value as number) + 0
    case 'timestamp':
      return (value) => new duckdb.DuckDBTimestampTZValue(microsOf(value as Date))
    case 'date':
      return (value) => new duckdb.DuckDBDateValue(Math.floor((value as Date).getTime() / 86_400_000))
    case 'decimal':
      return (value) => new duckdb.DuckDBDecimalValue(unscaled(value as string, type.scale), type.precision, type.scale)
    case 'binary':
      return (value) => new duckdb.DuckDBBlobValue(value as Uint8Array)
    case 'array': {
      const element = orNull(duckdbConverter(duckdb, type.element))
      return (value) => new duckdb.DuckDBListValue((value as unknown[]).map(element) as never)
    }
    case 'map': {
      const item = orNull(duckdbConverter(duckdb, type.value))
      return (value) => {
        const entries = Object.entries(value as object).map(([key, inner]) => ({ key, value: item(inner) }))
        return new duckdb.DuckDBMapValue(entries as never)
      }
    }
    case 'struct': {
      const fields = type.fields.map((field) => [field.name, orNull(duckdbConverter(duckdb, field.type))] as const)
      return (value) => {
        const struct = value as Readonly<Record<string, unknown>>
        return new duckdb.DuckDBStructValue(
          Object.fromEntries(fields.map(([name, convert]) => [name, convert(ownValue(struct, name))])) as never,
        )
      }
    }
    default:
      return undefined
  }
}

function orNull(convert: Convert = (value) => value): Convert {
  return (value) => (value === null || value === undefined ? null : convert(value))
}
