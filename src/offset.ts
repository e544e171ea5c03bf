import { OffsetError, OffsetRegressionError, PortError } from './errors.ts'

/**
 * A position in a source: the first thing *not* yet read. An object of safe integers, strings, booleans and further such objects;
 * no floats, no null, no arrays (larger integers as strings), so that every JSON implementation writes and compares it alike.
 */
export interface OffsetObject {
  readonly [name: string]: number | string | boolean | OffsetObject
}

/**
 * The offset with its keys sorted at every level: two offsets are equal when these texts are.
 * @param where named in the error, e.g. `latestOffset of comments_api`.
 * @throws OffsetError for anything that an offset may not hold.
 */
export function canonicalOffset(offset: unknown, where: string): string {
  if (typeof offset !== 'object' || offset === null || Array.isArray(offset)) {
    throw new OffsetError(
      `${where}: an offset is an object of integers, strings and booleans, and this is ${kindOf(offset)}`,
    )
  }
  const known = frozenCopies.get(offset)
  if (known !== undefined && known !== '') return known
  const text = canonicalObject(offset, where, '')
  if (known === '') frozenCopies.set(offset, text)
  return text
}

/**
 * What can't change any more, by itself or through others, and its canonical text; empty until that is asked for. The end of a batch is the start of the next one, and both
 * are compared again and again.
 */
const frozenCopies = new WeakMap<object, string>()

/**
 * The same offset, which nobody can change any more, not by mistake either. Keys keep their order.
 * @param canonical its canonical text, where that is known.
 */
export function copyOffset<Offset extends object>(offset: Offset, canonical = ''): Offset {
  return frozenCopy(offset, canonical)
}

/** A copy of plain JSON in which every assignment is an error: what a source is given is what the log has. */
export function frozenCopy<T>(value: T, canonical = ''): T {
  const copy: unknown = simpleCopy(value, deepest) ?? frozen(JSON.parse(JSON.stringify(value)))
  if (typeof copy === 'object' && copy !== null) frozenCopies.set(copy, canonical)
  return copy as T
}

/** Whether it came out of {@link frozenCopy}: it is JSON, and stays as it is. */
export function isFrozenCopy(value: object): boolean {
  return frozenCopies.has(value)
}

/** Levels; what is deeper is copied by way of a text. */
const deepest = 4

/**
 * The frozen copy of what a text would not change: plain objects and lists of strings, booleans, finite numbers and null. Most offsets and partitions are no more than that,
 * and a text takes four times as long.
 * @returns `undefined` when there is anything else in it.
 */
function simpleCopy(value: unknown, levels: number): object | undefined {
  if (typeof value !== 'object' || value === null || levels === 0) return undefined
  if (Array.isArray(value)) return simpleList(value, levels)
  if (Object.getPrototypeOf(value) !== Object.prototype) return undefined
  const copy: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    if (name === '__proto__' || name === 'toJSON') return undefined
    const child: unknown = (value as Record<string, unknown>)[name]
    const copied = isSimple(child) ? child : simpleCopy(child, levels - 1)
    if (copied === undefined) return undefined
    copy[name] = copied
  }
  return Object.freeze(copy)
}

function simpleList(list: readonly unknown[], levels: number): object | undefined {
  if (Object.getPrototypeOf(list) !== Array.prototype) return undefined
  const copy: unknown[] = []
  for (const child of list) {
    const copied = isSimple(child) ? child : simpleCopy(child, levels - 1)
    if (copied === undefined) return undefined
    copy.push(copied)
  }
  return 'toJSON' in list ? undefined : Object.freeze(copy)
}

function isSimple(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  return typeof value === 'string' || typeof value === 'boolean' || value === null
}

// Parsed from text, so that it is a tree; as deep as that text was.
function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  for (const child of Object.values(value)) frozen(child)
  return Object.freeze(value)
}

/** @throws OffsetRegressionError when the source has an order and this answer of `latestOffset` lies before where it was asked from. */
export function refuseRegression<Offset extends object>(
  start: Offset,
  end: Offset,
  compare: ((a: Offset, b: Offset) => number) | undefined,
): void {
  if (compare === undefined || compareOffsets(compare, end, start) >= 0) return
  throw new OffsetRegressionError(
    `latestOffset went back from ${canonicalOffset(start, 'start')} to ${canonicalOffset(end, 'latestOffset')}`,
  )
}

/** @throws PortError for an answer that orders nothing: a boolean, NaN. */
export function compareOffsets<Offset extends object>(
  compare: (a: Offset, b: Offset) => number,
  a: Offset,
  b: Offset,
): number {
  const order: unknown = compare(a, b)
  if (typeof order === 'number' && !Number.isNaN(order)) return order
  throw new PortError(
    `compare must answer with a number (less than 0: the first is before the second), and it answered with ${String(order)}`,
  )
}

export function sameOffset(a: object, b: object): boolean {
  return a === b || canonicalOffset(a, 'offset') === canonicalOffset(b, 'offset')
}

function canonicalObject(value: object, where: string, path: string): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    throw new OffsetError(
      `${where}: ${path === '' ? 'the offset' : path} must be a plain object, and it is ${kindOf(value)}`,
    )
  }
  const parts: string[] = []
  for (const [name, child] of Object.entries(value).sort(byName)) {
    parts.push(`${JSON.stringify(name)}:${canonicalValue(child, where, path === '' ? name : `${path}.${name}`)}`)
  }
  return `{${parts.join(',')}}`
}

function canonicalValue(value: unknown, where: string, path: string): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value)
    case 'number':
      if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '0' : String(value)
      throw new OffsetError(
        `${where}: ${path} must be a safe integer, and it is ${value}; write larger or fractional numbers as strings`,
      )
    case 'object':
      if (value !== null && !Array.isArray(value)) return canonicalObject(value, where, path)
  }
  throw new OffsetError(
    `${where}: ${path} must be an integer, a string, a boolean or an object of these, and it is ${kindOf(value)}`,
  )
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return `a ${value.constructor?.name ?? 'object'}`
  return typeof value
}
