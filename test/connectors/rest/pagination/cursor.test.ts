import { describe, expect, it } from 'vitest'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import { pageEnd, requestAfter, rowsUrl } from './api.ts'

describe('cursorPagination', () => {
  const pagination = cursorPagination({ param: 'cursor', next: 'meta.next' })
  const base = { url: rowsUrl, params: { limit: 2 }, headers: { accept: '*/*' } }

  it('sends the first request as it is', () => {
    expect(pagination.request(pagination.first, base)).toBe(base)
  })

  it('puts the cursor where it belongs, beside what is there', () => {
    const page = pageEnd({ meta: { next: 'c2' } })
    expect(requestAfter(pagination, page, base)?.query).toEqual({ limit: '2', cursor: 'c2' })
    const byHeader = cursorPagination({ header: 'x-cursor', next: 'meta.next' })
    expect(requestAfter(byHeader, page, base)?.headers).toEqual({ accept: '*/*', 'x-cursor': 'c2' })
    const byBody = cursorPagination({ body: 'page.after', next: 'meta.next' })
    const search = { ...base, method: 'POST', body: { json: { query: 'x', page: { size: 2 } } } }
    expect(requestAfter(byBody, page, search)?.json).toEqual({ query: 'x', page: { size: 2, after: 'c2' } })
    expect(search.body.json.page).toEqual({ size: 2 })
    expect(requestAfter(byBody, page, base)?.json).toEqual({ page: { after: 'c2' } })
  })

  it('refuses to put it into a body that isn’t JSON', () => {
    const byBody = cursorPagination({ body: 'after', next: 'meta.next' })
    const form = { url: rowsUrl, body: { form: { a: 1 } } }
    expect(() => requestAfter(byBody, pageEnd({ meta: { next: 'c2' } }), form)).toThrow(PortError)
  })

  it('finds the cursor in a header, or in the last item', () => {
    const byHeader = cursorPagination({ param: 'cursor', next: { header: 'X-Next' } })
    expect(requestAfter(byHeader, pageEnd(undefined, { headers: { 'x-next': 'h2' } }))?.query).toEqual({ cursor: 'h2' })
    const byItem = cursorPagination({ param: 'starting_after', next: { last: 'ref.id' }, hasMore: 'has_more' })
    const last = { ref: { id: 7 } }
    expect(requestAfter(byItem, pageEnd({ has_more: true }, { last }))?.query).toEqual({ starting_after: '7' })
    expect(requestAfter(byItem, pageEnd({ has_more: false }, { last }))).toBeUndefined()
  })

  it.each([[undefined], [null], [''], [false]])('ends at the cursor %s', (next) => {
    expect(requestAfter(pagination, pageEnd({ meta: { next } }))).toBeUndefined()
  })

  it('ends where there is nothing to say, and goes on after an empty page', () => {
    expect(requestAfter(pagination, pageEnd({}))).toBeUndefined()
    expect(requestAfter(pagination, pageEnd(undefined, { count: 0 }))).toBeUndefined()
    expect(requestAfter(pagination, pageEnd({ meta: { next: 'c2' } }, { count: 0 }))).toBeDefined()
  })

  it.each([
    [0, { cursor: 0 }],
    [12345678901234567890n, { cursor: '12345678901234567890' }],
    ['a b&c', { cursor: 'a b&c' }],
  ])('takes the cursor %s', (next, state) => {
    expect(pagination.next(pagination.first, pageEnd({ meta: { next } }))).toEqual(state)
  })

  it.each([[true], [{ id: 1 }], [['x']]])('refuses the cursor %j', (next) => {
    expect(() => requestAfter(pagination, pageEnd({ meta: { next } }))).toThrow(PortError)
  })

  it('believes hasMore', () => {
    const more = cursorPagination({ param: 'cursor', next: 'next', hasMore: 'more' })
    for (const no of [false, 'false', 'False', 0, '0'])
      expect(requestAfter(more, pageEnd({ next: 'c2', more: no }))).toBeUndefined()
    for (const yes of [true, 'true', 1, undefined, null])
      expect(requestAfter(more, pageEnd({ next: 'c2', more: yes }))?.query).toEqual({ cursor: 'c2' })
    expect(() => requestAfter(more, pageEnd({ more: true }))).toThrow('expected a cursor at next')
    expect(() => requestAfter(more, pageEnd({ next: 'c2', more: 'maybe' }))).toThrow('expected true or false at more')
  })

  it('begins at a cursor', () => {
    const later = cursorPagination({ param: 'cursor', next: 'next', start: '*' })
    expect(later.request(later.first, { url: rowsUrl }).params).toEqual({ cursor: '*' })
  })

  it.each([
    [{ next: 'a' }, 'none was given'],
    [{ param: 'a', header: 'b', next: 'a' }, 'param and header were'],
    [{ param: 'a' }, '"next" is missing'],
    [{ param: 'a', next: 'a..b' }, '"next" must be'],
    [{ param: 'a', next: { header: '' } }, '"next" must be'],
    [{ param: 'a', next: 'b', nxt: 1 }, 'did you mean "next"'],
    [{ param: 'a', next: 'b', start: null }, '"start" must be'],
  ])('refuses the options %j', (options, message) => {
    expect(() => cursorPagination(options as never)).toThrow(OptionError)
    expect(() => cursorPagination(options as never)).toThrow(message)
  })
})
