import { once } from 'node:events'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { bodyOf, discard, isBeingRead, startOf } from '../../../../src/connectors/rest/http/body-start.ts'
import { decoded } from '../../../../src/connectors/rest/http/decode.ts'
import type { HttpResponse } from '../../../../src/connectors/rest/http/types.ts'
import { compressed, headers, inTurn, resetMidBody, status, typed } from '../../../support/http-faults.ts'
import type { Route } from '../../../support/http-server.ts'
import { failure, serve, textOf } from './serve.ts'

const hello: Route = () => ({ body: 'hello '.repeat(1_000) })
const long = 'x'.repeat(1_000_000)
const ports = (requests: readonly { readonly port: number | undefined }[]): number =>
  new Set(requests.map(({ port }) => port)).size

describe('a compressed body', () => {
  it.each(['gzip', 'br', 'deflate', 'raw deflate'] as const)('by %s is read as it was', async (by) => {
    const { get, server } = await serve({ '/a': hello, '/empty': () => ({}) }, { retry: { maxAttempts: 1 } })
    server.fault(headers({ 'content-encoding': by.replace('raw ', '') }), { path: '/empty', n: 2 })
    server.fault(compressed(by))
    expect(await get('/a')).toBe('hello '.repeat(1_000))
    expect([await get('/empty'), await get('/empty')]).toEqual(['', ''])
  })

  it.each(['gzip', 'br', 'deflate', 'raw deflate'] as const)(
    'by %s that was cut short is asked for again',
    async (by) => {
      const { get, server } = await serve(hello, { retry: { maxAttempts: 2 } })
      server.fault(inTurn(compressed(by, { after: 0.5 })))
      expect(await get()).toBe('hello '.repeat(1_000))
      expect(server.requests).toHaveLength(2)
      server.fault(compressed(by, { after: 0.5 }))
    },
  )

  it('that isn’t what it is said to be is an error that says so', async () => {
    const { get, server } = await serve(hello, { retry: { maxAttempts: 1 } })
    server.fault(headers({ 'content-encoding': 'gzip' }))
    const error = await failure(get())
    expect(error).toMatchObject({ name: 'HttpError', status: 200, retryable: true })
    expect(error.message).toMatch(/answered 200, and its body broke off: incorrect header check/)
  })

  it('that breaks off before its first byte is an error that says so', async () => {
    const { get, server } = await serve(hello, { retry: { maxAttempts: 1 } })
    server.fault(({ response }) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': 100 }).flushHeaders()
      setImmediate(() => response.destroy())
    })
    expect(await failure(get())).toMatchObject({ name: 'HttpError', status: 200, retryable: true })
  })

  it('in an encoding that nobody knows is an error, final', async () => {
    const { get, server } = await serve(hello)
    server.fault(headers({ 'content-encoding': 'gzip, sdch' }))
    const error = await failure(get())
    expect(error).toMatchObject({ status: 200, retryable: false })
    expect(error.message).toContain('content encoding "gzip, sdch"')
  })

  it('of an error is shown as it was, and filters see it so', async () => {
    const { get, server } = await serve(() => ({ status: 400, body: 'no such account' }), {
      filters: [{ status: 400, body: 'such', action: 'ignore' }],
    })
    server.fault(compressed('gzip'))
    expect(await get()).toBe('')
    server.routes.set('*', () => ({ status: 404, body: 'no such page' }))
    expect(await failure(get())).toMatchObject({ bodyExcerpt: 'no such page' })
  })

  it('may be compressed several times', async () => {
    const { gzipSync, brotliCompressSync } = await import('node:zlib')
    const body = bodyOf(brotliCompressSync(gzipSync('hello')))
    expect(await text((await decoded(body, ' GZIP , identity, br', true)) as Readable)).toBe('hello')
  })

  it('isn’t there where an answer has none', async () => {
    const { get } = await serve(() => ({ headers: { 'content-encoding': 'gzip' }, status: 204 }))
    expect(await get()).toBe('')
    expect(await get({ method: 'HEAD' })).toBe('')
  })
})

