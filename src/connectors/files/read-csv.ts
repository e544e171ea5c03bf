import { FileRefusedError } from '../../errors.ts'
import type { Schema } from '../../schema.ts'
import { type CsvRecord, checkedNames, csvRecords, csvRecordsWithText } from '../records/csv-records.ts'
import { textPieces } from '../records/text-pieces.ts'
import type { CsvSettings } from './options.ts'
import type { RowMaker } from './row-maker.ts'

/** What of a source a CSV file is read by. */
export interface CsvReading extends CsvSettings {
  readonly schema: Schema
  readonly keepsRaw: boolean
  readonly longest: number
}

/**
 * The rows of a whole CSV file. A record of another length than the header is a {@link MalformedRow}; a quote in the wrong place fails
 * the file, because nobody can tell where records begin after it.
 * @throws FileRefusedError
 */
export async function* csvRows(
  bytes: AsyncIterable<Buffer>,
  maker: RowMaker,
  path: string,
  reading: CsvReading,
): AsyncGenerator<readonly object[]> {
  const { delimiter, keepsRaw, longest, header } = reading
  let names: readonly string[] | undefined = header ? undefined : reading.schema.fields.map(({ name }) => name)
  const add = (rows: object[], fields: CsvRecord, raw: () => string): void => {
    if (names === undefined) {
      names = checkedHeader(fields, reading.schema)
      return
    }
    if (fields.length !== names.length) {
      rows.push(maker.malformed(raw(), `${path}: expected ${names.length} fields, found ${fields.length}`, undefined))
      return
    }
    const item: Record<string, string | undefined> = {}
    for (let i = 0; i < names.length; i++) item[names[i] as string] = fields[i]
    rows.push(maker.make(item, raw, undefined))
  }
  try {
    const text = textPieces(bytes, 'utf-8')
    if (keepsRaw) {
      for await (const records of csvRecordsWithText(text, { delimiter, longest }))
        yield chunkOf(records, (rows, { record, raw }) => add(rows, record, () => raw.replace(/\r?\n$/, '')))
    } else {
      for await (const records of csvRecords(text, { delimiter, longest }))
        yield chunkOf(records, (rows, fields) => add(rows, fields, () => fields.join(delimiter)))
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new FileRefusedError(`${path}: expected CSV, found ${error.message}`, { cause: error })
  }
}

function chunkOf<T>(records: readonly T[], add: (rows: object[], record: T) => void): object[] {
  const rows: object[] = []
  for (const record of records) add(rows, record)
  return rows
}

/** @throws SyntaxError for a header that isn't of such rows, or nearly names a column: all of it would be nulls. */
function checkedHeader(fields: CsvRecord, schema: Schema): readonly string[] {
  const names = checkedNames(fields)
  if (!schema.fields.some(({ name }) => names.includes(name)))
    throw new SyntaxError(
      'a first row that names none of the columns of the schema; option "csv" may say header: false',
    )
  const known = new Set(schema.fields.map(({ name }) => name))
  const others = new Set(names.filter((name) => !known.has(name)).map(folded))
  const missed = schema.fields.find(({ name }) => !names.includes(name) && others.has(folded(name)))
  if (missed !== undefined)
    throw new SyntaxError(
      `a header with column ${JSON.stringify(missed.name)} in another case or with blanks around it; name it alike in the schema`,
    )
  return names
}

function folded(name: string): string {
  return name.trim().toLowerCase()
}
