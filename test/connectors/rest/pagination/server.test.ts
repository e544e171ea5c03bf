import { describe, expect, it, onTestFinished } from 'vitest'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import type { HttpRequest } from '../../../../src/connectors/rest/http/types.ts'
import { automatic } from '../../../../src/connectors/rest/pagination/automatic.ts'
import { cursorPagination } from '../../../../src/connectors/rest/pagination/cursor.ts'
import { linkHeader } from '../../../../src/connectors/rest/pagination/link-header.ts'
import { nextUrl } from '../../../../src/connectors/rest/pagination/next-url.ts'
import { offsetLimit } from '../../../../src/connectors/rest/pagination/offset-limit.ts'
import { pageNumber } from '../../../../src/connectors/rest/pagination/page-number.ts'
import { type PaginateOptions, paginate } from '../../../../src/connectors/rest/pagination/paginate.ts'
import { singlePage } from '../../../../src/connectors/rest/pagination/single-page.ts'
import type { Pagination } from '../../../../src/connectors/rest/pagination/types.ts'
import { PortError } from '../../../../src/errors.ts'
import { type CollectionOptions, collection, type Paging } from '../../../support/http-apis.ts'
import { compressed, type Fault, inTurn, resetMidBody, status, truncated, typed } from '../../../support/http-faults.ts'
import { httpServer } from '../../../support/http-server.ts'

const rows = Array.from({ length: 95 }, (_, id) => ({ id, text: 'x'.repeat(100) }))

async function serving(options: CollectionOptions, client: ClientOptions = {}) {
  const server = await httpServer({ '/rows': collection(rows, options) })
  const http = httpClient({ retry: { initialDelayMs: 1, maxDelayMs: 2 }, ...client })
  onTestFinished(async () => {
    await http.close()
    await server.close()
    expect(server.errors).toEqual([])
  })
  const read = async (given: PaginateOptions, request: Partial<HttpRequest> = {}): Promise<unknown[]> => {
    const found: unknown[] = []
    for await (const step of paginate(http, { url: `${server.url}/rows`, ...request }, given)) {
      if (step.kind === 'reset') found.push('reset')
      else for await (const chunk of step.page.chunks) found.push(...chunk)
    }
    return found
  }
  return { server, http, read }
}

const byCursor = cursorPagination({ param: 'cursor', next: 'next_cursor' })

describe('over HTTP all rows come, once, in order', () => {
  const kinds: readonly (readonly [Paging, Pagination, Partial<HttpRequest>])[] = [
    ['cursor', byCursor, {}],
    ['cursor', automatic(), {}],
    ['cursor in header', cursorPagination({ header: 'x-cursor', next: { header: 'X-Next-Cursor' } }), {}],
    [
      'cursor in body',
      cursorPagination({ body: 'cursor', next: 'paging.next' }),
      { method: 'POST', body: { json: { limit: 9 } } },
    ],
    ['next url', nextUrl(), {}],
    ['next url', automatic(), {}],
    ['link', linkHeader(), {}],
    ['link', automatic(), {}],
    ['offset', offsetLimit({ size: 20 }), {}],
    ['offset', offsetLimit({ size: 20, total: 'total' }), {}],
    ['offset', automatic(), {}],
    ['page', pageNumber({ limit: 'per_page', size: 20 }), {}],
    ['page', pageNumber({ totalPages: 'total_pages' }), {}],
    ['page', automatic(), {}],
    ['total header', pageNumber({ total: { header: 'X-Total-Count' } }), {}],
    ['none', singlePage(), {}],
  ]

  it.each(kinds)('by %s ($1.name)', async (paging, pagination, request) => {
    const { read } = await serving({ paging, pageSize: 10, emptyPage: paging.startsWith('cursor') })
    expect(await read({ pagination }, request)).toEqual(rows)
    expect(await read({ pagination, body: { bufferBytes: 100, records: rowsOf(paging) } }, request)).toEqual(rows)
  })

  it('also where an API caps the size', async () => {
    const { read, server } = await serving({ paging: 'offset', maxPageSize: 10 })
    expect(await read({ pagination: offsetLimit({ size: 50 }) })).toEqual(rows)
    expect(server.requests).toHaveLength(11)
  })
})

function rowsOf(paging: Paging): string {
  return ['cursor in header', 'link', 'total header'].includes(paging) ? '' : 'items'
}

