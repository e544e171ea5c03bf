import { describe, expect, it } from 'vitest'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import { HttpError, PaginationReset } from '../../../../src/connectors/rest/http/http-error.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import { OptionError, PortError } from '../../../../src/errors.ts'
import {
  type Fault,
  inTurn,
  resetAfterEffect,
  resetBeforeHeaders,
  resetMidBody,
  status,
  tooManyRequests,
} from '../../../support/http-faults.ts'
import type { ReceivedRequest, Route } from '../../../support/http-server.ts'
import { failure, serve } from './serve.ts'

const hello: Route = () => ({ body: 'hello' })

describe('a request', () => {
  const received = async (
    request: Parameters<Awaited<ReturnType<typeof serve>>['get']>[0],
  ): Promise<ReceivedRequest> => {
    const { get, server } = await serve(hello)
    await get(request)
    return server.requests[0] as ReceivedRequest
  }

  it('is what was stated', async () => {
    const request = await received({
      method: 'put',
      url: '/a%20b?q=1',
      params: { page: 2 },
      headers: { 'X-Own': 'one', Accept: 'text/csv' },
      body: { json: { a: [1, 'ü'] } },
    })
    expect(request).toMatchObject({ method: 'PUT', url: '/a%20b?q=1&page=2', body: '{"a":[1,"ü"]}' })
    expect(request.headers).toMatchObject({
      'x-own': 'one',
      accept: 'text/csv',
      'content-type': 'application/json',
      'content-length': '14',
    })
  })

  it('says what it takes, and has no body when none is stated', async () => {
    const { headers, body } = await received('/')
    expect(body).toBe('')
    expect(headers).toMatchObject({
      accept: 'application/json, */*;q=0.5',
      'accept-encoding': 'gzip, deflate, br',
      'user-agent': 'sluice',
    })
    expect(headers).not.toHaveProperty('content-type')
  })

  it('carries a form, or a text of any type', async () => {
    const form = await received({ method: 'POST', body: { form: { a: 'b c', list: [1, 2], none: undefined } } })
    expect([form.body, form.headers['content-type']]).toEqual([
      'a=b+c&list=1&list=2',
      'application/x-www-form-urlencoded',
    ])
    const lines = await received({ method: 'POST', body: { text: '{}\n{}\n', contentType: 'application/x-ndjson' } })
    expect([lines.body, lines.headers['content-type']]).toEqual(['{}\n{}\n', 'application/x-ndjson'])
  })

  it('that can’t be sent is an error, at once', async () => {
    const { get, client, server } = await serve(hello)
    await expect(client.send({ url: '/relative' }, async () => {})).rejects.toThrow(OptionError)
    await expect(get({ method: 'POST', body: { json: undefined } })).rejects.toThrow(OptionError)
    expect(await failure(get({ headers: { 'x-bad': 'a\nb' } }))).toMatchObject({ name: 'HttpError', retryable: false })
    expect(server.requests).toEqual([])
  })
})

it('an answer has its status, headers by lower-case names with repeats joined, and its URL', async () => {
  const { client, server } = await serve(() => ({
    status: 203,
    headers: { 'X-One': '1', 'X-Many': ['a', 'b'] },
    body: '',
  }))
  const answer = await client.send({ url: `${server.url}/a?b=c` }, async (response) => response)
  expect(answer).toMatchObject({ status: 203, headers: { 'x-one': '1', 'x-many': 'a, b' }, url: `${server.url}/a?b=c` })
})

