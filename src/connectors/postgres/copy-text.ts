import type { Field } from '../../schema/data-type.ts'
import { columnTexts } from './column-text.ts'

/**
 * Makes the writer of rows in PostgreSQL's text format of COPY: a line a row, a tab between columns, `\N` for null. Of its formats text is the one that is
 * both quick to write here and takes any type there, in a table that others have made.
 */
export function copyTexts(owner: string, fields: readonly Field[]): (rows: readonly object[]) => string {
  const columns = columnTexts(owner, fields).map(({ name, text, bare }, index) => ({
    name,
    null: index === 0 ? '\\N' : '\t\\N',
    text: bare ? text : (value: unknown) => escaped(text(value)),
    tab: index === 0 ? '' : '\t',
  }))
  return (rows) => {
    let lines = ''
    for (const row of rows as readonly Readonly<Record<string, unknown>>[]) {
      for (const column of columns) {
        const value = row[column.name]
        lines += value === null || value === undefined ? column.null : column.tab + column.text(value)
      }
      lines += '\n'
    }
    return lines
  }
}

const special = /[\\\t\n\r]/
const specials = /[\\\t\n\r]/g
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function escaped(text: string): string {
  return special.test(text) ? text.replace(specials, (character) => escapes[character] as string) : text
}
