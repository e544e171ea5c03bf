import { type OptionRule, oneOf, rules, validateOptions } from '../../options.ts'
import type { Result } from '../../result.ts'

/** Options of `console`. */
export interface ConsoleOptions {
  /** Rows shown of a batch. `0` shows none. @default 20 */
  readonly numRows?: number
  /**
   * The longest text a cell shows, in characters; `true` is 20. Longer ones end in `...` (below 4 they are only cut).
   * `false` or `0` shows all, aligned left. Only for tables.
   * @default true
   */
  readonly truncate?: boolean | number
  /** `table`: as Spark's `show()`. `json`: one line a batch, `{"batchId":0,"numRows":2,"rows":[…]}`. @default 'table' */
  readonly format?: 'table' | 'json'
  /** Where the text of a batch goes, in one piece. @default process.stdout */
  readonly write?: (text: string) => Result<unknown>
}

export interface ConsoleSettings {
  readonly numRows: number
  /** Characters; 0 for all. */
  readonly truncate: number
  readonly format: 'table' | 'json'
  readonly write: (text: string) => Result<unknown>
}

const consoleRules = {
  numRows: rules.nonNegativeInteger,
  truncate: {
    expected: 'true, false or an integer from 0',
    accepts: (value) => typeof value === 'boolean' || rules.nonNegativeInteger.accepts(value),
  },
  format: oneOf('table', 'json'),
  write: rules.function,
} as const satisfies Record<keyof ConsoleOptions, OptionRule>

/** @throws OptionError */
export function consoleSettings(options: ConsoleOptions): ConsoleSettings {
  validateOptions('console', options, consoleRules)
  const { numRows = 20, truncate = true, format = 'table', write = (text) => process.stdout.write(text) } = options
  return { numRows, truncate: truncate === true ? 20 : Number(truncate), format, write }
}
