import { describe, expect, it } from 'vitest'
import type { Outgoing } from '../../../../src/connectors/rest/http/outgoing.ts'
import { redirected } from '../../../../src/connectors/rest/http/redirects.ts'
import type { Authorization, HttpRequest } from '../../../../src/connectors/rest/http/types.ts'
import { slow } from '../../../support/http-faults.ts'
import { httpServer, type Route } from '../../../support/http-server.ts'
import { failure, serve } from './serve.ts'

const hello: Route = () => ({ body: 'hello' })
const to =
  (location: string, status = 302): Route =>
  () => ({ status, headers: { location } })

const auth: Authorization = {
  name: 'key',
  authorize: async (request) => ({ ...request, headers: { ...request.headers, authorization: 'Bearer t0ken' } }),
}

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('%d of a GET is followed', async (status) => {
    const { get, client, server } = await serve({ '/a': to('/b?c=d#e', status), '/b': hello })
    expect(await get('/a')).toBe('hello')
    expect(await client.send({ url: `${server.url}/a` }, async ({ url }) => url)).toBe(`${server.url}/b?c=d`)
    expect(server.requests[1]).toMatchObject({ method: 'GET', url: '/b?c=d' })
  })

  it('within the origin carries who asks and all headers', async () => {
    const { get, server } = await serve({ '/a': to('/b'), '/b': hello }, { auth })
    await get({ url: '/a', headers: { 'x-own': 'one' } })
    expect(server.requests[1]?.headers).toMatchObject({ authorization: 'Bearer t0ken', 'x-own': 'one' })
  })

  it('to another origin carries neither who asks nor anything that may tell', async () => {
    await using other = await httpServer({ '/b': hello })
    const { get } = await serve({ '/a': to(`${other.url.replace('//', '//me:word@')}/b`) }, { auth })
    await get({ url: '/a', headers: { 'x-own': 'one', cookie: 'c', 'X-Api-Key': 'k', accept: 'text/csv' } })
    const { host: _, ...headers } = other.requests[0]?.headers ?? {}
    expect(headers).toEqual({
      accept: 'text/csv',
      'accept-encoding': 'gzip, deflate, br',
      connection: 'keep-alive',
      'user-agent': 'sluice',
    })
  })

  it('there and back again is asked as at first', async () => {
    const { get, server } = await serve({ '/c': hello }, { auth })
    await using other = await httpServer({ '/b': to(`${server.url}/c`) })
    server.routes.set('/a', to(`${other.url}/b`))
    await get({ url: '/a' })
    expect(other.requests[0]?.headers.authorization).toBeUndefined()
    expect(server.requests[1]?.headers.authorization).toBe('Bearer t0ken')
  })

  it('elsewhere, where nobody asked in particular, renews nobody', async () => {
    await using other = await httpServer({ '/b': () => ({ status: 401 }) })
    let refusals = 0
    const refused = async (): Promise<boolean> => ++refusals > 0
    const { get } = await serve({ '/a': to(`${other.url}/b`) }, { auth: { ...auth, refused } })
    expect(await failure(get('/a'))).toMatchObject({ status: 401 })
    expect(refusals).toBe(0)
  })

  it('307 of a POST is followed with its body, 303 by a GET', async () => {
    const { get, server } = await serve({ '/a': to('/b', 307), '/b': to('/c', 303), '/c': hello })
    expect(await get({ method: 'POST', url: '/a', body: { json: 1 } })).toBe('hello')
    expect(server.requests.map(({ method, body }) => [method, body])).toEqual([
      ['POST', '1'],
      ['POST', '1'],
      ['GET', ''],
    ])
    expect(server.requests[2]?.headers).not.toHaveProperty('content-type')
  })

  it.each([301, 302])('%d of a POST is an error: its body would be lost', async (status) => {
    const { get, server } = await serve({ '/a': to('/b', status), '/b': hello })
    const error = await failure(get({ method: 'POST', url: '/a', body: { json: 1 } }))
    expect(error.message).toMatch(
      /answered 30[12] .*; it redirects a POST, which would lose its body; send it to the new URL$/,
    )
    expect(error).toMatchObject({ status, retryable: false })
    expect(server.requests).toHaveLength(1)
  })

  it('of a body to another origin is an error', async () => {
    await using other = await httpServer({ '/b': hello })
    const { get } = await serve({ '/a': to(`${other.url}/b`, 307) })
    expect((await failure(get({ method: 'POST', url: '/a', body: { json: 1 } }))).message).toContain(other.url)
    expect(other.requests).toEqual([])
  })

  it('for the eleventh time is an error', async () => {
    const { get, server } = await serve({ '/a': to('/a') })
    expect(await failure(get('/a'))).toMatchObject({ status: 302, retryable: false })
    expect(server.requests).toHaveLength(11)
  })

  it.each<[string, string]>([
    ['nowhere', 'http://'],
    ['another protocol', 'ftp://127.0.0.1/'],
  ])('to %s is an error', async (_name, location) => {
    const { get } = await serve({ '/a': to(location) })
    expect(await failure(get('/a'))).toMatchObject({ status: 302, retryable: false })
  })

  it('without a location is an error', async () => {
    const { get } = await serve(() => ({ status: 302 }))
    expect((await failure(get())).message).toContain('it redirects without saying where')
  })

  it('may be dealt with by a filter', async () => {
    const { get } = await serve(
      { '/a': to('/login'), '/login': hello },
      { filters: [{ status: 302, header: { location: '/login' }, action: 'fail' }] },
    )
    expect(await failure(get('/a'))).toMatchObject({ status: 302 })
  })

  it('uses connections again', async () => {
    const moved: Route = () => ({ status: 302, headers: { location: '/b' }, body: 'moved '.repeat(1_000) })
    const { get, server } = await serve({ '/a': moved, '/b': hello })
    server.fault(slow({ bytes: 3_000, everyMs: 2 }), { path: '/a' })
    for (let n = 0; n < 5; n++) await get('/a')
    expect(server.requests).toHaveLength(10)
    expect(new Set(server.requests.map(({ port }) => port)).size).toBeLessThan(3) // the pool takes two in turn
  })
})

describe('https', () => {
  const from = (method = 'GET'): Outgoing => ({
    method,
    url: new URL('https://a.example/b'),
    headers: {},
    body: undefined,
  })
  const href = (location: string): string => (redirected(from(), 302, location) as Outgoing).url.href

  it('isn’t left for http', () => {
    expect(redirected(from(), 302, 'http://a.example/b')).toBe('it redirects from https to http, a.example')
    expect(href('https://me:word@b.example/#c')).toBe('https://b.example/')
    expect(href('//a.example/c')).toBe('https://a.example/c')
  })

  it('of another host or port is another origin', () => {
    const { headers } = redirected(
      { ...from(), headers: { 'x-key': 'k', accept: 'a' } },
      302,
      'https://a.example:8443/',
    ) as Outgoing
    expect(headers).toEqual({ accept: 'a' })
  })
})

it('HEAD stays HEAD', async () => {
  const { get, server } = await serve({ '/a': to('/b', 303), '/b': hello })
  await get({ method: 'HEAD', url: '/a' } satisfies Partial<HttpRequest>)
  expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD'])
})
