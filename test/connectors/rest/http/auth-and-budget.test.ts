import { describe, expect, it } from 'vitest'
import { requestBudget } from '../../../../src/connectors/rest/http/budget.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { Authorization } from '../../../../src/connectors/rest/http/types.ts'
import { limited } from '../../../support/http-apis.ts'
import { inTurn, resetMidBody, status, tooManyRequests } from '../../../support/http-faults.ts'
import { httpServer, type Route } from '../../../support/http-server.ts'
import { ManualScheduler } from '../../../support/schedulers.ts'
import { failure, serve, textOf } from './serve.ts'

const hello: Route = () => ({ body: 'hello' })

/** Sends `Bearer <n>`, where n counts renewals; the API takes those from `good` on. */
function renewing({ hope = () => true }: { readonly hope?: () => boolean } = {}) {
  const auth: Authorization & { token: number; good: number; refusals: number } = {
    name: 'renewing',
    token: 1,
    good: 1,
    refusals: 0,
    authorize: async ({ headers, ...request }) => ({
      ...request,
      headers: { ...headers, authorization: `Bearer ${auth.token}` },
    }),
    refused: async ({ headers }) => {
      auth.refusals++
      if (headers.authorization === `Bearer ${auth.token}`) auth.token++
      return hope()
    },
  }
  const route: Route = ({ headers }) => {
    const isGood = Number(headers.authorization?.slice(7)) >= auth.good
    return isGood ? { body: 'hello' } : { status: 401, body: 'who?' }
  }
  return { auth, route }
}

describe('who asks', () => {
  it('is said anew with every attempt', async () => {
    let count = 0
    const auth: Authorization = {
      name: 'counting',
      authorize: async (request) => ({ ...request, headers: { ...request.headers, 'x-count': String(++count) } }),
    }
    const { get, server } = await serve(hello, { auth })
    server.fault(inTurn(status(500), resetMidBody()))
    await get()
    expect(server.requests.map(({ headers }) => headers['x-count'])).toEqual(['1', '2', '3'])
  })

  it('may change the URL, and that URL is told to nobody', async () => {
    const auth: Authorization = {
      name: 'key',
      authorize: async (request) => ({ ...request, url: new URL(`${request.url.href}?appid=secret`) }),
    }
    const { client, server } = await serve(hello, { auth })
    const url = await client.send({ url: `${server.url}/a` }, async (response) => response.url)
    expect([server.requests[0]?.url, url]).toEqual(['/a?appid=secret', `${server.url}/a`])
  })

  it('is renewed once after 401, without delay and without costing an attempt', async () => {
    const { auth, route } = renewing()
    auth.good = 2
    const { get, server, scheduler } = await serve(route, { auth, retry: { maxAttempts: 1 } })
    expect(await get()).toBe('hello')
    expect([auth.refusals, server.requests.length, scheduler.delays]).toEqual([1, 2, []])
  })

  it('is renewed once only: the next 401 is final', async () => {
    const { auth, route } = renewing()
    auth.good = 99
    const { get, server } = await serve(route, { auth })
    const error = await failure(get())
    expect(error).toMatchObject({ status: 401, retryable: false })
    expect(error.message).toContain('asked with renewing')
    expect([auth.refusals, server.requests.length]).toEqual([1, 2])
  })

  it('after a delay may be renewed again', async () => {
    const { auth } = renewing()
    const answers = [401, 503, 401, 200]
    const { get, scheduler } = await serve(() => ({ status: answers.shift() ?? 500, body: 'hello' }), { auth })
    expect(await get()).toBe('hello')
    expect([auth.refusals, scheduler.delays.length]).toEqual([2, 1])
  })

  it('isn’t asked again without hope', async () => {
    const { auth, route } = renewing({ hope: () => false })
    auth.good = 2
    const { get, server } = await serve(route, { auth })
    expect(await failure(get())).toMatchObject({ status: 401, retryable: false })
    expect(server.requests).toHaveLength(1)
  })

  it('is renewed where a filter says so', async () => {
    const { auth } = renewing()
    const route: Route = ({ headers }) =>
      headers.authorization === 'Bearer 2' ? { body: 'hello' } : { status: 400, body: 'token expired' }
    const { get } = await serve(route, { auth, filters: [{ status: 400, body: 'expired', action: 'refresh token' }] })
    expect(await get()).toBe('hello')
  })

  it('nobody: 401 is final, and says so', async () => {
    const { get, server } = await serve(() => ({ status: 401 }))
    expect((await failure(get())).message).toContain('asked with no authorization (option "auth")')
    expect(server.requests).toHaveLength(1)
  })

  it('that can’t be found out is tried again, unless that is final', async () => {
    const errors = [
      Object.assign(new Error('later'), { retryable: true }),
      Object.assign(new Error('never'), { retryable: false }),
    ]
    const auth: Authorization = { name: 'failing', authorize: () => Promise.reject(errors.shift()) }
    const { get, server } = await serve(hello, { auth })
    expect((await failure(get())).message).toBe('never')
    expect(server.requests).toEqual([])
  })

  it('that is never found out ends with the signal', async () => {
    const abort = new AbortController()
    const authorize = (): Promise<never> => {
      setImmediate(() => abort.abort(new Error('enough')))
      return new Promise(() => {})
    }
    const { get } = await serve(hello, { auth: { name: 'hanging', authorize } })
    await expect(get('/', abort)).rejects.toThrow('enough')
  })
})

