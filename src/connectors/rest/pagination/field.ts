import { PortError } from '../../../errors.ts'
import type { OptionRule } from '../../../options.ts'
import { isPath, type Path, showPath, valueAt } from '../records/path.ts'
import type { PageEnd } from './types.ts'

/** Where a response says something: at a path of its body, in a header, or at a path of the last raw item of the page. */
export type Field = Path | { readonly header: string } | { readonly last: Path }

export const fieldRule: OptionRule = {
  expected:
    'a path in the body (names joined by dots, or a list of names), { header: name } or { last: path in the last item }',
  accepts: (value) => isPath(value) || isNamed(value, 'header') || isNamed(value, 'last'),
}

function isNamed(value: unknown, key: 'header' | 'last'): boolean {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1 || !(key in value)) return false
  const named = (value as Record<string, unknown>)[key]
  return key === 'header' ? typeof named === 'string' && named !== '' : isPath(named)
}

/** `undefined` where the response doesn't say. */
export function fieldOf(page: PageEnd, field: Field): unknown {
  if (typeof field === 'string' || Array.isArray(field)) return valueAt(page.envelope, field)
  if ('header' in field) return page.headers[field.header.toLowerCase()]
  return 'last' in field ? valueAt(page.last, field.last) : undefined
}

/** For people: `data.total`, `the header x-total-count`, `id of the last item`. */
export function showField(field: Field): string {
  if (typeof field === 'string' || Array.isArray(field)) return showPath(field)
  if ('header' in field) return `the header ${field.header}`
  return 'last' in field ? `${showPath(field.last)} of the last item` : ''
}

/**
 * A number of rows or pages.
 * @throws PortError where the response doesn't say one.
 */
export function countOf(page: PageEnd, field: Field): number {
  const value = fieldOf(page, field)
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count
  throw new PortError(`expected a count at ${showField(field)}, found ${show(value)}`)
}

/**
 * Whether there are more pages: `true` or `false`, also as text, or 0 and 1.
 * @throws PortError where the response says something else.
 */
export function flagOf(page: PageEnd, field: Field): boolean | undefined {
  const value = fieldOf(page, field)
  if (value === undefined || value === null) return undefined
  const text = String(value).toLowerCase()
  if (text === 'true' || text === '1') return true
  if (text === 'false' || text === '0') return false
  throw new PortError(`expected true or false at ${showField(field)}, found ${show(value)}`)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing there'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'string' ? `a text of ${value.length} characters` : String(value)
}
