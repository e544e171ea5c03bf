import { SchemaError } from './errors.ts'
import type { Field } from './schema/data-type.ts'
import { parseDdl } from './schema/ddl-parser.ts'
import { ddlText } from './schema/ddl-text.ts'
import { defineFields } from './schema/definition.ts'
import type { Checked, RowOfDefinition, SchemaDefinition } from './schema/definition-type.ts'

export type { DataType, Field, SimpleKind } from './schema/data-type.ts'
export type { DdlError } from './schema/ddl-type.ts'
export type { FieldDefinition, TypeDefinition } from './schema/definition.ts'
export { rowChecker } from './schema/row-checker.ts'
export { toSparkJson } from './schema/spark-json.ts'

/** The columns of rows, and at compile time the type of a row. Every `Schema<Row>` is a `Schema`. */
export interface Schema<Row extends object = object> {
  readonly fields: readonly Field[]
  /** The columns as DDL in its normal form: `schema(s.ddl)` has the same fields. */
  readonly ddl: string
  /** Never there: it carries the row type. */
  readonly '~row'?: Row
}

/** The row type of a schema: `RowOf<typeof comment>`. */
export type RowOf<S extends Schema> = S extends Schema<infer Row> ? Row : never

/**
 * Describes rows, in Spark's DDL or as a list of columns. A literal is read at compile time, too, and a mistake in it is a type error;
 * of any other text the rows are `Record<string, unknown>`.
 *
 * | type | in a row |
 * |---|---|
 * | `boolean` | boolean |
 * | `tinyint` (`byte`), `smallint` (`short`), `int` (`integer`) | number: an integer in the type's range |
 * | `bigint` (`long`) | bigint, 64 bits |
 * | `float` (`real`), `double` | number |
 * | `decimal(p,s)` (`dec`, `numeric`), without parameters `(10,0)` | string such as `'-12.50'` |
 * | `string`, `varchar(n)`, `char(n)` | string; `n` counts code points |
 * | `binary` | Uint8Array |
 * | `date`, `timestamp` (`timestamp_ltz`) | Date; of a `date` the day in UTC counts |
 * | `array<t>` | `(t \| null)[]` |
 * | `map<string, t>` | `Record<string, t \| null>` |
 * | `struct<a: t, b: t not null>` | object |
 *
 * Columns and fields of structs are nullable unless `not null`; elements of arrays and values of maps always are, as in Spark.
 * Keywords are case-insensitive; names keep their case, but may not differ in case alone. Names other than letters, digits and `_` stand in backquotes.
 *
 * @example
 * schema("id int not null, name string comment 'as shown', tags array<string>")
 * // Schema<{ id: number; name: string | null; tags: (string | null)[] | null }>
 *
 * schema([{ name: 'id', type: 'int', nullable: false }, { name: 'tags', type: { kind: 'array', element: 'string' } }])
 *
 * @throws SchemaError with the place and what was expected there.
 */
export function schema<const Definition extends SchemaDefinition>(
  definition: Definition & Checked<Definition>,
): Schema<RowOfDefinition<Definition>> {
  const fields = typeof definition === 'string' ? parseDdl(definition) : defineFields(definition)
  if (fields.length === 0) throw new SchemaError('schema: expected at least one column')
  return { fields, ddl: ddlText(fields) }
}
