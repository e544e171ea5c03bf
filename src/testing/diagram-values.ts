import { isDeepStrictEqual } from 'node:util'
import { isObservable } from 'rxjs'

/** Characters a printed value may take up. */
const valueWidth = 80

/** Items of a collection, or bytes, that are looked at; more than {@link valueWidth} has room for. */
const itemLimit = 40

/** How deep {@link differences} looks; bounds structures that contain themselves. */
const depthLimit = 8

/** A value on one line: like JSON, with what JSON lacks (bigint, undefined, NaN, dates, bytes, errors, class names), cut to 80 characters. */
export function print(value: unknown): string {
  return cut(textOf(value, []))
}

export interface Difference {
  /** Such as `.rows[0].id`; empty where the values as a whole differ. */
  readonly path: string
  readonly expected: string
  readonly received: string
}

/** The innermost places where two values differ, deeply compared; empty when they are equal. */
export function differences(expected: unknown, received: unknown, path = '', depth = 0): readonly Difference[] {
  if (isDeepStrictEqual(expected, received)) return []
  if (depth < depthLimit && isStructure(expected) && isStructure(received) && sameClass(expected, received)) {
    const inner = [...new Set([...keysOf(expected), ...keysOf(received)])].flatMap((key) => {
      const at = path + step(expected, key)
      if (!(key in expected)) return [{ path: at, expected: 'nothing', received: print(received[key]) }]
      if (!(key in received)) return [{ path: at, expected: print(expected[key]), received: 'nothing' }]
      return differences(expected[key], received[key], at, depth + 1)
    })
    if (inner.length > 0) return inner
  }
  return [{ path, ...printPair(expected, received) }]
}

function textOf(value: unknown, within: readonly object[]): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'function':
      return `[Function ${value.name || 'anonymous'}]`
    case 'object':
      return value === null ? 'null' : textOfObject(value, within)
    default:
      return String(value)
  }
}

function textOfObject(value: object, within: readonly object[]): string {
  if (within.includes(value)) return '(circular)'
  const inner = (item: unknown) => textOf(item, [...within, value])
  const name = classNameOf(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (isObservable(value)) return 'Observable'
  if (value instanceof Uint8Array) return `${name}(${value.length}) <${listOf(value, hex, ' ')}>`
  if (value instanceof Map)
    return `Map(${value.size}) {${listOf(value, ([key, item]) => `${inner(key)} → ${inner(item)}`)}}`
  if (value instanceof Set) return `Set(${value.size}) {${listOf(value, inner)}}`
  if (Array.isArray(value)) return `[${listOf(value, inner)}]`
  const properties = listOf(Object.entries(value), ([key, item]) => `${JSON.stringify(key)}:${inner(item)}`)
  return name === 'Object' ? `{${properties}}` : `${name} {${properties}}`
}

function listOf<T>(items: Iterable<T>, print: (item: T) => string, separator = ','): string {
  const texts: string[] = []
  for (const item of items) {
    if (texts.length === itemLimit) return `${texts.join(separator)}${separator}…`
    texts.push(print(item))
  }
  return texts.join(separator)
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

function classNameOf(value: object): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null) return 'null-prototype'
  return value.constructor?.name || 'anonymous class'
}

function cut(text: string): string {
  return text.length <= valueWidth ? text : `${text.slice(0, valueWidth - 1)}…`
}

/** Long texts are cut from the left up to where they differ. */
function printPair(expected: unknown, received: unknown): { expected: string; received: string } {
  const [left, right] = [textOf(expected, []), textOf(received, [])]
  if (left === right) return { expected: cut(left), received: 'another one that prints the same' }
  let same = 0
  while (left[same] === right[same]) same += 1
  const from = same < valueWidth / 2 ? 0 : same - 10
  const window = (text: string) => cut(from === 0 ? text : `…${text.slice(from)}`)
  return { expected: window(left), received: window(right) }
}

type Properties = Record<string, unknown>

function sameClass(a: object, b: object): boolean {
  return Object.getPrototypeOf(a) === Object.getPrototypeOf(b)
}

function isStructure(value: unknown): value is Properties {
  if (typeof value !== 'object' || value === null) return false
  const opaque = value instanceof Date || value instanceof Map || value instanceof Set || isObservable(value)
  return !opaque && !ArrayBuffer.isView(value)
}

/** Of errors also what is compared though it isn't enumerable. */
function keysOf(value: Properties): readonly string[] {
  const hidden = value instanceof Error ? ['name', 'message', 'cause'].filter((key) => key in value) : []
  return [...hidden, ...Object.keys(value)]
}

function step(value: Properties, key: string): string {
  if (Array.isArray(value)) return `[${key}]`
  return /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
}
