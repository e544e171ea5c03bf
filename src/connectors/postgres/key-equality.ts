import type { DataType, Field } from '../../schema/data-type.ts'
import type { TableColumn } from './table.ts'

/** Types of columns in which values are equal when the texts are that are written of these values, and never else. */
const exact: Partial<Record<DataType['kind'], readonly string[]>> = {
  boolean: ['boolean'],
  tinyint: ['smallint', 'integer', 'bigint'],
  smallint: ['smallint', 'integer', 'bigint'],
  int: ['smallint', 'integer', 'bigint'],
  bigint: ['smallint', 'integer', 'bigint'],
  string: ['text', 'character varying'],
  varchar: ['text', 'character varying'],
  char: ['text', 'character varying'],
  binary: ['bytea'],
  date: ['date'],
  timestamp: ['timestamp with time zone', 'timestamp without time zone'],
}

/** Whether equal keys have equal texts. A uuid has several, and so have a number with a fraction, −0, and what a collation or a rounding makes equal. */
export function hasExactKey(
  fields: readonly Field[],
  columns: readonly TableColumn[],
  key: readonly string[],
): boolean {
  return key.every((name) => {
    const index = fields.findIndex((field) => field.name === name)
    const [field, column] = [fields[index], columns[index]]
    if (field === undefined || column === undefined) return false
    const { type, stored, collation } = column
    return collation === null && stored === type && exact[field.type.kind]?.includes(type) === true
  })
}

/** Asks the server which rows are the last of their key, by their numbers from 1 on. */
export function lastOfKeyStatement(keyColumns: readonly TableColumn[], rows: string): string {
  const keys = keyColumns.map(({ stored, collation }, index) => {
    return `r.c${index}::${stored}${collation === null ? '' : ` COLLATE ${collation}`}`
  })
  const names = keys.map((_, index) => `k${index}`).join(', ')
  const list = keys.map((expression, index) => `${expression} AS k${index}`).join(', ')
  return `SELECT DISTINCT ON (${names}) n FROM (SELECT ${list}, r.n::integer AS n FROM ${rows}) AS numbered ORDER BY ${names}, n DESC`
}
