import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { testAuthority } from './certificates.ts'
import { collection, idempotentStore, type Paging } from './http-apis.ts'
import {
  compressed,
  type Fault,
  inTurn,
  resetBeforeHeaders,
  resetMidBody,
  slow,
  status,
  tooManyRequests,
  truncated,
} from './http-faults.ts'
import { type HttpServerOptions, httpServer, type Route } from './http-server.ts'

const start = async (routes: Readonly<Record<string, Route>>, options: HttpServerOptions = {}) => {
  const server = await httpServer(routes, options)
  onTestFinished(() => server.close())
  return server
}

const rows = Array.from({ length: 25 }, (_, index) => ({ id: index + 1, name: `row ${index + 1}` }))

interface Body {
  readonly items?: readonly { readonly id: number }[]
  readonly next?: string | null
  readonly next_cursor?: string | null
  readonly paging?: { readonly next?: string }
  readonly total?: number
}

/** All ids of a collection, by whatever way its paging gives. */
async function idsOf(paging: Paging, query = '', options = {}): Promise<readonly number[]> {
  const server = await start({ '/items': collection(rows, { paging, ...options }) })
  const ids: number[] = []
  let url: string | undefined = `${server.url}/items${query}`
  let init: RequestInit = {}
  for (let n = 1; url !== undefined; n++) {
    const response: Response = await fetch(url, init)
    const body = (await response.json()) as Body
    const items = body.items ?? (body as unknown as readonly { readonly id: number }[])
    ids.push(...items.map(({ id }) => id))
    const cursor: string | null | undefined =
      body.next_cursor ?? body.paging?.next ?? response.headers.get('x-next-cursor')
    const total = body.total ?? response.headers.get('x-total-count')
    const next: string | null | undefined =
      body.next ?? /<([^>]+)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1]
    const plain = `${server.url}/items${query}${query === '' ? '?' : '&'}`
    if (typeof next === 'string') url = next
    else if (typeof cursor === 'string') {
      if (paging === 'cursor in header') init = { headers: { 'x-cursor': cursor } }
      else if (paging === 'cursor in body') init = { method: 'POST', body: JSON.stringify({ cursor }) }
      else url = `${plain}cursor=${cursor}`
    } else if (total !== null && total !== undefined && ids.length < Number(total))
      url = `${plain}${paging === 'offset' ? `offset=${ids.length}` : `page=${n + 1}`}`
    else url = undefined
  }
  return ids
}

describe('a collection', () => {
  const all = rows.map(({ id }) => id)

  it.each<Paging>([
    'cursor',
    'cursor in header',
    'cursor in body',
    'next url',
    'link',
    'offset',
    'page',
    'total header',
    'none',
  ])('gives each row once: %s', async (paging) => {
    expect(await idsOf(paging)).toEqual(all)
  })

  it('filters by the open and closed ends of a range, and sorts', async () => {
    expect(await idsOf('cursor', '?id_gte=3&id_lt=6')).toEqual([3, 4, 5])
    expect(await idsOf('cursor', '?id_gt=3&id_lte=16&sort=-id')).toEqual([16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4])
  })

  it('has an empty page before its last', async () => {
    expect(await idsOf('cursor', '', { emptyPage: true })).toEqual(all)
  })
})

describe('faults', () => {
  const body = { text: 'x'.repeat(1_000) }
  const outcome = async (fault: Fault): Promise<string> => {
    const server = await start({ '/': () => ({ body }) })
    server.fault(fault)
    try {
      const response = await fetch(server.url)
      return `${response.status} ${(await response.text()).length}`
    } catch (error) {
      return (error as Error).message
    }
  }

  it.each<[name: string, fault: Fault, expected: string]>([
    ['429', tooManyRequests(7), '429 22'],
    ['500', status(500), '500 22'],
    ['reset', resetBeforeHeaders(), 'fetch failed'],
    ['reset mid-body', resetMidBody(), 'terminated'],
    ['reset mid-body, chunked', resetMidBody({ length: false }), 'terminated'],
    ['truncated', truncated(), '200 505'],
    ['truncated, until close', truncated({ close: true }), '200 505'],
    ['slow', slow({ bytes: 500, everyMs: 1 }), '200 1011'],
    ['gzip', compressed('gzip'), '200 1011'],
    ['br', compressed('br'), '200 1011'],
  ])('%s', async (_name, fault, expected) => {
    expect(await outcome(fault)).toBe(expected)
  })

  it('befall the requests they are for', async () => {
    const server = await start({ '*': () => ({ body }) })
    server.fault(status(500), { path: '/a', n: 2 })
    server.fault(inTurn(status(503)), { path: '/b' })
    const codes: number[] = []
    for (const path of ['/a', '/b', '/a', '/b', '/a']) codes.push((await fetch(server.url + path)).status)
    expect(codes).toEqual([200, 503, 500, 200, 200])
  })
})

it('applies once for a key, and drops every tenth answer', async () => {
  const store = idempotentStore()
  const server = await start({ '/rows': store.route })
  const post = (n: number) =>
    fetch(`${server.url}/rows`, {
      method: 'POST',
      headers: { 'idempotency-key': `k${n}` },
      body: JSON.stringify([{ n }]),
    })
  for (let n = 1; n <= 10; n++) await post(n).catch(() => post(n))
  expect(store.rows).toEqual(Array.from({ length: 10 }, (_, index) => ({ n: index + 1 })))
  expect(store.dropped).toBe(1)
  expect(store.keys.get('k10')).toBe(2)
})

it('speaks https, with clients it knows', async () => {
  const authority = testAuthority()
  const server = await start(
    { '/': ({ client }) => ({ body: `you are ${client}` }) },
    { tls: { authority, clients: true } },
  )
  const ask = (options: object): Promise<string> =>
    new Promise((resolve, reject) => {
      httpsRequest(server.url, { ca: authority.ca, agent: false, ...options }, (response) => resolve(text(response)))
        .on('error', reject)
        .end()
    })
  expect(await ask(authority.issue({ name: 'alice' }))).toBe('you are alice')
  await expect(ask({})).rejects.toThrow()
  await expect(ask(testAuthority('another').issue({ name: 'mallory' }))).rejects.toThrow()
})