describe('tries again', () => {
  it.each<[string, Fault]>([
    ...[408, 425, 429, 500, 502, 503, 504, 599].map((code): [string, Fault] => [`after ${code}`, status(code)]),
    ['after a reset before headers', resetBeforeHeaders()],
    ['after a reset in the midst of a body', resetMidBody()],
    ['after a reset in the midst of a chunked body', resetMidBody({ length: false })],
    ['though it may have had its effect', resetAfterEffect()],
  ])('%s', async (_name, fault) => {
    const { get, server, scheduler } = await serve(hello)
    server.fault(inTurn(fault, fault))
    expect(await get()).toBe('hello')
    expect(server.requests).toHaveLength(3)
    expect(scheduler.delays).toHaveLength(2)
  })

  it('after what `take` throws', async () => {
    const { client, server } = await serve(hello)
    let count = 0
    const take = async (): Promise<number> => {
      if (++count < 3) throw new SyntaxError('no JSON')
      return count
    }
    expect(await client.send({ url: server.url }, take)).toBe(3)
  })

  it('with delays up to twice the one before', async () => {
    const { get, server, scheduler } = await serve(hello, { retry: { random: () => 1 } })
    server.fault(status(500))
    const error = await failure(get())
    expect(error).toBeInstanceOf(HttpError)
    expect(scheduler.delays).toEqual([500, 1_000, 2_000, 4_000])
    expect(error.message).toBe(
      `GET ${server.url}/ answered 500 Internal Server Error (attempt 5 of 5); {"error":"status 500"}`,
    )
    expect(error).toMatchObject({
      status: 500,
      method: 'GET',
      url: `${server.url}/`,
      retryable: true,
      bodyExcerpt: '{"error":"status 500"}',
    })
  })

  it('after the time that the answer asks for, in seconds or by date, uncut by "maxDelayMs"', async () => {
    const { get, server, scheduler } = await serve(hello, { retry: { maxDelayMs: 1 }, maxRetryAfter: '2 hours' })
    const date = new Date(scheduler.now() + 90_000)
    const headers = { date: new Date(scheduler.now()).toUTCString() }
    server.fault(inTurn(tooManyRequests(7_200), tooManyRequests(date, headers), status(503, { 'retry-after': '3' })))
    expect(await get()).toBe('hello')
    expect(scheduler.delays).toEqual([7_200_000, 90_000, 3_000])
  })

  it.each([
    ['for days', tooManyRequests(86_400 * 365)],
    ['for longer than there are numbers', status(503, { 'retry-after': '9'.repeat(400) })],
    ['by a date of another century', status(503, { 'retry-after': new Date('2126-01-01').toUTCString() })],
    ['by a quota that ends next year', status(429, { 'ratelimit-remaining': '0', 'ratelimit-reset': '31536000' })],
  ])('after 15 minutes, where the answer asks %s', async (_, fault) => {
    const { get, server, scheduler } = await serve(hello, { retry: { maxAttempts: 2 } })
    server.fault(inTurn(fault))
    expect(await get()).toBe('hello')
    expect(scheduler.delays).toEqual([900_000])
  })

  it('after no more than "maxRetryAfter", which the error says, also to who tries above', async () => {
    const { get, server } = await serve(hello, { retry: { maxAttempts: 1 }, maxRetryAfter: '10 seconds' })
    server.fault(inTurn(tooManyRequests(11), tooManyRequests(10)))
    const error = await failure(get())
    expect(error).toMatchObject({ retryable: true, retryAfter: 10_000 })
    expect(error.message).toContain('; it asks to wait 11000 ms, of which 10000 are heeded (option "maxRetryAfter"); ')
    expect((await failure(get())).message).not.toContain('heeded')
  })

  it('no more often than it may', async () => {
    const { get, server } = await serve(hello, { retry: { maxAttempts: 1 } })
    server.fault(tooManyRequests(9))
    expect(await failure(get())).toMatchObject({ status: 429, retryable: true, retryAfter: 9_000 })
    expect(server.requests).toHaveLength(1)
  })

  it('and gives the last connection error as the cause', async () => {
    const { get, server, scheduler } = await serve(hello)
    server.fault(resetBeforeHeaders())
    const error = await failure(get())
    expect(error.message).toMatch(/^GET \S+ got no answer \(attempt 5 of 5\): /)
    expect(error).toMatchObject({ status: undefined, retryable: true, cause: { code: 'UND_ERR_SOCKET' } })
    expect(scheduler.delays).toHaveLength(4)
  })

  it('not after an error of `take` that says it is final', async () => {
    const { client, server } = await serve(hello)
    const final = new PortError('not there')
    const error = await failure(client.send({ url: server.url }, () => Promise.reject(final)))
    expect(error).toBe(final)
    expect(server.requests).toHaveLength(1)
  })

  it.each([400, 403, 404, 409, 410, 413, 422, 300, 304])('not after %d', async (code) => {
    const { get, server } = await serve(hello)
    server.fault(status(code, {}, code === 304 ? '' : 'why'))
    const error = await failure(get())
    expect(error).toMatchObject({
      name: 'HttpError',
      code: 'SLUICE_HTTP',
      status: code,
      retryable: false,
      retryAfter: undefined,
    })
    expect(error.message).not.toContain('attempt')
    expect(server.requests).toHaveLength(1)
  })

  it('not where nobody listens, after all attempts', async () => {
    const { get, server } = await serve(hello, { retry: { maxAttempts: 2 } })
    const { url } = server
    await server.close()
    const error = await failure(get({ url }))
    expect(error).toMatchObject({ retryable: true, status: undefined })
    expect(error.message).toContain('ECONNREFUSED')
  })
})

