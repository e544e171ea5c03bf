import { OffsetError, PortError } from '../errors.ts'
import type { OptionRule } from '../options.ts'

/** What a position in an order can be made of. */
export type Scalar = number | string

export const scalarRule: OptionRule = {
  expected: 'a safe integer or a text',
  accepts: (value) => typeof value === 'string' || Number.isSafeInteger(value),
}

/** Refuses what can't be kept in an offset, such as the NULL of a column: it would have no place in the order. */
export function scalar<T extends Scalar>(port: string, value: T): T {
  if (scalarRule.accepts(value)) return value
  throw new PortError(`${port} must be ${scalarRule.expected}, and it is ${String(value)}`)
}

/**
 * Numbers by size, texts by code unit. A database that sorts texts by a collation, or integers kept as texts, need a comparator of their own.
 * @throws OffsetError for a number and a text, and for what is neither: they have no order.
 */
export function naturalOrder(a: Scalar, b: Scalar): number {
  const kind = typeof a
  if (kind !== typeof b || (kind !== 'number' && kind !== 'string') || Number.isNaN(a) || Number.isNaN(b)) {
    throw new OffsetError(
      `keys must be all numbers or all texts to have an order, and these are ${show(a)} and ${show(b)}`,
    )
  }
  return a < b ? -1 : a > b ? 1 : 0
}

/** Integers kept as decimal texts (larger than 2^53), by size: '9' before '10'. */
export function integerOrder(a: Scalar, b: Scalar): number {
  const [left, right] = [toBigInt(a), toBigInt(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

/** What is absent comes first. */
export function compareOptional<T>(a: T | undefined, b: T | undefined, compare: (a: T, b: T) => number): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined)
  return compare(a, b)
}

function toBigInt(value: Scalar): bigint {
  if (!/^-?\d+$/.test(String(value))) throw new OffsetError(`keys must be integers, and this is ${show(value)}`)
  return BigInt(value)
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
