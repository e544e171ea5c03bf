import { PortError } from '../../../errors.ts'
import { csvParser } from './csv.ts'
import type { Format } from './format.ts'
import { arrivingJsonParser } from './json.ts'
import { ndjsonParser } from './ndjson.ts'
import type { PageOptions } from './page-options.ts'
import type { Parser } from './parser.ts'
import { namesOf } from './path.ts'
import { xmlParser } from './xml.ts'

/** What a parser has to know of a body. */
export interface Body {
  readonly format: Format
  /** CSV with tabs. */
  readonly tabs: boolean
}

/**
 * The parser of a body that comes in pieces.
 * @throws PortError where its format needs "records" in another form, or has no place for it.
 */
export function parserOf({ format, tabs }: Body, options: PageOptions): Parser {
  const { records, csv = {} } = options
  switch (format) {
    case 'json':
      return arrivingJsonParser(
        records === undefined ? undefined : pathOf(options, 'JSON longer than "bufferBytes"'),
        options,
      )
    case 'xml':
      return xmlParser(pathOf(options, 'XML'))
    case 'ndjson':
      refuseRecords(options, 'NDJSON')
      return ndjsonParser(options)
    case 'csv':
      refuseRecords(options, 'CSV')
      return csvParser(tabs ? { delimiter: '\t', ...csv } : csv)
  }
}

function pathOf({ records = '' }: PageOptions, what: string): readonly string[] {
  if (typeof records !== 'function') return namesOf(records)
  throw new PortError(
    `expected "records" to be a path, found a function, which needs the body as one value: this is ${what}`,
  )
}

function refuseRecords({ records = '' }: PageOptions, what: string): void {
  if (typeof records !== 'function' && namesOf(records).length === 0) return
  throw new PortError(`expected no "records", found one: this is ${what}, of which each line is a row`)
}
