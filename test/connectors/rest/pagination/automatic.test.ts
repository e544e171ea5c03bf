import { describe, expect, it } from 'vitest'
import { automatic } from '../../../../src/connectors/rest/pagination/automatic.ts'
import type { PageEnd } from '../../../../src/connectors/rest/pagination/types.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import { origin, pageEnd, received, requestAfter, rowsUrl } from './api.ts'

function detecting(page: PageEnd) {
  const texts: string[] = []
  const pagination = automatic({ onDetect: (text) => texts.push(text) })
  const next = pagination.next(pagination.first, page)
  const request = next && received(pagination.request(next, { url: `${rowsUrl}?q=1` }))
  return { pagination, next, request, texts }
}

const url = `${origin}/rows?page=2`

describe('automatic', () => {
  it.each([
    ['next', { next: 2 }],
    ['next', { next: 'c2' }],
    ['meta.next', { meta: { next: 'c2' } }],
    ['links.next', { links: { next: 'rows?page=2' } }],
    ['next_page', { next_page: { number: 2 } }],
  ])('refuses a next page at %s that it does not understand, also after few rows', (sign, envelope) => {
    expect(() => detecting(pageEnd(envelope))).toThrow(
      `expected to find out how to get the next page, as ${sign} has a value; found no way that is known`,
    )
  })

  it.each([
    ['linkHeader()', undefined, { link: `<${url}>; rel="next", <${url}>; rel="last"` }],
    ["nextUrl({ path: 'next' })", { next: url }, {}],
    ["nextUrl({ path: 'links.next' })", { links: { next: '/rows?page=2' } }, {}],
    ["nextUrl({ path: '_links.next.href' })", { _links: { next: { href: '?page=2' } } }, {}],
    ['nextUrl({ path: ["@odata.nextLink"] })', { '@odata.nextLink': url }, {}],
    ["nextUrl({ path: 'paging.next.link' })", { paging: { next: { link: url, after: '2' } } }, {}],
  ])('finds %s', (text, envelope, headers) => {
    const { request, texts } = detecting(pageEnd(envelope, { headers }))
    expect(texts).toEqual([text])
    expect(request?.url).toBe(url)
  })

  it.each([
    ["cursorPagination({ param: 'cursor', next: 'next_cursor' })", { next_cursor: 'c2' }, { cursor: 'c2' }],
    [
      "cursorPagination({ param: 'cursor', next: 'meta.next_cursor', hasMore: 'meta.has_more' })",
      { meta: { next_cursor: 'c2', has_more: true } },
      { cursor: 'c2' },
    ],
    [
      "cursorPagination({ param: 'after', next: 'paging.next.after' })",
      { paging: { next: { after: '2' } } },
      { after: '2' },
    ],
    ["cursorPagination({ param: 'pageToken', next: 'nextPageToken' })", { nextPageToken: 't' }, { pageToken: 't' }],
    ["cursorPagination({ param: 'page', next: 'next_page' })", { next_page: 2 }, { page: '2' }],
    ["offsetLimit({ offset: 'offset', total: 'total' })", { offset: 0, limit: 2, total: 5 }, { offset: '2' }],
    ["offsetLimit({ offset: 'skip', total: 'meta.total' })", { meta: { skip: 0, total: 5 } }, { skip: '2' }],
    ["pageNumber({ from: 1, totalPages: 'total_pages' })", { page: 1, total_pages: 3 }, { page: '2' }],
    ["pageNumber({ from: 0, totalPages: 'pagination.pages' })", { pagination: { page: 0, pages: 3 } }, { page: '1' }],
    [
      "pageNumber({ from: 1, totalPages: 'meta.last_page' })",
      { meta: { current_page: 1, last_page: 3 } },
      { page: '2' },
    ],
  ])('finds %s', (text, envelope, query) => {
    const { request, texts } = detecting(pageEnd(envelope))
    expect(texts).toEqual([text])
    expect(request?.query).toEqual({ q: '1', ...query })
  })

  it('goes on as it began, whatever a later page looks like', () => {
    const { pagination, next } = detecting(pageEnd({ next_cursor: 'c2' }))
    expect(pagination.next(next ?? {}, pageEnd({ next: url, next_cursor: 'c3' }))).toEqual({ ...next, cursor: 'c3' })
    expect(pagination.next(next ?? {}, pageEnd({ next: url }))).toBeUndefined()
  })

  it('keeps what it found in the state, which is plain JSON', () => {
    const { next } = detecting(pageEnd({ meta: { next_cursor: 'c2', has_more: true } }))
    const again = automatic()
    const copied = JSON.parse(JSON.stringify(next))
    expect(received(again.request(copied, { url: rowsUrl })).query).toEqual({ cursor: 'c2' })
    expect(again.next(copied, pageEnd({ meta: { next_cursor: 'c3', has_more: true } }))).toEqual({
      ...copied,
      cursor: 'c3',
    })
  })

  it.each([
    ['a Link header without a next page', undefined, { link: `<${url}>; rel="prev"` }],
    ['a next page that is null', { next: null }, {}],
    ['a cursor that is empty', { response_metadata: { next_cursor: '' } }, {}],
    ['a flag', { has_more: false }, {}],
    ['a total', { total: 100 }, {}],
    ['a total in a header', undefined, { 'x-total-count': '100' }],
  ])('believes that a full page is the last one: %s', (_what, envelope, headers) => {
    const { next } = detecting(pageEnd(envelope, { headers, count: 100 }))
    expect(next).toBeUndefined()
    expect(automatic().next({}, pageEnd(envelope, { headers, count: 100 }))).toBeUndefined()
  })

  it.each([
    ['a flag', { has_more: true }, {}, 'has_more is true'],
    ['a total', { meta: { total: 3 } }, {}, 'meta.total is 3, and the page has 2 rows'],
    ['a total in a header', undefined, { 'x-total-count': '3' }, 'the header x-total-count is 3'],
    ['a page that doesn’t begin at the first row', { offset: 5, total: 9 }, {}, 'total is 9'],
    ['a page that is not the first', { page: 2, total_pages: 3, total: 9 }, {}, 'total is 9'],
  ])('refuses to stop where there is more: %s', (_what, envelope, headers, message) => {
    expect(() => detecting(pageEnd(envelope, { headers }))).toThrow(PortError)
    expect(() => detecting(pageEnd(envelope, { headers }))).toThrow(message)
  })

  it('takes a page that says nothing for the only one, unless it looks full', () => {
    expect(detecting(pageEnd({ x: 1 }, { count: 7 })).texts).toEqual(['singlePage()'])
    const { next, texts } = detecting(pageEnd({ x: 1 }, { count: 100 }))
    expect(next).toBeUndefined()
    expect(texts).toEqual(['singlePage(), and 100 rows may be a full page'])
  })

  it.each([10, 12, 15, 18, 24, 36, 42, 48, 99, 100, 101, 1_000])(
    'without anybody to tell it to, %i rows and no sign are an error',
    (count) => {
      expect(() => automatic().next({}, pageEnd(undefined, { count }))).toThrow(`${count} rows may be a full page`)
      expect(automatic().next({}, pageEnd(undefined, { count: 9 }))).toBeUndefined()
    },
  )

  it('tells each finding once', () => {
    const texts: string[] = []
    const pagination = automatic({ onDetect: (text) => texts.push(text) })
    for (let i = 0; i < 3; i++) pagination.next({}, pageEnd({ next_cursor: 'c2' }))
    pagination.next({}, pageEnd({ next: url }))
    expect(texts).toHaveLength(2)
  })

  it.each([
    [
      { offset: 0, total: 5 },
      { offset: 0, total: 5 },
      'expected a page with offset 2, as the query parameter "offset" asked for, found 0',
    ],
    [{ page: 1, pages: 5 }, { page: 1, pages: 5 }, 'expected a page with page 2'],
    [{ page: 1, pages: 5 }, { pages: 5 }, 'found undefined'],
  ])('notices that the API didn’t understand: %j, then %j', (first, second, message) => {
    const { pagination, next } = detecting(pageEnd(first))
    expect(() => pagination.next(next ?? {}, pageEnd(second))).toThrow(message)
  })

  it('doesn’t guess where in a body a page is asked for', () => {
    const search = { url: rowsUrl, method: 'POST', body: { json: {} } }
    expect(() => requestAfter(automatic(), pageEnd({ next_cursor: 'c2' }), search)).toThrow(
      'expected a request without a body',
    )
    expect(requestAfter(automatic(), pageEnd({ next: url }), search)?.url).toBe(url)
  })

  it('lists the other pages where the first one counts them', () => {
    const pagination = automatic()
    const states = pagination.rest?.(pageEnd({ page: 1, total_pages: 3 })) ?? []
    expect(states.map((state) => received(pagination.request(state, { url: rowsUrl })).query)).toEqual([
      { page: '2' },
      { page: '3' },
    ])
    expect(pagination.rest?.(pageEnd({ next_cursor: 'c2' }))).toBeUndefined()
  })

  it('refuses unknown options', () => {
    expect(() => automatic({ onDetected: () => {} } as never)).toThrow(OptionError)
  })
})
