import { describe, expect, it, vi } from 'vitest'
import { clientCertificate } from '../../../../src/connectors/rest/auth/client-certificate.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import { type TlsOptions, tlsConnect } from '../../../../src/connectors/rest/http/tls.ts'
import { OptionError } from '../../../../src/errors.ts'
import { testAuthority } from '../../../support/certificates.ts'
import { type HttpServerOptions, httpServer, type Route } from '../../../support/http-server.ts'
import { failure, textOf } from './serve.ts'

const authority = testAuthority()
const another = testAuthority('another')
const alice = authority.issue({ name: 'alice' })
const mallory = another.issue({ name: 'mallory' })
const greet: Route = ({ client }) => ({ body: `hello ${client}` })

async function ask(options: ClientOptions, server: HttpServerOptions['tls'] = { authority }): Promise<string> {
  await using api = await httpServer({ '/': greet }, { tls: server })
  const client = httpClient({ retry: { maxAttempts: 1 }, ...options })
  try {
    return await client.send({ url: api.url }, textOf)
  } finally {
    await client.close()
  }
}

const { ca } = authority

describe('a server', () => {
  it('is trusted with the certificate of an authority that is', async () => {
    expect(await ask({ tls: { ca } })).toBe('hello undefined')
    expect(await ask({ tls: { ca: [another.ca, Buffer.from(ca)] } })).toBe('hello undefined')
  })

  it.each<[string, TlsOptions, HttpServerOptions['tls'], RegExp]>([
    ['of an unknown authority', {}, { authority }, /unable to verify|self.signed/],
    ['of another authority', { ca: another.ca }, { authority }, /certificate/],
    ['for another host', { ca }, { authority, names: ['example.com'] }, /127\.0\.0\.1/],
    ['for another host than said', { ca, servername: 'example.com' }, { authority }, /example\.com/],
  ])('%s is not, for good', async (_name, tls, server, message) => {
    const error = await failure(ask({ tls }, server))
    expect(error).toMatchObject({ name: 'HttpError', retryable: false, status: undefined })
    expect(error.message).toMatch(message)
  })

  it('may be told to go by another name', async () => {
    const tls = { ca, servername: 'example.com' }
    expect(await ask({ tls }, { authority, names: ['example.com'] })).toBe('hello undefined')
  })

  it('gets to know a client certificate only if it was asked itself, and not by a redirect', async () => {
    const both = { authority, clients: true }
    const greeted: (string | undefined)[] = []
    const note: Route = ({ client }) => {
      greeted.push(client)
      return { body: 'seen' }
    }
    await using elsewhere = await httpServer({ '/': note }, { tls: both })
    await using api = await httpServer(
      { '/': () => ({ status: 302, headers: { location: elsewhere.url } }) },
      { tls: both },
    )
    for (const options of [{ auth: clientCertificate(alice), tls: { ca } }, { tls: { ca, ...alice } }]) {
      const client = httpClient({ retry: { maxAttempts: 1 }, ...options })
      expect(await failure(client.send({ url: api.url }, textOf))).toMatchObject({ name: 'HttpError' })
      await client.close()
    }
    expect(greeted).toEqual([])
    expect(api.requests).toHaveLength(2)
  })

  it('is verified though the environment says no', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    try {
      expect(await failure(ask({}))).toMatchObject({ name: 'HttpError', retryable: false })
    } finally {
      vi.unstubAllEnvs()
    }
  })
})

describe('a client', () => {
  const closed = { authority, clients: true }

  it('is known by its certificate, given as an option or by who asks', async () => {
    expect(await ask({ tls: { ca, ...alice } }, closed)).toBe('hello alice')
    expect(await ask({ tls: { ca }, auth: clientCertificate(alice) }, closed)).toBe('hello alice')
  })

  it.each<[string, TlsOptions]>([
    ['without one', { ca }],
    ['with that of another authority', { ca, ...mallory }],
  ])('%s gets no answer', async (_name, tls) => {
    expect(await failure(ask({ tls }, closed))).toMatchObject({ name: 'HttpError', status: undefined })
  })
})

it('an http server asked by https is an error, for good', async () => {
  await using api = await httpServer({ '/': greet })
  const client = httpClient()
  expect(await failure(client.send({ url: api.url.replace('http', 'https') }, textOf))).toMatchObject({
    retryable: false,
  })
  await client.close()
})

it.each<[string, object, RegExp]>([
  ['verification switched off', { rejectUnauthorized: false }, /unknown option "rejectUnauthorized"/],
  ['a certificate without its key', { cert: 'c' }, /"key" is missing/],
  ['a key without its certificate', { key: 's3cret' }, /^(?!.*s3cret).*"cert" is missing/],
  ['no authorities', { ca: [] }, /"ca"/],
  ['a passphrase that isn’t a text', { passphrase: 4711 }, /^(?!.*4711)/],
])('%s is refused', (_name, tls, message) => {
  expect(() => httpClient({ tls })).toThrow(OptionError)
  expect(() => httpClient({ tls })).toThrow(message)
})

it('a client certificate given twice is refused', () => {
  expect(() => tlsConnect('x: tls', { ...alice }, { ...alice })).toThrow(/twice/)
  expect(tlsConnect('x: tls', { ca }, { ...alice })).toEqual({ ca, ...alice, rejectUnauthorized: true })
})
