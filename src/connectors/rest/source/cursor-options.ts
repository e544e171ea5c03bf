import { type Duration, positiveDurationRule } from '../../../duration.ts'
import type { Instant } from '../../../instant.ts'
import { type OptionRule, oneOf, required, rules } from '../../../options.ts'
import { type Placing, placingRule } from './placing.ts'

/** Names of the columns that hold values of some type; of rows whose columns aren't known at compile time, any name. */
export type ColumnOf<Row, Value = unknown> = string extends keyof Row
  ? string
  : { [Name in keyof Row & string]: NonNullable<Row[Name]> extends Value ? Name : never }[keyof Row & string]

/** How rows that are new or changed are recognised. */
export interface CursorOptions<Row extends object> {
  /**
   * The column that the API filters by: a time, an integer or a text, not null, which may tie. Its type decides: `timestamp` and `date` are times (milliseconds; finer
   * ones tie), integers go by size, texts by code unit.
   */
  readonly field: ColumnOf<Row, Date | number | bigint | string>
  /** The column, or the columns, that tell rows of one value apart. */
  readonly key:
    | ColumnOf<Row, Date | number | bigint | string>
    | readonly ColumnOf<Row, Date | number | bigint | string>[]
  /** Where the API takes the least value that is asked for. Without it all rows are asked for each time, and the old ones left out. */
  readonly param?: Placing<string | number>
  /** Where the API takes an upper bound (times only), whichever way it reads it: what appears later stays out of a pagination run. */
  readonly until?: Placing<string | number>
  /** The value a new query begins with: a time, an integer, a text; `'latest'` (times only): from now on. @default with the first row */
  readonly from?: Instant | bigint
  /**
   * How the API reads `param`: `true` as "at least", `false` as "more than".
   * @default neither is relied on: it is asked from one granule less, which is right for both. A text is asked as it is, so there the API must answer with "at least".
   */
  readonly inclusive?: boolean
  /** Of times in a parameter; they are rounded down. In whole seconds they are written without a fraction, in whole days without a time. @default '1 millisecond', with `format: 'seconds'` '1 second' */
  readonly granularity?: Duration
  /**
   * How a time is written in a parameter: ISO 8601 (in UTC with `Z`, or with the option `timeZone` as that zone's clocks show it), as a number since 1970,
   * or as a function makes it of the ISO text (say the `granularity`, too, where it leaves something out). @default 'iso'
   */
  readonly format?: 'iso' | 'seconds' | 'milliseconds' | ((iso: string) => string)
  /**
   * Rows younger than this aren't taken yet (times only): how long a row may take to appear, and how far the API's clock may be ahead of ours. What takes longer needs `lookback`.
   * A stream leaves a row that is dated in the future until its time has come, so that it doesn't hide all that come before. @default 0
   */
  readonly lag?: Duration
  /**
   * How far back it is asked each time for rows that appeared late; for integers a plain number. **Hazard**: what was seen in that time is part of the offset, so that it comes
   * once: keep it short. @default 0
   */
  readonly lookback?: Duration
  /**
   * The API's order. Where it isn't ascending, a run over all new rows has to end before the oldest is known. An order that isn't kept is an error.
   * `'unsorted'` needs `lag`, `until` or `lookback`: a row that changes while the others are read must not be behind what was read in the end.
   * @default 'ascending'
   */
  readonly sorted?: 'ascending' | 'descending' | 'unsorted'
  /**
   * The most rows that are asked for in one query, over all its pages; the next one begins at the last value. For APIs that give no more. Needs ascending order and `param`.
   * `Infinity`: no cap.
   * @default where pages go by offset or number, or nobody said how (`automatic`): one page, because rows that change meanwhile would push others across a page's end, out of sight; else no cap
   */
  readonly cap?: number
  /**
   * Rows that wait in memory, at most about twice as many: a batch between planning and reading, and new rows of an API that doesn't sort in ascending order. What is more is asked for again.
   * @default 100_000
   */
  readonly maxHeld?: number
}

const columnsRule: OptionRule = {
  expected: 'the name of a column, or a list of such names',
  accepts: (value) =>
    rules.string.accepts(value) || (Array.isArray(value) && value.length > 0 && value.every(rules.string.accepts)),
}

const formatRule: OptionRule = {
  expected: '"iso", "seconds", "milliseconds" or a function of the ISO text',
  accepts: (value) => typeof value === 'function' || oneOf('iso', 'seconds', 'milliseconds').accepts(value),
}

const anything: OptionRule = { expected: 'a value', accepts: () => true }

/** What depends on the cursor's type is looked at by whoever knows it. */
export const cursorRules = {
  field: required(rules.string),
  key: required(columnsRule),
  param: placingRule,
  until: placingRule,
  from: anything,
  inclusive: rules.boolean,
  granularity: positiveDurationRule,
  format: formatRule,
  lag: anything,
  lookback: anything,
  sorted: oneOf('ascending', 'descending', 'unsorted'),
  cap: rules.limit,
  maxHeld: rules.positiveInteger,
} as const satisfies Record<keyof CursorOptions<object>, OptionRule>
