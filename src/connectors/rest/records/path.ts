import { PortError } from '../../../errors.ts'
import type { OptionRule } from '../../../options.ts'

/**
 * Where a value lies in a body: names joined by dots (`data.items`; a number counts in an array: `results.0.id`), or a list of names where one
 * of them has a dot in it (`['@odata.nextLink']`). `''` is the body itself.
 */
export type Path = string | readonly string[]

/** The names of a path, from the outermost. */
export function namesOf(path: Path): readonly string[] {
  if (typeof path !== 'string') return path
  return path === '' ? [] : path.split('.')
}

/** For people: `data.items`, or `the body itself`. */
export function showPath(path: Path): string {
  const names = namesOf(path)
  return names.length === 0 ? 'the body itself' : names.join('.')
}

export const pathRule: OptionRule = {
  expected: 'a path: names joined by dots, or a list of names',
  accepts: isPath,
}

export function isPath(value: unknown): value is Path {
  if (typeof value === 'string') return value === '' || value.split('.').every((name) => name !== '')
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

/** The value at a path; `undefined` where there is none. Inherited properties are none. */
export function valueAt(body: unknown, path: Path): unknown {
  let value = body
  for (const name of namesOf(path)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}

/**
 * A copy of the body with another value at the path; the body stays as it is. Objects that are missing on the way are made; items of a list are not.
 * @throws PortError where something else than an object lies on the way, or a list without such an item.
 */
export function withValueAt(body: unknown, path: Path, value: unknown): unknown {
  const [name, ...rest] = namesOf(path)
  if (name === undefined) return value
  if (Array.isArray(body)) {
    if (!body.some((_, index) => String(index) === name))
      throw new PortError(`expected an item ${JSON.stringify(name)} in a list, found a list of ${body.length}`)
    return body.map((item, index) => (String(index) === name ? withValueAt(item, rest, value) : item))
  }
  if (body !== undefined && (typeof body !== 'object' || body === null)) {
    throw new PortError(`expected an object to put ${JSON.stringify(name)} into, found ${JSON.stringify(body)}`)
  }
  const inner = body === undefined ? undefined : valueAt(body, [name])
  return { ...(body as object | undefined), [name]: withValueAt(inner, rest, value) }
}
