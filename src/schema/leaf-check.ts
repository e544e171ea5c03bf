import type { DataType } from './data-type.ts'

/** The types whose values hold no further values. */
export type LeafType = Exclude<DataType, { readonly kind: 'array' | 'map' | 'struct' }>

/** Whether a type's values hold no further values. */
export function isLeaf(type: DataType): type is LeafType {
  return type.kind !== 'array' && type.kind !== 'map' && type.kind !== 'struct'
}

/** The tests that are shorter than a call, as expressions of `value`. */
export const leafTests: Readonly<Partial<Record<LeafType['kind'], string>>> = {
  boolean: "typeof value === 'boolean'",
  int: "typeof value === 'number' && (value | 0) === value",
  double: "typeof value === 'number'",
  string: "typeof value === 'string'",
}

/** Makes the test for one type: whether a value that isn't null fits. */
export function leafCheck(type: LeafType): (value: unknown) => boolean {
  switch (type.kind) {
    case 'boolean':
      return (value) => typeof value === 'boolean'
    case 'tinyint':
      return integerCheck(8)
    case 'smallint':
      return integerCheck(16)
    case 'int':
      return (value) => typeof value === 'number' && (value | 0) === value
    case 'bigint':
      return (value) => typeof value === 'bigint' && BigInt.asIntN(64, value) === value
    case 'float':
      // A finite number that a 32-bit float can't hold would be written as Infinity.
      return (value) => typeof value === 'number' && (Number.isFinite(Math.fround(value)) || !Number.isFinite(value))
    case 'double':
      return (value) => typeof value === 'number'
    case 'string':
      return (value) => typeof value === 'string'
    case 'varchar':
    case 'char':
      return lengthCheck(type.length)
    case 'decimal':
      return decimalCheck(type.precision, type.scale)
    case 'binary':
      return (value) => value instanceof Uint8Array
    case 'date':
    case 'timestamp':
      return (value) => value instanceof Date && !Number.isNaN(value.getTime())
  }
}

function integerCheck(bits: number): (value: unknown) => boolean {
  const limit = 2 ** (bits - 1)
  return (value) => typeof value === 'number' && (value | 0) === value && value >= -limit && value < limit
}

function lengthCheck(length: number): (value: unknown) => boolean {
  // A code point is one or two UTF-16 units, so most strings needn't be counted.
  return (value) =>
    typeof value === 'string' && (value.length <= length || (value.length <= 2 * length && [...value].length <= length))
}

/** A sign, digits and perhaps a fraction. Zeros that don't count (in front, at the end of the fraction) may be there. */
function decimalCheck(precision: number, scale: number): (value: unknown) => boolean {
  const pattern = new RegExp(`^[+-]?(?=[0-9])0*[0-9]{0,${precision - scale}}(?:\\.(?=[0-9])[0-9]{0,${scale}}0*)?$`)
  return (value) => typeof value === 'string' && pattern.test(value)
}

/** What a value is, in words that never hold the value itself. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  switch (typeof value) {
    case 'undefined':
      return 'nothing'
    case 'number':
      return Number.isNaN(value) ? 'NaN' : 'a number'
    case 'object':
      return objectKind(value)
    default:
      return `a ${typeof value}`
  }
}

function objectKind(value: object): string {
  if (value instanceof Date && Number.isNaN(value.getTime())) return 'an invalid Date'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return 'an object'
  const name: unknown = typeof prototype === 'object' ? prototype.constructor?.name : undefined
  return typeof name === 'string' && name !== ''
    ? `an object of class ${name}`
    : 'an object with a prototype of its own'
}

/** {@link kindOf} a value that doesn't fit its type, and why where the kind alone is right. */
export function whyUnfit(type: LeafType, value: unknown): string {
  if (typeof value === 'number' && !Number.isNaN(value)) {
    if (type.kind === 'float') return 'a number out of range'
    if (type.kind === 'int' || type.kind === 'smallint' || type.kind === 'tinyint') {
      return Number.isInteger(value) || !Number.isFinite(value) ? 'a number out of range' : 'a fractional number'
    }
  }
  if (typeof value === 'bigint' && type.kind === 'bigint') return 'a bigint out of range'
  if (typeof value === 'string') {
    if (type.kind === 'varchar' || type.kind === 'char') return 'a longer string'
    if (type.kind === 'decimal') return 'a string that holds no such number'
  }
  return kindOf(value)
}
