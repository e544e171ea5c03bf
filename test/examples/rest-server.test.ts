import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { bundledApi } from '../../examples/bundled-api.ts'
import { accountCount, exampleClient } from '../../examples/server/accounts.ts'
import { event, eventEveryMs, firstEvent, latestMs, maxWindowEvents } from '../../examples/server/events.ts'
import { firstOrder, order, orderEveryMs } from '../../examples/server/orders.ts'
import { idOf, maxId, minId, rowAt, tableRows } from '../../examples/server/readings.ts'
import type { ServerOptions } from '../../examples/server/server.ts'
import { serve } from './served.ts'

const noon = Date.parse('2026-11-21T12:20:00.000Z')

async function start(options: ServerOptions = {}) {
  const server = await serve({ now: () => noon, ...options })
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(server.url + path, init)
    const text = await response.text()
    return { status: response.status, body: JSON.parse(text) as unknown }
  }
  const get = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const { status, body } = await ask(path, init)
    expect(status, JSON.stringify(body)).toBe(200)
    return body as T
  }
  return { server, ask, get }
}

const iso = (at: number) => new Date(at).toISOString()

describe('/orders', () => {
  interface Page {
    readonly data: { readonly items: readonly ReturnType<typeof order>[] }
    readonly next_page_token: string | null
  }

  test('pages through all orders since a second, twenty of which share it, up to now', async () => {
    const { get } = await start()
    const items: ReturnType<typeof order>[] = []
    let token = ''
    do {
      const page = await get<Page>(`/orders?created_since=${iso(noon - 10_000)}&limit=30${token}`)
      items.push(...page.data.items)
      expect(page.data.items.length).toBeLessThanOrEqual(30)
      token = page.next_page_token === null ? '' : `&page_token=${page.next_page_token}`
    } while (token !== '')
    const first = (noon - 10_000 - firstOrder) / orderEveryMs
    expect(items).toEqual(Array.from({ length: 201 }, (_, index) => order(first + index)))
    expect(items.filter(({ created_at }) => created_at === '2026-11-21T12:19:52Z')).toHaveLength(20)
  })

  test('there is nothing yet of a second to come, and one order at its beginning', async () => {
    const { get } = await start()
    expect(await get(`/orders?created_since=${iso(noon + 1_000)}`)).toEqual({
      data: { items: [] },
      next_page_token: null,
    })
    expect((await get<Page>(`/orders?created_since=${iso(noon - 999)}`)).data.items).toHaveLength(1)
  })

  test('numbers the orders of a branch one by one', () => {
    const oslo = [0, 1, 2, 3, 4, 5, 6, 7, 8].map(order).filter(({ branch }) => branch === 'Oslo')
    expect(oslo.map(({ number }) => number)).toEqual([0, 1, 2])
  })

  test.for(['created_since=2026-01-01', 'created_since=yesterday', 'limit=-1', 'page_token=x'])(
    'refuses %s',
    async (query) => {
      const { ask } = await start()
      expect((await ask(`/orders?${query}`)).status).toBe(400)
    },
  )
})

