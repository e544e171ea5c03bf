import type { OptionRule } from '../../../options.ts'
import type { HttpRequest } from '../http/types.ts'
import { type Place, placeOf, placeRule, withPlace } from '../pagination/place.ts'

/**
 * Where a value goes in a request: a query parameter by its name, a {@link Place}, or what a function makes of the value and the request
 * (a query language, say).
 */
export type Placing<Value> = string | Place | ((value: Value, request: HttpRequest) => HttpRequest)

/** Where the ends of a range go: a query parameter or a {@link Place} each, or what a function makes of the range and the request. */
export type RangePlacing<Bound> =
  | { readonly from: string | Place; readonly to?: string | Place }
  | ((range: { readonly from: Bound; readonly to: Bound }, request: HttpRequest) => HttpRequest)

export const placingRule: OptionRule = {
  expected: `${placeRule.expected}, or a function of the value and the request`,
  accepts: (value) => typeof value === 'function' || placeRule.accepts(value),
}

export const rangePlacingRule: OptionRule = {
  expected:
    'two places as { from, to }, each the name of a parameter or { header } or { body: path }, or a function of the range and the request',
  accepts: (value) => {
    if (typeof value !== 'object' || value === null) return typeof value === 'function'
    const { from, to = 'to', ...rest } = value as { readonly from?: unknown; readonly to?: unknown }
    return placeRule.accepts(from) && placeRule.accepts(to) && Object.keys(rest).length === 0
  },
}

export function placed<Value extends string | number>(
  request: HttpRequest,
  placing: Placing<Value>,
  value: Value,
): HttpRequest {
  return typeof placing === 'function' ? placing(value, request) : withPlace(request, placeOf(placing), value)
}

export function placedRange<Bound extends string | number>(
  request: HttpRequest,
  placing: RangePlacing<Bound>,
  range: { readonly from: Bound; readonly to: Bound },
): HttpRequest {
  if (typeof placing === 'function') return placing(range, request)
  const { from, to } = placing
  const asked = placed(request, from, range.from)
  return to === undefined ? asked : placed(asked, to, range.to)
}
