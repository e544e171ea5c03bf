import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { automatic } from '../../../../src/connectors/rest/pagination/automatic.ts'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { linkHeader } from '../../../../src/connectors/rest/pagination/link-header.ts'
import { nextUrl } from '../../../../src/connectors/rest/pagination/next-url.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { pageNumber } from '../../../../src/connectors/rest/pagination/page-number.ts'
import { fetchPage, paginate } from '../../../../src/connectors/rest/pagination/paginate.ts'
import type { Page, Pagination } from '../../../../src/connectors/rest/pagination/types.ts'
import type { PageOptions } from '../../../../src/connectors/rest/records/page-options.ts'
import { type Answer, clientOf, type Received, rowsUrl } from './api.ts'

interface Item {
  readonly id: number
}
type Api = (items: readonly Item[], request: Received, size: number) => Answer

const byCursor =
  (read: (request: Received) => unknown, name = 'next'): Api =>
  (items, request, size) => {
    const from = Number(read(request) ?? 0)
    const next = from + size < items.length ? String(from + size) : null
    return { body: { items: items.slice(from, from + size), [name]: next, has_more: next !== null } }
  }
const byOffset: Api = (items, { query: { offset = 0, limit } }, size) => {
  const taken = items.slice(Number(offset), Number(offset) + Math.min(size, Number(limit ?? size)))
  return {
    body: { items: taken, total: items.length, offset: Number(offset) },
    headers: { 'x-total': `${items.length}` },
  }
}
const byPage: Api = (items, { query: { page = 1 } }, size) => ({
  body: {
    items: items.slice((Number(page) - 1) * size, Number(page) * size),
    page: Number(page),
    total_pages: Math.ceil(items.length / size),
    total: items.length,
  },
})
const byUrl: Api = (items, { query: { from = 0 } }, size) => {
  const to = Number(from) + size
  const next = to < items.length ? `/rows?from=${to}` : null
  return {
    body: { items: items.slice(Number(from), to), next },
    headers: { link: `</rows>; rel=first${next === null ? '' : `, <${next}>; rel="next"`}` },
  }
}

const kinds: readonly (readonly [string, Api, (size: number) => Pagination])[] = [
  ['cursor in a parameter', byCursor(({ query }) => query.c), () => cursorPagination({ param: 'c', next: 'next' })],
  [
    'cursor in a header',
    byCursor(({ headers }) => headers['x-c']),
    () => cursorPagination({ header: 'x-c', next: 'next' }),
  ],
  [
    'cursor in the body',
    byCursor(({ json }) => (json as { c?: string } | undefined)?.c),
    () => cursorPagination({ body: 'c', next: 'next', hasMore: 'has_more' }),
  ],
  [
    'last item',
    (items, { query: { after = -1 } }, size) => ({
      body: { items: items.filter(({ id }) => id > Number(after)).slice(0, size) },
    }),
    () => cursorPagination({ param: 'after', next: { last: 'id' } }),
  ],
  ['next url', byUrl, () => nextUrl()],
  ['link header', byUrl, () => linkHeader()],
  ['offset', byOffset, (size) => offsetLimit({ size })],
  ['offset without a size', byOffset, () => offsetLimit()],
  ['offset with a size that the API caps', byOffset, (size) => offsetLimit({ size: size * 3 })],
  ['offset with a total', byOffset, (size) => offsetLimit({ size, total: 'total' })],
  [
    'offset with a total in a header, capped',
    byOffset,
    (size) => offsetLimit({ size: size + 1, total: { header: 'X-Total' } }),
  ],
  ['offset with short pages', byOffset, (size) => offsetLimit({ size, shortPageIsLast: true })],
  ['page', byPage, () => pageNumber()],
  ['page with a number of pages', byPage, () => pageNumber({ totalPages: 'total_pages' })],
  ['page with a total', byPage, () => pageNumber({ total: 'total' })],
  ['automatic, cursor', byCursor(({ query }) => query.cursor, 'next_cursor'), () => automatic()],
  ['automatic, url', byUrl, () => automatic()],
  ['automatic, offset', byOffset, () => automatic()],
  ['automatic, page', byPage, () => automatic()],
]

async function itemsOf(page: Page): Promise<unknown[]> {
  const items: unknown[] = []
  for await (const chunk of page.chunks) items.push(...chunk)
  return items
}

const collection = fc.nat({ max: 60 }).map((length) => Array.from({ length }, (_, id) => ({ id })))
const sizes = fc.integer({ min: 1, max: 17 })
const options = fc.record({
  prefetch: fc.constantFrom<0 | 1>(0, 1),
  // Small ones make pages arrive while they are read.
  bufferBytes: fc.constantFrom(1, 1_000_000),
})

describe('all items come, once, in order', () => {
  it.each(kinds)('by %s', async (_name, api, paginationOf) => {
    await fc.assert(
      fc.asyncProperty(collection, sizes, options, async (items, size, { prefetch, bufferBytes }) => {
        const client = clientOf((request) => api(items, request, size))
        const body: PageOptions = { records: 'items', bufferBytes }
        const found: unknown[] = []
        for await (const step of paginate(
          client,
          { url: rowsUrl },
          { pagination: paginationOf(size), body, prefetch },
        )) {
          if (step.kind === 'page') found.push(...(await itemsOf(step.page)))
        }
        expect(found).toEqual(items)
        expect(client.requests.length).toBeLessThanOrEqual(Math.ceil(items.length / size) + 1)
      }),
    )
  })
})

describe('pages side by side tile the collection', () => {
  const listing = kinds.filter(([, , paginationOf]) => paginationOf(1).rest !== undefined)

  it.each(listing)('by %s', async (name, api, paginationOf) => {
    await fc.assert(
      fc.asyncProperty(collection, sizes, async (items, size) => {
        const client = clientOf((request) => api(items, request, size))
        const pagination = paginationOf(size)
        const ask = (state: Pagination['first']) =>
          fetchPage(client, pagination.request(state, { url: rowsUrl }), { records: 'items' })
        const first = await ask(pagination.first)
        const states = pagination.rest?.(first.end())
        if (states === undefined) {
          expect(name).toMatch(/^automatic/)
          return
        }
        // In any order: each is asked for on its own.
        const rest = await Promise.all(states.toReversed().map(async (state) => itemsOf(await ask(state))))
        const pages = [await itemsOf(first), ...rest.reverse()]
        expect(pages.flat()).toEqual(items)
        if (items.length > 0) expect(pages.every((page) => page.length > 0)).toBe(true)
      }),
    )
  })

  it('are several kinds', () => {
    expect(listing.map(([name]) => name)).toEqual([
      'offset with a total',
      'offset with a total in a header, capped',
      'page with a number of pages',
      'page with a total',
      'automatic, cursor',
      'automatic, url',
      'automatic, offset',
      'automatic, page',
    ])
  })
})