describe('what goes wrong with a page', () => {
  const faults: readonly (readonly [string, Fault])[] = [
    ['a body that breaks off', resetMidBody()],
    ['a body of no stated length that breaks off', resetMidBody({ length: false })],
    ['JSON that is cut short in silence', truncated()],
    ['JSON that is cut short as the connection closes', truncated({ close: true })],
    ['a proxy’s page', typed('text/html')],
    ['compressed JSON that is cut short', compressed('gzip', { after: 0.5 })],
  ]

  it.each(faults)('is asked for again: %s', async (_what, fault) => {
    const { server, read } = await serving({})
    server.fault(inTurn(fault, fault), { n: (n) => n > 3 })
    expect(await read({ pagination: byCursor })).toEqual(rows)
    expect(server.requests).toHaveLength(12)
  })

  it.each(faults)('is an error that may pass, if it stays: %s', async (_what, fault) => {
    const { server, read } = await serving({}, { retry: { maxAttempts: 2, initialDelayMs: 1 } })
    server.fault(fault, { n: (n) => n > 3 })
    const error: unknown = await read({ pagination: byCursor }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ retryable: true })
    expect(server.requests).toHaveLength(5)
  })

  it.each(faults.slice(0, 4))(
    'is an error that may pass where rows have been seen already: %s',
    async (_what, fault) => {
      const { server, read } = await serving({ paging: 'none' })
      server.fault(fault)
      const error: unknown = await read({
        pagination: singlePage(),
        body: { records: 'items', bufferBytes: 100 },
      }).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(HttpError)
      expect(error).toMatchObject({ retryable: true, status: 200 })
      expect(server.requests).toHaveLength(1)
    },
  )

  it('isn’t asked for again when the API itself is wrong', async () => {
    const { server, read } = await serving({ repeatAt: 3 })
    await expect(read({ pagination: byCursor })).rejects.toThrow(PortError)
    expect(server.requests).toHaveLength(3)
  })

  it('may be that the cursor expired: the run begins again', async () => {
    const { server, read } = await serving({}, { filters: [{ status: 410, action: 'reset pagination' }] })
    server.fault(status(410), { n: 3 })
    expect(await read({ pagination: byCursor })).toEqual([...rows.slice(0, 20), 'reset', ...rows])
  })

  it.each<[Paging, Pagination]>([
    ['cursor', byCursor],
    ['cursor', cursorPagination({ param: 'cursor', next: 'next_cursor', hasMore: { header: 'x-more' } })],
    ['cursor', automatic()],
    ['next url', nextUrl()],
    ['next url', automatic()],
    ['link', linkHeader()],
    ['offset', offsetLimit({ size: 10 })],
    ['offset', offsetLimit({ size: 10, step: 'size' })],
    ['offset', offsetLimit({ size: 10, total: 'total' })],
    ['offset', offsetLimit({ size: 10, step: 'size', total: 'total' })],
    ['page', pageNumber()],
    ['page', pageNumber({ totalPages: 'total_pages' })],
    ['page', pageNumber({ total: 'total' })],
    ['page', automatic()],
    ['none', singlePage()],
  ])('may be ignored, or have no body: an empty page, and the last (%s)', async (paging, pagination) => {
    for (const code of [404, 204]) {
      const { server, read } = await serving({ paging }, { filters: [{ status: 404, action: 'ignore' }] })
      server.fault(status(code), { n: [1, 3] })
      expect(await read({ pagination })).toEqual([])
      if (paging === 'none') continue
      expect(await read({ pagination })).toEqual(rows.slice(0, 10))
      expect(server.requests).toHaveLength(3)
    }
  })
})

it.each(['gzip', 'br', 'deflate'] as const)('a body in %s is read, whole or as it arrives', async (by) => {
  const { server, read } = await serving({})
  server.fault(compressed(by))
  expect(await read({ pagination: byCursor })).toEqual(rows)
  expect(await read({ pagination: byCursor, body: { records: 'items', bufferBytes: 100 } })).toEqual(rows)
})

it('a reader that leaves early leaves no request behind', async () => {
  const { server, http } = await serving({})
  const steps = paginate(
    http,
    { url: `${server.url}/rows` },
    { pagination: byCursor, body: { bufferBytes: 100, records: 'items' } },
  )
  await steps.next()
  await steps.return()
  await http.close()
  await expect.poll(() => server.connections()).toBe(0)
})
