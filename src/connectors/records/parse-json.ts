import { describeError } from '../../errors.ts'

/** How numbers of JSON become values. */
export interface NumberOptions {
  /**
   * Fractions with more digits than a double holds (`12345678901234.5678`) come as their text, for columns of type decimal.
   * @default false: they are rounded, as `JSON.parse` does
   */
  readonly exactDecimals?: boolean
  /**
   * Names whose numbers become texts: where one that a double rounds stands there, all fractions of its text come as for `exactDecimals`.
   * @default none
   */
  readonly exactTexts?: ReadonlySet<string> | undefined
}

type Context = { readonly source?: string }
type Reviver = (name: string, value: unknown, context: Context) => unknown
// The parameter `context` is in V8 since Node 21, and not yet in TypeScript's library.
const parse = JSON.parse as (text: string, reviver?: Reviver) => unknown

// Where a number may stand. Inside strings both find too much, which costs time and changes nothing.
// Written out it is searched for with leaps, a sixth of the time that `\d{16}` takes.
const sixteenDigits = /\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d/
// A number of 17 digits has so many before its point, or after it.
const eightDigits = /\d\d\d\d\d\d\d\d/
const longInteger = /(?:^|[:,[\s])-?\d{16}/
const longNumber = /(?:^|[:,[\s])-?\d[\d.]{16}/

/** Whether {@link parseJson} may give other values for a piece of the text than `JSON.parse`; one look for many lines. */
export function hasLongDigits(text: string): boolean {
  return sixteenDigits.test(text)
}

/**
 * `JSON.parse` that never rounds an integer: one beyond ±(2⁵³ − 1) is a bigint, any other a number.
 *
 * A text without long digits costs a search of it (a twentieth of parsing it); one with them is parsed with a reviver,
 * about seven times as slow.
 * @throws SyntaxError without a piece of the text, which may be anybody's data.
 */
export function parseJson(text: string, { exactDecimals = false, exactTexts }: NumberOptions = {}): unknown {
  try {
    if (!eightDigits.test(text)) return parse(text)
    const hasLongNumber = (exactDecimals || exactTexts !== undefined) && longNumber.test(text)
    if (exactDecimals && hasLongNumber) return parse(text, exactNumbers)
    const value = sixteenDigits.test(text) && longInteger.test(text) ? parse(text, exactIntegers) : parse(text)
    if (exactTexts === undefined || !hasLongNumber || !hasRounded(value, exactTexts, false)) return value
    return parse(text, exactNumbers)
  } catch (error) {
    throw new SyntaxError(describeError(error).replace(/,? ?(?:\.\.\.)?".*" is not valid JSON$/s, ''))
  }
}

/** Whether a number that may have been rounded stands under one of the names. */
function hasRounded(value: unknown, names: ReadonlySet<string>, isUnder: boolean): boolean {
  if (typeof value === 'number') return isUnder && !Number.isSafeInteger(value)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some((item) => hasRounded(item, names, isUnder))
  return Object.entries(value).some(([name, item]) => hasRounded(item, names, isUnder || names.has(name)))
}

function exactIntegers(_name: string, value: unknown, { source }: Context): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value
  return /^-?\d+$/.test(source) ? BigInt(source) : value
}

function exactNumbers(name: string, value: unknown, context: Context): unknown {
  const exact = exactIntegers(name, value, context)
  const { source } = context
  if (typeof exact !== 'number' || source === undefined || String(exact) === source) return exact
  const digits = source
    .replace(/[eE].*$/, '')
    .replace(/^[-0.]+/, '')
    .replace('.', '')
  // A double gives back any 15 digits as they were.
  return digits.length > 15 ? source : exact
}
