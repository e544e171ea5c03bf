import { type OptionRule, oneOf, rules } from '../../../options.ts'
import type { NumberOptions } from '../../records/parse-json.ts'
import type { CsvOptions } from './csv.ts'
import { type Format, formats } from './format.ts'
import { isPath } from './path.ts'
import type { Records } from './records.ts'

/** How a body becomes a page of items. */
export interface PageOptions extends NumberOptions {
  /** Where the items are; see {@link Records}. @default the only array in the body */
  readonly records?: Records
  /** @default what the `content-type` says; JSON where it says nothing */
  readonly format?: Format
  /** How CSV is written. @default commas and a header row */
  readonly csv?: CsvOptions
  /**
   * Bodies up to this many bytes are received whole and parsed at once: fast, and one that is cut short is asked for again before a row of it is seen.
   * Larger ones are parsed while they arrive, in bounded memory. @default 8 MiB
   */
  readonly bufferBytes?: number
}

/** @default of {@link PageOptions.bufferBytes} */
export const defaultBufferBytes = 8 * 1024 * 1024

/** Rules of {@link PageOptions}, for the options of what takes them. */
export const pageRules = {
  records: { expected: 'a path or a function', accepts: (value) => typeof value === 'function' || isPath(value) },
  format: oneOf(...formats),
  csv: rules.object,
  bufferBytes: rules.positiveInteger,
  exactDecimals: rules.boolean,
  exactTexts: { expected: 'a set of names', accepts: (value) => value instanceof Set },
} as const satisfies Record<keyof PageOptions, OptionRule>
