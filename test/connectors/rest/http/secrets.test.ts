import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { basic } from '../../../../src/connectors/rest/auth/basic.ts'
import { hide } from '../../../../src/connectors/rest/auth/hide.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import type { Authorization, HttpRequest } from '../../../../src/connectors/rest/http/types.ts'
import { readPage } from '../../../../src/connectors/rest/records/page.ts'
import { type Fault, resetBeforeHeaders, resetMidBody, silence, status } from '../../../support/http-faults.ts'
import type { Route } from '../../../support/http-server.ts'
import { failure, serve } from './serve.ts'

/** As secrets may be: nothing about them looks like one. */
const secrets = ['wombat 17/é', 'quokka-42', 'numbat:7', 'bilby+9']
const [inHeader, inAuth, inQuery, inBody] = secrets as [string, string, string, string]
const written = secrets.flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  new URLSearchParams({ a: secret }).toString().slice(2),
  Buffer.from(secret).toString('base64'),
])

function expectNone(error: unknown): void {
  expect(error).toBeInstanceOf(Error)
  const texts: string[] = []
  for (let at = error; at instanceof Error; at = at.cause)
    texts.push(inspect(at, { depth: 20, showHidden: true }), String(at), at.stack ?? '', JSON.stringify(at))
  for (const text of texts) for (const secret of written) expect(text).not.toContain(secret)
}

const auth: Authorization = {
  name: 'key',
  authorize: async ({ url, headers, ...request }) => {
    const to = new URL(url)
    to.searchParams.set('appid', inAuth)
    return { ...request, url: to, headers: { ...headers, authorization: `Basic ${btoa(`me:${inAuth}`)}` } }
  },
  hide: (text) => hide(text, [inAuth, `me:${inAuth}`]),
}

/** Quotes all that it got. */
const echo: Route = ({ url, headers, body: sent }) => ({
  status: 400,
  headers: { 'x-echo': encodeURIComponent(url) },
  body: { url, decoded: decodeURIComponent(url.replaceAll('+', ' ')), headers, sent },
})

const request: Partial<HttpRequest> = {
  method: 'POST',
  url: '/echo',
  params: { access_token: inQuery, page: 1 },
  headers: { 'x-shibboleth': encodeURIComponent(inHeader), authorization: `Bearer ${inHeader.replace('é', 'e')}` },
  body: { json: { password: inBody } },
}

const serveEcho = (options: ClientOptions = {}) => serve(echo, { auth, retry: { maxAttempts: 1 }, ...options })

