import { RowError } from './errors.ts'

/** How a bigint is written: as text, because most readers round a number beyond 2⁵³ without a word, or as a number with all its digits. */
export type BigintForm = 'text' | 'number'

/**
 * A row, or what stands for one, as JSON text: the one way in which all sinks write rows.
 *
 * | | becomes |
 * |---|---|
 * | `Date` | ISO 8601 in UTC |
 * | `bigint` | digits as text, or a number with all its digits |
 * | `Uint8Array` | base64 |
 * | a property that is `undefined` | left out; the others keep their order |
 * | NaN, infinities, invalid dates, functions, symbols, `Map`, `Set`, other binary, errors, patterns, promises, `undefined` in a list | refused: JSON would turn them into `null` or `{}`, or drop them |
 *
 * @throws RowError naming the property, never its value, for what is refused.
 */
export function jsonText(value: unknown, bigints: BigintForm = 'text'): string {
  if (isPlain(value)) return JSON.stringify(value)
  let root: unknown
  let column = ''
  const where = (name: string): string => {
    if (column === '') return 'it'
    return JSON.stringify(column) + (name === column ? '' : ` (at ${JSON.stringify(name)})`)
  }
  // `this` holds the value as it was before its own toJSON.
  function plain(this: Readonly<Record<string, unknown>>, name: string, converted: unknown): unknown {
    if (root === undefined) root = converted
    else if (this === root) column = name
    const original = this[name]
    if (typeof original === 'bigint') return bigints === 'text' ? String(original) : rawJson(String(original))
    if (original instanceof Uint8Array) return base64(original)
    const what = original === undefined && Array.isArray(this) ? 'undefined in a list' : unfit(original)
    if (what === undefined) return converted
    throw new RowError(`${where(name)} holds ${what}, which JSON can't hold`)
  }
  try {
    const text = JSON.stringify(value, plain)
    if (text !== undefined) return text
  } catch (error) {
    throw error instanceof RowError
      ? error
      : new RowError(`${where(column)} can't be written as JSON`, { cause: error })
  }
  throw new RowError('it is undefined, which JSON has no word for')
}

/** Whether `JSON.stringify` is right as it is, and three times as fast as value by value. */
function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const inner of Object.values(value)) {
    if (typeof inner === 'string' || typeof inner === 'boolean' || Number.isFinite(inner)) continue
    if (inner === null || inner === undefined || (inner instanceof Date && unfit(inner) === undefined)) continue
    return false
  }
  return true
}

/** What a value is that no text stands for, or `undefined` where one does. */
export function unfit(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid date' : undefined
  if (value instanceof Map || value instanceof Set || value instanceof ArrayBuffer || ArrayBuffer.isView(value))
    return `a ${value.constructor.name}`
  if (value instanceof Number) return Number.isFinite(value.valueOf()) ? undefined : String(value)
  if (unwritable.some((type) => value instanceof type) && !hasOwnText(value)) return `a ${value?.constructor.name}`
  return undefined
}

/** What JSON takes for an empty object. */
const unwritable = [Error, RegExp, Promise, WeakMap, WeakSet, WeakRef]

function hasOwnText(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'toJSON' in value
}

/** Also of a part of a buffer. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/** A number that keeps its digits. The types don't know of it yet. */
function rawJson(digits: string): unknown {
  return (JSON as unknown as { readonly rawJSON: (text: string) => unknown }).rawJSON(digits)
}
