import { PortError } from '../../../errors.ts'
import type { OptionRule } from '../../../options.ts'
import type { HttpRequest } from '../http/types.ts'
import { isPath, type Path, withValueAt } from '../records/path.ts'

/** Where a request says something: a query parameter, a header, or a path in its JSON body. */
export type Place = { readonly param: string } | { readonly header: string } | { readonly body: Path }

export const placeRule: OptionRule = {
  expected: 'the name of a query parameter, { param }, { header } or { body: path }',
  accepts: (value) => (typeof value === 'string' && value !== '') || isPlace(value),
}

function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null) return false
  const [[kind, name] = [], ...more] = Object.entries(value)
  if (more.length > 0) return false
  if (kind === 'body') return isPath(name) && name.length > 0
  return (kind === 'param' || kind === 'header') && typeof name === 'string' && name !== ''
}

/** A text is the name of a query parameter. */
export function placeOf(place: string | Place): Place {
  return typeof place === 'string' ? { param: place } : place
}

/**
 * The request with a value at a place.
 * @throws PortError for a place in a body that isn't JSON.
 */
export function withPlace(request: HttpRequest, place: Place, value: string | number | boolean): HttpRequest {
  if ('param' in place) return { ...request, params: { ...request.params, [place.param]: value } }
  if ('header' in place) return { ...request, headers: { ...request.headers, [place.header]: String(value) } }
  const { body } = request
  if (body !== undefined && !('json' in body)) {
    throw new PortError('expected a request with a JSON body, or none, to put the page into; found another body')
  }
  return { ...request, body: { json: withValueAt(body?.json, place.body, value) } }
}
