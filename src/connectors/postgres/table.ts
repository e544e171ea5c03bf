import { SchemaError } from '../../errors.ts'
import type { Schema } from '../../schema.ts'
import type { PostgresClient } from './client.ts'
import { columnText } from './column-type.ts'
import { list, quotedTable, type TableName } from './names.ts'

/** A column as it is in the table. */
export interface TableColumn {
  readonly name: string
  /** As a cast takes it; without a length, so that a cast cuts nothing. */
  readonly type: string
  readonly isArray: boolean
  /** The same with what rounds a value, and what doesn't cut it. */
  readonly stored: string
  /** By which different texts may be equal, quoted; else null. */
  readonly collation: string | null
  /** Not null, and nothing fills it. */
  readonly required: boolean
  /** By the server only. */
  readonly generated: boolean
}

/** Makes a table with the schema's columns where there is none. */
export async function createTable(
  client: PostgresClient,
  table: TableName,
  { fields }: Schema,
  key: readonly string[],
): Promise<void> {
  const primaryKey = key.length === 0 ? [] : [`PRIMARY KEY (${list(key)})`]
  const columns = [...fields.map(columnText), ...primaryKey].join(', ')
  await client.run(
    `BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('sluice table', 0)); CREATE TABLE IF NOT EXISTS ${quotedTable(table)} (${columns}); COMMIT`,
  )
}

/** @throws SchemaError when there is no such table, or none that keeps its rows when the server crashes. */
export async function describeTable(client: PostgresClient, table: TableName): Promise<readonly TableColumn[]> {
  const { rows } = await client.ask<TableColumn & { kind: string; persistence: string }>(
    `SELECT attname AS name, format_type(atttypid, -1) AS type, typcategory = 'A' AS "isArray",
            format_type(atttypid, CASE WHEN typcategory IN ('S', 'A') THEN -1 ELSE atttypmod END) AS stored,
            (SELECT format('%I.%I', nspname, collname) FROM pg_collation JOIN pg_namespace ON pg_namespace.oid = collnamespace
             WHERE pg_collation.oid = attcollation AND NOT collisdeterministic) AS collation,
            attnotnull AND NOT atthasdef AND attidentity = '' AS required,
            attgenerated <> '' OR attidentity = 'a' AS generated, relkind AS kind, relpersistence AS persistence
     FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid JOIN pg_class ON pg_class.oid = attrelid
     WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [quotedTable(table)],
  )
  const [first] = rows
  if (first === undefined)
    throw new SchemaError(
      `postgresTable: there is no table ${quotedTable(table)}; option createTable makes it with the columns of the schema`,
    )
  if (first.persistence !== 'p')
    throw new SchemaError(
      `postgresTable: table ${quotedTable(table)} is ${first.persistence === 'u' ? 'unlogged, and a crash of the server would empty it' : 'temporary'}`,
    )
  return rows
}

/** Whether a unique index that covers all rows makes these columns a key. */
export async function isKey(client: PostgresClient, table: TableName, key: readonly string[]): Promise<boolean> {
  const { rows } = await client.ask<{ found: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_index WHERE indrelid = to_regclass($1) AND indisunique AND indisvalid AND indpred IS NULL AND indexprs IS NULL
       AND (SELECT array_agg(attname::text ORDER BY attname) FROM pg_attribute WHERE attrelid = indrelid AND attnum = ANY (indkey[0:indnkeyatts - 1]))
         = (SELECT array_agg(name ORDER BY name) FROM unnest($2::text[]) AS name)
     ) AS found`,
    [quotedTable(table), [...key]],
  )
  return rows[0]?.found === true
}

/**
 * The table's columns for the schema's, in the schema's order.
 * @throws SchemaError that shows both sides when they don't fit.
 */
export function matchColumns(
  table: TableName,
  columns: readonly TableColumn[],
  written: readonly string[],
): readonly TableColumn[] {
  const refuse = (why: string) =>
    new SchemaError(
      `postgresTable: table ${quotedTable(table)} ${why}; its columns: ${columns.map(({ name, type }) => `${name} ${type}`).join(', ')}; those of the rows: ${written.join(', ')}`,
    )
  const byName = new Map(columns.map((column) => [column.name, column]))
  const found = written.map((name) => {
    const column = byName.get(name)
    if (column === undefined) throw refuse(`has no column ${JSON.stringify(name)}`)
    if (column.generated) throw refuse(`makes the values of column ${JSON.stringify(name)} itself`)
    return column
  })
  const missing = columns.find(({ name, required }) => required && !written.includes(name))
  if (missing !== undefined)
    throw refuse(`needs a value for column ${JSON.stringify(missing.name)}, which the rows don't have`)
  return found
}