describe('what `take` leaves', () => {
  it('unread is thrown away, and who reads it afterwards is told so', async () => {
    const { client, server } = await serve({ '/short': hello, '/long': () => ({ body: long }) })
    for (const path of ['/long', '/short']) {
      const body = await client.send({ url: server.url + path }, async (response) => response.body)
      await expect(text(body)).rejects.toThrow('found nobody, and threw it away')
      // A connection whose answer has come to its end is good for the next one.
      if (path === '/long') await expect.poll(() => server.connections()).toBe(0)
    }
    await expect.poll(() => server.connections()).toBeLessThan(2)
  })

  it('to be read by nobody keeps its connection', async () => {
    const { client, server } = await serve(() => ({ body: long }))
    const take = async ({ body }: HttpResponse): Promise<Readable> => body.resume()
    for (let n = 0; n < 6; n++) await once(await client.send({ url: server.url }, take), 'close')
    expect(ports(server.requests)).toBeLessThan(3)
  })

  it('to be read later is read later, also when there is but one connection', async () => {
    const { client, server } = await serve({ '/long': () => ({ body: long }), '/short': hello }, { connections: 1 })
    const rest = await client.send({ url: `${server.url}/long` }, async ({ body }) => {
      const bytes = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
      await bytes.next()
      return bytes
    })
    const short = client.send({ url: `${server.url}/short` }, textOf)
    let length = 0
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) length += next.value.length
    expect(length).toBeGreaterThan(900_000)
    expect(await short).toHaveLength(6_000)
  })

  it('to be read later ends with the signal', async () => {
    const abort = new AbortController()
    const { client, server } = await serve(() => ({ body: long.repeat(50) }))
    const begin = async ({ body }: HttpResponse): Promise<AsyncIterator<unknown>> => {
      const bytes = body[Symbol.asyncIterator]()
      await bytes.next()
      return bytes
    }
    const rest = await client.send({ url: server.url }, begin, abort)
    abort.abort(new Error('enough'))
    const drain = async (): Promise<void> => {
      while ((await rest.next()).done !== true);
    }
    await expect(drain()).rejects.toThrow('enough')
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('unread, when it fails, is given up', async () => {
    const { client, server } = await serve(() => ({ body: long }), { retry: { maxAttempts: 1 } })
    const take = client.send({ url: server.url }, () => Promise.reject(new TypeError('not what was expected')))
    await expect(take).rejects.toThrow('not what was expected')
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('half-read, when it fails, is given up', async () => {
    const { client, server } = await serve(() => ({ body: long }), { retry: { maxAttempts: 1 } })
    const take = client.send({ url: server.url }, async ({ body }) => {
      for await (const _ of body) throw new TypeError('not what was expected')
    })
    await expect(take).rejects.toThrow('not what was expected')
    await expect.poll(() => server.connections()).toBe(0)
  })
})

it('of an answer that is tried again or final the body is read, and its connection used again', async () => {
  const { get, server } = await serve(hello)
  server.fault(status(503, {}, 'x'.repeat(1_000)), { n: (n) => n % 3 !== 0 })
  for (let n = 0; n < 4; n++) await get()
  expect(server.requests).toHaveLength(12)
  expect(ports(server.requests)).toBeLessThan(3)
})

it('of an answer that is ignored a short body is read, and a long one given up', async () => {
  const { get, server } = await serve(
    { '/short': hello, '/long': () => ({ body: 'x'.repeat(50_000_000) }) },
    { filters: [{ status: 200, action: 'ignore' }] },
  )
  for (let n = 0; n < 6; n++) await get('/short')
  expect(ports(server.requests)).toBeLessThan(3)
  server.cutConnections()
  await expect.poll(() => server.connections()).toBe(0)
  await get('/long')
  await expect.poll(() => server.connections()).toBe(0)
})

it('an error of an answer whose body breaks off tells the status, without an excerpt', async () => {
  const { get, server } = await serve(() => ({ status: 404, body: 'no such thing' }))
  server.fault(resetMidBody())
  expect(await failure(get())).toMatchObject({ status: 404, retryable: false, bodyExcerpt: undefined })
})

it('an excerpt is short, on one line', async () => {
  const { get, server } = await serve(() => ({ status: 404, body: `<html>\n\n  ${'why? '.repeat(1_000)}` }))
  server.fault(typed('text/html'))
  const { bodyExcerpt, message } = (await failure(get())) as Error & { readonly bodyExcerpt: string }
  expect(bodyExcerpt).toMatch(/^<html> why\? why\? .*…$/)
  expect(bodyExcerpt).toHaveLength(501)
  expect(message).not.toContain('\n')
})

describe('the beginning of a body', () => {
  const pieces = (...lengths: readonly number[]): Readable =>
    Readable.from(
      lengths.map((length, index) => Buffer.alloc(length, 97 + index)),
      { objectMode: false },
    )

  it.each([
    [[], 5, '', true],
    [[3], 5, 'aaa', true],
    [[5], 5, 'aaaaa', false],
    [[3, 3, 3], 5, 'aaabbb', false],
  ] as const)('of %j bytes, at least %d of them: %j', async (lengths, least, expected, whole) => {
    const start = await startOf(pieces(...lengths), least)
    expect([start.bytes.toString(), start.whole]).toEqual([expected, whole])
    expect(await text(start.body)).toBe(
      lengths.map((length, index) => String.fromCharCode(97 + index).repeat(length)).join(''),
    )
  })

  it('is no reading: the body is nobody’s afterwards', async () => {
    const { body } = await startOf(pieces(3, 3, 3), 5)
    expect(isBeingRead(body)).toBe(false)
    body[Symbol.asyncIterator]()
      .next()
      .catch(() => {})
    expect(isBeingRead(body)).toBe(true)
  })

  it('fails with the body', async () => {
    const body = new Readable({ read: () => {} })
    const start = startOf(body, 5)
    body.destroy(new Error('gone'))
    await expect(start).rejects.toThrow('gone')
  })
})

it('a body is thrown away once', async () => {
  const body = bodyOf(Buffer.from('abc'))
  await discard(body)
  await discard(body)
  expect(body.closed).toBe(true)
})