describe('a filter', () => {
  const filtered = (filters: ClientOptions['filters'], options: ClientOptions = {}) =>
    serve(hello, { filters, ...options } as ClientOptions)

  it('retries what would be final, and what would be good', async () => {
    const { get, server } = await filtered([
      { status: 403, header: { 'x-reason': /slow/ }, action: 'retry' },
      { status: 200, body: 'try later', action: 'retry' },
    ])
    server.fault(inTurn(status(403, { 'x-reason': 'slow down', 'retry-after': '1' }), status(200, {}, 'try later')))
    expect(await get()).toBe('hello')
    expect(server.requests).toHaveLength(3)
  })

  it('leaves the body of what it looked at whole, short and long', async () => {
    const long = 'x'.repeat(300_000)
    const { get } = await serve(
      { '/short': hello, '/long': () => ({ body: long }), '/empty': () => ({}) },
      { filters: [{ body: 'absent', action: 'fail' }] },
    )
    expect(await get('/short')).toBe('hello')
    expect(await get('/long')).toBe(long)
    expect(await get('/empty')).toBe('')
  })

  it('looks at the first 64 KiB only', async () => {
    const body = `${' '.repeat(65_530)}aaaaaabbbbbb`
    const { get } = await serve(() => ({ body }), {
      filters: [
        { body: /b/, action: 'fail' },
        { body: /a$/, action: 'ignore' },
      ],
    })
    expect(await get()).toBe('')
  })

  it('ignores: an answer without content', async () => {
    const { client, server } = await filtered([{ status: 404, action: 'ignore' }])
    server.fault(status(404, { link: '<x>; rel="next"' }))
    const { status: got, headers } = await client.send({ url: server.url }, async (response) => response)
    expect([got, headers]).toEqual([204, {}])
  })

  it('fails what would be good or retried', async () => {
    const { get, server } = await filtered([
      { status: 503, action: 'fail' },
      { body: (_, json) => (json as { error?: string }).error !== undefined, action: 'fail' },
    ])
    server.fault(inTurn(status(503), status(200, {}, { error: 'no such account' })))
    expect(await failure(get())).toMatchObject({ status: 503, retryable: false })
    expect(await failure(get())).toMatchObject({
      status: 200,
      retryable: false,
      bodyExcerpt: '{"error":"no such account"}',
    })
    expect(server.requests).toHaveLength(2)
  })

  it('resets the pagination, without another attempt', async () => {
    const { get, server } = await filtered([{ status: 400, body: 'cursor', action: 'reset pagination' }], {
      retry: { retryable: () => true },
    })
    server.fault(status(400, {}, { error: 'cursor expired' }))
    const error = await failure(get())
    expect(error).toBeInstanceOf(PaginationReset)
    expect(error).toMatchObject({ name: 'PaginationReset', status: 400, retryable: false })
    expect(server.requests).toHaveLength(1)
  })

  it('that the body is too short for, because it broke off, is tried again', async () => {
    const { get, server } = await filtered([{ status: 200, body: 'absent', action: 'fail' }])
    server.fault(inTurn(resetMidBody()))
    expect(await get()).toBe('hello')
  })
})

it('refuses options that make no sense, and names them', () => {
  const refused: readonly [ClientOptions | object, RegExp][] = [
    [{ retries: 3 }, /unknown option "retries"/],
    [{ retry: { maxAttempts: 0 } }, /"maxAttempts"/],
    [{ filters: [{ action: 'retry' }] }, /filters\[0\]/],
    [{ timeout: 'soon' }, /"timeout"/],
    [{ timeout: { total: -1 } }, /timeout.*"total"/],
    [{ timeout: { read: 1 } }, /timeout.*"read"/],
    [{ connections: 0 }, /"connections"/],
    [{ budget: {} }, /"budget"/],
    [{ auth: {} }, /"auth"/],
  ]
  for (const [options, message] of refused) {
    expect(() => httpClient(options as ClientOptions)).toThrow(OptionError)
    expect(() => httpClient(options as ClientOptions)).toThrow(message)
  }
})
