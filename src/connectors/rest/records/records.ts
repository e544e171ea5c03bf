import { describeError, PortError } from '../../../errors.ts'
import type { Beside } from './parser.ts'
import { namesOf, type Path, showPath, valueAt, withValueAt } from './path.ts'

/**
 * Where the items of a body are: a path to an array, or a function of the whole body. Without it the only array of the body is taken
 * (see {@link findRecords}). In XML the path leads to the repeated element, from the root's name on: `feed.entry`.
 */
export type Records = Path | ((body: unknown) => readonly unknown[])

/** A body taken apart. */
export interface Taken extends Beside {
  readonly items: readonly unknown[]
}

/** Properties that are lists beside the records, never the records. */
const besides = new Set(['errors', 'warnings'])

/**
 * Takes the items out of a parsed body. `null` in their place is an empty page.
 * @throws PortError where there is no array, or (without `records`) where there are several.
 */
export function takeRecords(body: unknown, records: Records | undefined): Taken {
  if (typeof records === 'function') {
    const items = callRecords(records, body)
    if (!Array.isArray(items))
      throw new PortError(`expected an array from the function "records", found ${kind(items)}`)
    return { items, envelope: body, records: undefined }
  }
  const path = records === undefined ? findRecords(body) : namesOf(records)
  const items = valueAt(body, path)
  if (items === null) return { items: [], envelope: body ?? undefined, records: path }
  if (!Array.isArray(items)) throw refuseItems(body, path)
  return { items, envelope: path.length === 0 ? undefined : withValueAt(body, path, []), records: path }
}

function callRecords(records: (body: unknown) => unknown, body: unknown): unknown {
  try {
    return records(body)
  } catch (error) {
    throw new PortError(`the function "records" failed: ${describeError(error)}`, { cause: error })
  }
}

/**
 * The path of the only array in a body: the body itself, or a property of it, or a property of an object in it. `errors` and `warnings` don't count,
 * nor does a list of anything but objects.
 * @throws PortError where there is none, or more than one: which of them holds the rows is for the user to say.
 */
export function findRecords(body: unknown): readonly string[] {
  const found = arraysIn(body, 2)
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  throw new PortError(
    found.length === 0
      ? `expected the rows in an array, found none in ${kind(body)}; say where they are with "records"`
      : `expected one array, found ${found.length}: ${found.map(showPath).join(', ')}; say which holds the rows with "records"`,
  )
}

function arraysIn(value: unknown, depth: number): (readonly string[])[] {
  if (Array.isArray(value)) return value.every((item) => typeof item === 'object' && item !== null) ? [[]] : []
  if (typeof value !== 'object' || value === null || depth === 0) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    besides.has(name) ? [] : arraysIn(inner, depth - 1).map((path) => [name, ...path]),
  )
}

/** Why there are no items at a path: for a user who mistyped it, or an API that answers 200 with an error. */
export function refuseItems(body: unknown, path: Path): PortError {
  const found = valueAt(body, path)
  return new PortError(
    `expected an array at ${showPath(path)}, found ${found === undefined ? `nothing there in ${kind(body)}` : kind(found)}`,
  )
}

/** What a value is, without its content. */
function kind(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  const names = Object.keys(value)
  const shown = names.slice(0, 20).map((name) => name.slice(0, 50))
  return `an object with ${names.length === 0 ? 'nothing in it' : shown.join(', ')}${names.length > 20 ? ', …' : ''}`
}
