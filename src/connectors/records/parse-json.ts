import { describeError } from '../../errors.ts'

/** How numbers of JSON become values. */
export interface NumberOptions {
  /**
   * Fractions with more digits than a double holds (`12345678901234.5678`) come as their text, for columns of type decimal.
   * @default false: they are rounded, as `JSON.parse` does
   */
  readonly exactDecimals?: boolean
}

type Context = { readonly source?: string }
type Reviver = (name: string, value: unknown, context: Context) => unknown
// The parameter `context` is in V8 since Node 21, and not yet in TypeScript's library.
const parse = JSON.parse as (text: string, reviver?: Reviver) => unknown

// Where a number may stand. Inside strings both find too much, which costs time and changes nothing.
// Written out it is searched for with leaps, a sixth of the time that `\d{16}` takes.
const sixteenDigits = /\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d\d/
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
export function parseJson(text: string, { exactDecimals = false }: NumberOptions = {}): unknown {
  try {
    if (exactDecimals && longNumber.test(text)) return parse(text, exactNumbers)
    return sixteenDigits.test(text) && longInteger.test(text) ? parse(text, exactIntegers) : parse(text)
  } catch (error) {
    throw new SyntaxError(describeError(error).replace(/,? ?(?:\.\.\.)?".*" is not valid JSON$/s, ''))
  }
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
