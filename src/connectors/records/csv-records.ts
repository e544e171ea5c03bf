import { pipeline, type Readable } from 'node:stream'
import { optionalPackage } from './optional-package.ts'

/** What of CSV can be written differently. */
export interface CsvDialect {
  readonly delimiter: string
  /** A record that is longer, in characters, is an error. */
  readonly longest: number
}

/** The fields of one record. */
export type CsvRecord = readonly string[]

const chunkRecords = 1_000

/**
 * Records of CSV (RFC 4180), in chunks; lines end with CRLF, LF or CR, each as it comes, and empty ones are skipped. How many fields a record has is for the caller to judge; a quote in the wrong place is an error.
 * A byte order mark must be gone.
 *
 * Needs the package csv-parse: strict where others guess (csv-parser takes an open quote and a short row without a word), with types,
 * without dependencies; 260,000 rows a second here (csv-parser 470,000, papaparse 310,000).
 * @throws SyntaxError without a piece of the text, which may be anybody's data.
 */
export async function* csvRecords(
  text: AsyncIterable<string>,
  dialect: CsvDialect,
): AsyncGenerator<readonly CsvRecord[]> {
  yield* pulled<CsvRecord>(await parsing(text, dialect, {}))
}

/** The same, each record with the text that it stood in. */
export async function* csvRecordsWithText(
  text: AsyncIterable<string>,
  dialect: CsvDialect,
): AsyncGenerator<readonly { readonly record: CsvRecord; readonly raw: string }[]> {
  yield* pulled<{ record: CsvRecord; raw: string }>(await parsing(text, dialect, { raw: true }))
}

async function parsing(
  text: AsyncIterable<string>,
  { delimiter, longest }: CsvDialect,
  more: { readonly raw?: true },
): Promise<Readable> {
  const { parse } = await optionalPackage('csv-parse', 'reading CSV', () => import('csv-parse'))
  const rows = parse({
    delimiter,
    // All of them, as a file may be of several makers; the parser's own guess takes the first one for all, and what else ends a line then for a part of a field.
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: longest,
    ...more,
  })
  // Errors of the text destroy the parser, and reach the reader; destroying it ends the text.
  pipeline(text, rows, () => {})
  return rows
}

/** What is there is taken at once: an await a record would cost as much as parsing it. */
async function* pulled<T>(rows: Readable): AsyncGenerator<readonly T[]> {
  let failed: { readonly error: unknown } | undefined
  let ended = false
  let wake: () => void = () => undefined
  const woken = (): void => wake()
  rows.on('readable', woken)
  rows.on('end', () => {
    ended = true
    wake()
  })
  rows.on('error', (error: unknown) => {
    failed = { error }
    wake()
  })
  try {
    for (;;) {
      let chunk: T[] = []
      for (let row: unknown = rows.read(); row !== null; row = rows.read()) {
        chunk.push(row as T)
        if (chunk.length < chunkRecords) continue
        yield chunk
        chunk = []
      }
      if (chunk.length > 0) yield chunk
      else if (failed !== undefined) throw withoutText(failed.error)
      else if (ended) return
      else if (rows.readableLength === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (failed !== undefined || ended) resolve()
        })
      }
    }
  } finally {
    rows.destroy()
  }
}

/** The parser's errors without the field that they quote. */
function withoutText(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error && 'lines' in error)) return error
  return new SyntaxError(`${error.code} in line ${error.lines}`)
}

/** @throws SyntaxError for names that would make one field hide another. */
export function checkedNames(names: readonly string[]): readonly string[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index || name === '__proto__')
  if (twice !== undefined)
    throw new SyntaxError(`expected a different name for each column, found ${JSON.stringify(twice)} twice or reserved`)
  return names
}