describe('/events', () => {
  interface Answer {
    readonly events: readonly { readonly id: number; readonly at: string; readonly received_at: string }[]
    readonly next: number | null
  }
  const window = (from: number, to: number) => `/events?from=${iso(from)}&to=${iso(to)}`
  const numbersIn = (from: number, to: number) => {
    const first = Math.floor((from - firstEvent) / eventEveryMs)
    const all = Array.from({ length: Math.ceil((to - from) / eventEveryMs) + 1 }, (_, index) => event(first + index))
    return all.filter(({ at }) => at >= from && at < to).map(({ number }) => number)
  }

  test('a window is complete four seconds after its end, and not before', async () => {
    let now = noon
    const { get } = await start({ now: () => now })
    const known = async () => (await get<Answer>(window(noon - 5_000, noon))).events.map(({ id }) => id)
    const all = numbersIn(noon - 5_000, noon)
    const early = await known()
    expect(early.length).toBeLessThan(all.length)
    expect(all).toEqual(expect.arrayContaining(early))
    now = noon + latestMs
    expect(await known()).toEqual(all)
  })

  test('says when an event happened, and when it was known', async () => {
    const { get } = await start()
    const { events } = await get<Answer>(window(noon - 60_000, noon - 59_000))
    for (const { id, at, received_at } of events)
      expect([Date.parse(at), Date.parse(received_at)]).toEqual([event(id).at, event(id).appears])
    expect(events.length).toBe(20)
  })

  test('windows that meet share no event and leave none out', async () => {
    const { get } = await start()
    const middle = noon - 20_000 + 123
    const halves = await Promise.all([
      get<Answer>(window(noon - 24_000, middle)),
      get<Answer>(window(middle, noon - 16_000)),
    ])
    const { events } = await get<Answer>(window(noon - 24_000, noon - 16_000))
    expect(halves.flatMap((half) => half.events)).toEqual(events)
    expect(events.map(({ id }) => id)).toEqual(numbersIn(noon - 24_000, noon - 16_000))
  })

  test('a window with more than 200 events is too large', async () => {
    const { ask } = await start()
    const end = noon - 60_000
    const fits = event(numbersIn(end, end + 100)[0]! + maxWindowEvents).at
    const from = event(numbersIn(end, end + 100)[0]!).at
    expect((await ask(window(from, fits))).status).toBe(200)
    expect((await ask(window(from, fits + 1))).status).toBe(413)
  })

  test('without an end it comes in pages', async () => {
    const { get } = await start()
    const url = `/events?from=${iso(noon - 60_000)}`
    const ids: number[] = []
    let after = ''
    do {
      const { events, next } = await get<Answer>(url + after)
      expect(events.length).toBeLessThanOrEqual(100)
      ids.push(...events.map(({ id }) => id))
      after = next === null ? '' : `&after=${next}`
    } while (after !== '')
    expect(ids).toEqual(numbersIn(noon - 60_000, noon).filter((number) => event(number).appears <= noon))
  })
})

describe('/readings', () => {
  interface Answer {
    readonly rows: readonly { readonly id: number }[]
    readonly next: number | null
  }

  test('rows and ids lead to each other, over gaps too', () => {
    expect([idOf(0), idOf(tableRows - 1)]).toEqual([minId, maxId])
    fc.assert(
      fc.property(fc.nat(tableRows - 1), (row) => {
        expect(rowAt(idOf(row))).toBe(row)
        expect(rowAt(idOf(row) + 1)).toBe(row + 1)
      }),
    )
    fc.assert(
      fc.property(fc.nat(maxId), (id) => {
        const row = rowAt(id)
        expect(idOf(row)).toBeGreaterThanOrEqual(id)
        if (row > 0) expect(idOf(row - 1)).toBeLessThan(id)
      }),
    )
  })

  test('gives ranges of ids in pages, whole or one row in so many', async () => {
    const { get } = await start()
    expect(await get('/readings/bounds')).toEqual({ min_id: minId, max_id: maxId })
    const all = await get<Answer>('/readings?id_from=90990000&id_to=500000100')
    expect(all.rows).toHaveLength(10_000)
    const rest = await get<Answer>(`/readings?id_from=90990000&id_to=500000100&after=${all.next}`)
    expect(rest.next).toBeNull()
    const ids = [...all.rows, ...rest.rows].map(({ id }) => id)
    expect(ids).toEqual(Array.from({ length: 10_010 }, (_, index) => idOf(rowAt(90_990_000) + index)))

    const some = await get<Answer>('/readings?id_from=90990000&id_to=500000100&every=1000')
    expect(some.rows.map(({ id }) => id)).toEqual(ids.filter((id) => rowAt(id) % 1_000 === 0))
    expect((await get<Answer>('/readings?id_from=200000000&id_to=300000000')).rows).toEqual([])
  })

  test('refuses one row in zero', async () => {
    const { ask } = await start()
    expect((await ask('/readings?every=0')).status).toBe(400)
  })
})

