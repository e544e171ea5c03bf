import { type OptionRule, rules } from '../../options.ts'

/** A table: its name, or with the schema that it lies in. Names are taken as they are, upper case and spaces too. */
export type TableName = string | { readonly schema: string; readonly name: string }

const isName = (value: unknown): boolean => rules.string.accepts(value) && !String(value).includes('\0')

export const tableRule: OptionRule = {
  expected: 'the name of a table, or { schema, name }; the names as they are, without quotes and dots',
  accepts: (value) => {
    if (typeof value !== 'object' || value === null) return isName(value)
    return 'schema' in value && 'name' in value && isName(value.schema) && isName(value.name)
  },
}

/** A name in double quotes, so that it means nothing else. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quotedTable(table: TableName): string {
  return typeof table === 'string' ? quoted(table) : `${quoted(table.schema)}.${quoted(table.name)}`
}

export function list(names: readonly string[]): string {
  return names.map(quoted).join(', ')
}
