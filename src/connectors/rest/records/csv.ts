import { checkedNames, csvRecords } from '../../records/csv-records.ts'
import { longestHeld, type Parser } from './parser.ts'

/** How CSV is written. */
export interface CsvOptions {
  /** @default ',' (a tab for `text/tab-separated-values`) */
  readonly delimiter?: string
  /** The names of the columns, for CSV without a header row. @default the first row */
  readonly columns?: readonly string[]
}

/**
 * Rows of CSV (RFC 4180) as objects of texts; an empty field is `''`. Empty lines are skipped.
 * A row with more or fewer fields than there are columns is an error, as is a quote in the wrong place.
 */
export function csvParser({ delimiter = ',', columns }: CsvOptions): Parser {
  return async function* (text) {
    let names = columns === undefined ? undefined : checkedNames(columns)
    let count = 0
    for await (const records of csvRecords(text, { delimiter, longest: longestHeld })) {
      const rows: object[] = []
      for (const fields of records) {
        if (names === undefined) {
          names = checkedNames(fields)
          continue
        }
        count++
        if (fields.length !== names.length)
          throw new SyntaxError(`row ${count}: expected ${names.length} fields, found ${fields.length}`)
        rows.push(rowOf(names, fields))
      }
      yield rows
    }
    return { envelope: undefined, records: undefined }
  }
}

function rowOf(names: readonly string[], fields: readonly string[]): object {
  const row: Record<string, string | undefined> = {}
  for (let i = 0; i < names.length; i++) row[names[i] as string] = fields[i]
  return row
}