describe('/oauth/token and /accounts', () => {
  const basic = (secret: string) => `Basic ${Buffer.from(`${exampleClient.id}:${secret}`).toString('base64')}`
  const tokenRequest = (authorization: string, grant = 'client_credentials') => ({
    method: 'POST',
    headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
    body: `grant_type=${grant}`,
  })

  test('a token of the client opens twenty pages, and then no more', async () => {
    const { ask, get } = await start()
    expect((await ask('/accounts')).status).toBe(401)
    const { access_token } = await get<{ access_token: string }>(
      '/oauth/token',
      tokenRequest(basic(exampleClient.secret)),
    )
    const headers = { authorization: `Bearer ${access_token}` }
    const statuses: number[] = []
    for (let page = 1; page <= 21; page++) statuses.push((await ask(`/accounts?page=${page}`, { headers })).status)
    expect(statuses).toEqual([...Array<number>(20).fill(200), 401])
  })

  test('the pages have every account once', async () => {
    const { get } = await start()
    const ids: number[] = []
    for (let page = 1; ; page++) {
      const { access_token } = await get<{ access_token: string }>(
        '/oauth/token',
        tokenRequest(basic(exampleClient.secret)),
      )
      const { accounts, pages } = await get<{ accounts: readonly { id: number }[]; pages: number }>(
        `/accounts?page=${page}`,
        { headers: { authorization: `Bearer ${access_token}` } },
      )
      ids.push(...accounts.map(({ id }) => id))
      if (page === pages) break
    }
    expect(ids).toEqual(Array.from({ length: accountCount }, (_, index) => index + 1))
  })

  test('the secret may come form-encoded; another one, or another grant, is refused', async () => {
    const { ask } = await start()
    const encoded = exampleClient.secret.replaceAll('-', '%2D')
    expect((await ask('/oauth/token', tokenRequest(basic(encoded)))).status).toBe(200)
    expect((await ask('/oauth/token', tokenRequest(basic('other')))).status).toBe(401)
    expect((await ask('/oauth/token', tokenRequest(basic(exampleClient.secret), 'password'))).status).toBe(400)
    expect((await ask('/oauth/token')).status).toBe(405)
  })
})

describe('/ledger', () => {
  const rows = (...ids: readonly number[]) => JSON.stringify(ids.map((id) => ({ id })))
  const post = (key: string | undefined, body: string) => ({
    method: 'POST',
    headers: key === undefined ? {} : { 'idempotency-key': key },
    body,
  })

  test('carries out a request once by its key; without that the rows are there twice', async () => {
    const { ask, get } = await start()
    for (const key of ['a', 'a', 'b']) expect(await get('/ledger', post(key, rows(1, 2)))).toEqual({ taken: 2 })
    expect(await get('/ledger')).toEqual({ requests: 2, repeated: 1, cut: 0, rows: 4, twice: 2 })
    expect((await ask('/ledger', post('a', rows(1, 3)))).status).toBe(422)
    expect((await ask('/ledger', post(undefined, rows(1)))).status).toBe(400)
    expect((await ask('/ledger', post('c', '{}'))).status).toBe(400)
    expect((await ask('/ledger', post('c', '[{}]'))).status).toBe(400)
    expect(await get('/ledger')).toMatchObject({ requests: 2, rows: 4 })
  })

  test('cuts the line after it carried out every third request', async () => {
    const { get } = await start({ ledger: { cutEvery: 3 } })
    await get('/ledger', post('a', rows(1)))
    await get('/ledger', post('b', rows(2)))
    await expect(get('/ledger', post('c', rows(3)))).rejects.toThrow('fetch failed')
    await get('/ledger', post('c', rows(3)))
    expect(await get('/ledger')).toEqual({ requests: 3, repeated: 1, cut: 1, rows: 3, twice: 0 })
  })

  test('a file keeps it over a restart', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-ledger-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const ledger = { file: join(folder, 'new', 'ledger.sqlite') }
    const first = await start({ ledger })
    await first.get('/ledger', post('a', rows(1)))
    await first.server.close()
    const second = await start({ ledger })
    await second.get('/ledger', post('a', rows(1)))
    expect(await second.get('/ledger')).toEqual({ requests: 1, repeated: 1, cut: 0, rows: 1, twice: 0 })
  })
})

describe('bundledApi', () => {
  beforeEach(() => {
    vi.stubEnv('SLUICE_EXAMPLE_API', undefined)
  })
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  test.for([
    [{}, ', where one request in 25 goes wrong'],
    [{ faults: { rate: 0.005 } }, ', where one request in 200 goes wrong'],
    [{ faults: false }, ''],
  ] as const)('starts a server with %o, and says so', async ([options, faults]) => {
    const api = await bundledApi('Things', options)
    onTestFinished(() => api.close())
    expect(api.explanation).toBe(`Things of a server on this machine (${api.url})${faults}.`)
    expect((await fetch(`${api.url}/clock`)).status).toBe(200)
    await api.close()
    await expect(fetch(`${api.url}/clock`)).rejects.toThrow()
  })

  test('takes the server that it is given', async () => {
    vi.stubEnv('SLUICE_EXAMPLE_API', 'http://127.0.0.1:1')
    expect(await bundledApi('Things')).toMatchObject({
      url: 'http://127.0.0.1:1',
      explanation: 'Reading from http://127.0.0.1:1.',
    })
  })
})