describe('a budget', () => {
  it('is kept at the server by all clients together, retries and redirects included', async () => {
    await using server = await httpServer({
      '/limited': limited(hello, { requests: 4, perMs: 200 }),
      '/moved': () => ({ status: 302, headers: { location: '/limited' } }),
    })
    server.fault(inTurn(status(500), status(500)), { path: '/limited', n: [2, 5] })
    const budget = requestBudget({ requests: 4, per: 200, margin: 300 })
    const clients = [
      httpClient({ budget, retry: { initialDelayMs: 1 } }),
      httpClient({ budget, retry: { initialDelayMs: 1 } }),
    ]
    const all = Array.from({ length: 10 }, (_, index) =>
      clients[index % 2]?.send({ url: `${server.url}${index === 0 ? '/moved' : '/limited'}` }, textOf),
    )
    expect(await Promise.all(all)).toEqual(Array.from({ length: 10 }, () => 'hello'))
    const at = server.requests.map((request) => request.at)
    expect(at).toHaveLength(13)
    for (const from of at) expect(at.filter((each) => each >= from && each < from + 200).length).toBeLessThanOrEqual(4)
    for (const client of clients) await client.close()
  })

  it('is asked for what a request weighs, and told how it went', async () => {
    const told: unknown[] = []
    const { get, server } = await serve(hello, {
      budget: {
        take: async (weight) => {
          told.push(`take ${weight}`)
          return { answered: (code) => told.push(code), unanswered: () => told.push('unanswered') }
        },
      },
      retry: { maxAttempts: 3 },
    })
    server.fault(inTurn(status(500), ({ response }) => void response.destroy()))
    await get({ weight: 3 })
    expect(told).toEqual(['take 3', 500, 'take 3', 'unanswered', 'take 3', 200])
  })

  it('pauses all after a 429', async () => {
    const scheduler = new ManualScheduler(Date.UTC(2024, 5, 1))
    const budget = requestBudget({ requests: 100, per: 1_000, scheduler })
    const { get, server } = await serve(hello, { budget, scheduler, retry: { maxAttempts: 1 } })
    server.fault(inTurn(tooManyRequests(30)))
    await expect(get()).rejects.toThrow(HttpError)
    const another = get()
    await scheduler.advance(29_000)
    expect(server.requests).toHaveLength(1)
    await scheduler.advance(1_000)
    expect(await another).toBe('hello')
  })

  it('is waited for with a token that is good afterwards', async () => {
    const scheduler = new ManualScheduler()
    const budget = requestBudget({ requests: 1, per: 1_000, margin: 0, scheduler })
    const auth: Authorization = {
      name: 'time',
      authorize: async (request) => ({
        ...request,
        headers: { ...request.headers, 'x-time': String(scheduler.now()) },
      }),
    }
    const { get, server } = await serve(hello, { auth, budget, scheduler })
    await get()
    const second = get()
    await scheduler.advance(1_000)
    await second
    expect(server.requests.map(({ headers }) => headers['x-time'])).toEqual(['0', '1000'])
  })

  it('is left by whoever leaves', async () => {
    const scheduler = new ManualScheduler()
    const budget = requestBudget({ limits: [], scheduler })
    const { get, server } = await serve(hello, { budget })
    server.fault(tooManyRequests(30))
    const abort = new AbortController()
    const waiting = get('/', abort)
    await expect.poll(() => scheduler.size).toBe(1)
    abort.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    expect(server.requests).toHaveLength(1)
    expect(scheduler.size).toBe(0)
  })
})
