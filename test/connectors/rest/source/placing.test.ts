import { expect, it } from 'vitest'
import type { HttpRequest } from '../../../../src/connectors/rest/http/types.ts'
import { placed, placedRange, placingRule, rangePlacingRule } from '../../../../src/connectors/rest/source/placing.ts'

const request: HttpRequest = { url: 'http://api', params: { a: 1 }, body: { json: { filter: { kind: 'x' } } } }

it('a value goes where it is said to, and the request stays as it was', () => {
  expect(placed(request, 'since', 7)).toEqual({ ...request, params: { a: 1, since: 7 } })
  expect(placed(request, { param: 'since' }, 7)).toEqual({ ...request, params: { a: 1, since: 7 } })
  expect(placed(request, { header: 'x-since' }, 7)).toEqual({ ...request, headers: { 'x-since': '7' } })
  expect(placed(request, { body: 'filter.since' }, 7)).toEqual({
    ...request,
    body: { json: { filter: { kind: 'x', since: 7 } } },
  })
  expect(placed(request, (value, { url }) => ({ url: `${url}/${value}` }), 7)).toEqual({ url: 'http://api/7' })
  expect(request.params).toEqual({ a: 1 })
})

it('so do the ends of a range', () => {
  expect(placedRange(request, { from: 'min', to: { body: 'filter.max' } }, { from: 1, to: 9 })).toEqual({
    url: 'http://api',
    params: { a: 1, min: 1 },
    body: { json: { filter: { kind: 'x', max: 9 } } },
  })
  expect(placedRange(request, { from: 'min' }, { from: 1, to: 9 }).params).toEqual({ a: 1, min: 1 })
})

it.each(['since', { header: 'a' }, { body: 'a.b' }, () => request])('%o is a place', (place) => {
  expect(placingRule.accepts(place)).toBe(true)
  expect(rangePlacingRule.accepts(typeof place === 'function' ? place : { from: place, to: place })).toBe(true)
})

it.each(['', 7, null, { query: 'a' }, {}])('%o is none', (place) => {
  expect(placingRule.accepts(place)).toBe(false)
  expect(rangePlacingRule.accepts({ from: place })).toBe(false)
  expect(rangePlacingRule.accepts({ from: 'a', to: place })).toBe(false)
})
