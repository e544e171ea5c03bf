import { type OptionRule, rules, validateOptions } from '../../options.ts'

/** Options of `rate`. */
export interface RateOptions {
  /** Rows a second; fractions are fine (`0.1` is a row every 10 s). @default 1 */
  readonly rowsPerSecond?: number
  /** Slices a batch is read in. @default 1 */
  readonly partitions?: number
  /** The time of row 0, in milliseconds since 1970 or as a `Date`. @default when the query first started */
  readonly startTime?: number | Date
  /**
   * Every batch takes exactly this many rows (fewer only where the query's `maxRows` says so), whatever the clock says:
   * an endless source for tests and load. Timestamps still advance by `1 / rowsPerSecond`.
   */
  readonly rowsPerBatch?: number
  /** The clock, in milliseconds since 1970. @default Date.now */
  readonly now?: () => number
}

export interface RateSettings {
  readonly rowsPerSecond: number
  readonly partitions: number
  readonly startTime: number | undefined
  readonly rowsPerBatch: number | undefined
  readonly now: () => number
}

const isTime = (value: unknown): boolean => Number.isSafeInteger(value instanceof Date ? value.getTime() : value)

const rateRules = {
  rowsPerSecond: {
    expected: 'a finite number above 0',
    accepts: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  },
  partitions: rules.positiveInteger,
  startTime: { expected: 'a valid Date or a whole number of milliseconds', accepts: isTime },
  rowsPerBatch: rules.positiveInteger,
  now: rules.function,
} as const satisfies Record<keyof RateOptions, OptionRule>

/** @throws OptionError */
export function rateSettings(options: RateOptions): RateSettings {
  validateOptions('rate', options, rateRules)
  const { rowsPerSecond = 1, partitions = 1, startTime, rowsPerBatch, now = Date.now } = options
  return {
    rowsPerSecond,
    partitions,
    startTime: startTime === undefined ? undefined : Number(startTime),
    rowsPerBatch,
    now,
  }
}