describe('no secret is in an error', () => {
  it.each<[string, Fault | undefined]>([
    ['of an answer that quotes the request', undefined],
    ['of an answer that quotes a token in its headers', status(401, { 'www-authenticate': `Bearer ${inQuery}` })],
    ['without an answer', resetBeforeHeaders()],
    ['of half an answer', resetMidBody()],
    ['of a time-out', silence()],
    ['of a redirect to a place with secrets', status(302, { location: `http://a:${encodeURIComponent(inQuery)}@[/` })],
    ['of an encoding that nobody knows', status(200, { 'content-encoding': 'x' })],
  ])('%s', async (name, fault) => {
    const { get, server } = await serveEcho(
      name === 'of a time-out' ? { timeout: { authorize: 0, total: 0, headers: 50 } } : {},
    )
    if (fault !== undefined) server.fault(fault)
    const error = await failure(get(request))
    expectNone(error)
    expect(error).toBeInstanceOf(HttpError)
    expect((error as HttpError).url).toContain('/echo?access_token=***&page=1')
  })

  it('made by whoever took the answer', async () => {
    const { client, server } = await serveEcho({ filters: [{ status: 400, action: 'ignore' }] })
    for (const error of [
      new SyntaxError(`expected JSON, found ${inAuth}`),
      new HttpError(
        `no: ${inAuth}`,
        { method: 'GET', url: `http://a/?b=${inAuth}`, retryable: false, bodyExcerpt: inAuth },
        { cause: new Error(inAuth) },
      ),
    ]) {
      const thrown = await failure(client.send({ ...request, url: server.url }, () => Promise.reject(error)))
      expectNone(thrown)
      expect(thrown.message).toContain('***')
      if (error instanceof HttpError)
        expect(thrown).toMatchObject({ name: 'HttpError', url: 'http://a/?b=***', retryable: false })
    }
  })

  it('made by whoever broke off the answer', async () => {
    const { client, server } = await serve(() => ({ body: 'hello' }), { auth, retry: { maxAttempts: 1 } })
    const thrown = await failure(
      client.send({ ...request, url: server.url }, ({ body }) => {
        const error = new Error(`no: ${inAuth}`)
        body.destroy(error)
        return Promise.reject(error)
      }),
    )
    expectNone(thrown)
    expect(thrown.message).toContain('its body broke off: no: ***')
  })

  it('of an answer that isn’t HTTP and quotes the request', async () => {
    const parrot = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', (data) => socket.end(`PARROT ${data}`))
    }).listen(0, '127.0.0.1')
    await once(parrot, 'listening')
    const { port } = parrot.address() as AddressInfo
    const { get } = await serveEcho()
    const error = await failure(get({ ...request, url: `http://127.0.0.1:${port}/echo` }))
    parrot.close()
    expectNone(error)
    expect(error.message).toContain('does not match the HTTP')
  })

  it.each<[string, (text: string) => string]>([
    [
      'JSON in letters of nothing but escapes',
      (text) => text.replace(/./gsu, (c) => `\\u{${c.codePointAt(0)?.toString(16)}}`),
    ],
    ['small percent escapes', (text) => encodeURIComponent(text).replace(/%../g, (e) => e.toLowerCase())],
    [
      'HTML',
      (text) =>
        text.replaceAll('&', '&amp;').replaceAll('"', '&#34;').replaceAll('é', '&eacute;').replaceAll('+', '&#x2b;'),
    ],
    ['base64', (text) => Buffer.from(text).toString('base64')],
    ['base64 of half a sentence', (text) => Buffer.from(`I got ${text}`).toString('base64url')],
  ])('of an answer that quotes the request in %s', async (_, write) => {
    const quoting: Route = ({ url, headers }) => ({
      status: 400,
      body: write(JSON.stringify([decodeURIComponent(url.replaceAll('+', ' ')), headers.authorization])),
    })
    const { get } = await serve(quoting, { auth: basic({ user: 'me', password: inHeader }), retry: { maxAttempts: 1 } })
    const error = (await failure(get({ url: '/', params: {} }))) as HttpError
    expect(error.bodyExcerpt).toContain('***')
    const { bodyExcerpt = '' } = error
    const shown = [bodyExcerpt, Buffer.from(bodyExcerpt, 'base64').toString(), decodeURIComponent(bodyExcerpt)]
    for (const text of shown) expect(text).not.toContain(Buffer.from(`me:${inHeader}`).toString('base64').slice(2, -4))
    expectNone(error)
  })

  it('of an answer that quotes a token alone', async () => {
    const route: Route = ({ headers }) => ({ status: 403, body: `bad ${headers.authorization?.split(' ')[1]}` })
    const { get } = await serve(route)
    const error = await failure(get({ headers: { authorization: 'Bearer numbat-quokka' } }))
    expect(error).toMatchObject({ bodyExcerpt: 'bad ***' })
  })

  it('of a header that can’t be sent', async () => {
    const { get } = await serveEcho()
    expectNone(await failure(get({ ...request, headers: { 'x-shibboleth': `${inHeader}\n${inAuth}` } })))
  })

  it('of an authorization that fails', async () => {
    const failing: Authorization = { ...auth, authorize: () => Promise.reject(new Error(`refused: ${inAuth}`)) }
    const { get } = await serveEcho({ auth: failing })
    expectNone(await failure(get(request)))
  })

  it('of a URL with user and password', async () => {
    const { get, server } = await serveEcho()
    const url = server.url.replace('//', `//me:${encodeURIComponent(inQuery)}@`)
    expectNone(await failure(get({ url })))
  })
})

it('an excerpt is cut after it was redacted, so that half a secret isn’t shown', async () => {
  const token = 'tok'.repeat(400)
  const { get } = await serve(() => ({ status: 400, body: `${' x'.repeat(200)} {"access_token": "${token}"}` }))
  const error = (await failure(get())) as HttpError
  expect(error.bodyExcerpt).toContain('"access_token": "***"')
  expect(error.message).not.toContain('toktok')
})

it('an excerpt of a long body is made in no time to speak of, and shows no half of a secret either', async () => {
  const page = '<a href="/x%20y?a=1&amp;b=%2F">It&#39;s &quot;\\u0041</a>'.repeat(1_500)
  const secret = 'wombat-17-quokka'.repeat(94)
  for (const body of [page, secret.repeat(40), `${'a '.repeat(8_000)}${secret}`]) {
    const { get } = await serve(() => ({ status: 400, body }), {
      auth: { ...auth, hide: (text) => hide(text, [secret]) },
    })
    const since = performance.now()
    const error = (await failure(get())) as HttpError
    expect(performance.now() - since).toBeLessThan(2_000)
    expect(error.bodyExcerpt?.length).toBeLessThan(600)
    expect(error.bodyExcerpt).not.toContain('quokka')
  }
})

it('a client shows nothing of its options', () => {
  const client = httpClient({ auth, tls: { passphrase: inBody, key: inHeader, cert: 'c' } })
  for (const secret of secrets) expect(inspect(client, { depth: 20, showHidden: true })).not.toContain(secret)
  return client.close()
})

describe('a body that is read after it was taken', () => {
  it('shows no secret when it breaks', async () => {
    const text = `{"self":"${inAuth}","items":[${'{"id":1},'.repeat(100)}oops]}`
    const route: Route = () => ({ headers: { 'content-type': 'application/json' }, body: text })
    const { server, client } = await serve(route, { auth, retry: { maxAttempts: 1 } })
    const page = await client.send({ url: `${server.url}/` }, (response) =>
      readPage(response, { records: 'items', bufferBytes: 100 }),
    )
    const error = await failure(
      (async () => {
        for await (const _ of page.chunks);
      })(),
    )
    expect(String(error)).toContain('it begins: {"self":"***"')
    expectNone(error)
  })
})
