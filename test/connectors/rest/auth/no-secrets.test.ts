import { generateKeyPairSync } from 'node:crypto'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { apiKey } from '../../../../src/connectors/rest/auth/api-key.ts'
import { basic } from '../../../../src/connectors/rest/auth/basic.ts'
import { bearer } from '../../../../src/connectors/rest/auth/bearer.ts'
import { clientCertificate } from '../../../../src/connectors/rest/auth/client-certificate.ts'
import { credentials, explicitFirst } from '../../../../src/connectors/rest/auth/credentials.ts'
import { jwtBearer } from '../../../../src/connectors/rest/auth/jwt-bearer.ts'
import { oauth2ClientCredentials } from '../../../../src/connectors/rest/auth/oauth2-client-credentials.ts'
import { oauth2RefreshToken } from '../../../../src/connectors/rest/auth/oauth2-refresh-token.ts'
import { privateKeyJwt } from '../../../../src/connectors/rest/auth/private-key-jwt.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import type { Authorization } from '../../../../src/connectors/rest/http/types.ts'
import { defineDataSource } from '../../../../src/data-source.ts'
import { schema } from '../../../../src/schema.ts'
import { testAuthority } from '../../../support/certificates.ts'
import { failure } from './failure.ts'
import { IdentityServer, sendJson } from './identity-server.ts'
import { authorize, outgoing } from './requests.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
const certificate = testAuthority().issue({ name: 'etl' })
const keyTexts = [pem, certificate.key].map((key) => key.split('\n')[1] as string)

/** As a secret may be: nothing about it looks like one. */
const secret = 'wombat+17/é'
const plain = 'wombat-17-quokka'
const hidden = [
  ...[
    secret,
    encodeURIComponent(secret),
    'wombat%2B17%2F%C3%A9',
    btoa('me:wombat-17'),
    plain,
    ...keyTexts,
    'token-1',
    'token-2',
  ],
  ...[btoa('etl:wombat%2B17%2F%C3%A9'), Buffer.from(`myself:${secret}`).toString('base64'), 'wombat', 'r0tated'],
]

function expectNone(shown: unknown): void {
  const texts = [
    inspect(shown, { depth: 20, showHidden: true }),
    String(shown),
    JSON.stringify(shown),
    ...(shown instanceof Error ? [shown.stack ?? '', shown.message] : []),
  ]
  for (const text of texts) {
    for (const each of hidden) expect(text).not.toContain(each)
    expect(text).not.toMatch(/\beyJ/) // an assertion
  }
}

let server: IdentityServer
beforeEach(async () => {
  server = await IdentityServer.start()
})
afterEach(() => server.close())

type Make = () => Authorization
const kinds: readonly (readonly [string, Make])[] = [
  ['bearer', () => bearer(plain)],
  ['bearer of credentials', () => bearer(credentials(explicitFirst({ explicit: plain })))],
  ['basic', () => basic({ user: 'myself', password: secret })],
  ['apiKey in a header', () => apiKey({ header: 'x-shibboleth', value: plain })],
  ['apiKey in the query', () => apiKey({ query: 'appid', value: secret })],
  ['credentials', () => credentials([bearer(() => undefined), basic({ user: secret })])],
  ['clientCertificate', () => clientCertificate({ ...certificate, passphrase: plain })],
  ['oauth2ClientCredentials', () => clientCredentials('basic')],
  ['oauth2ClientCredentials, in the body', () => clientCredentials('post')],
  ['oauth2ClientCredentials, signed', () => clientCredentials(privateKeyJwt({ key: pem }))],
  ['oauth2RefreshToken', () => refreshToken()],
  ['jwtBearer', () => jwtBearer({ tokenUrl: server.tokenUrl, issuer: 'me', key: pem })],
]

function clientCredentials(clientAuth: 'basic' | 'post' | ReturnType<typeof privateKeyJwt>): Authorization {
  const client = { clientId: 'etl', clientAuth, ...(typeof clientAuth === 'string' ? { clientSecret: secret } : {}) }
  return oauth2ClientCredentials({ tokenUrl: server.tokenUrl, ...client })
}

function refreshToken(): Authorization {
  const client = { clientId: 'etl', clientSecret: plain, refreshToken: secret }
  return oauth2RefreshToken({ tokenUrl: server.tokenUrl, ...client, onRotated: () => {} })
}

describe.each(kinds)('%s', (_, make) => {
  it('shows nothing of itself, fresh and used, alone and bound in a source', async () => {
    server.more = () => ({ refresh_token: 'r0tated' })
    const authorization = make()
    const source = defineDataSource({
      name: 'api',
      schema: schema('id int'),
      reader: (options: { auth: Authorization }) => ({
        ...options,
        partitions: () => [1],
        read: () => [[{ id: 1 }]],
      }),
    })({ auth: authorization })
    for (const shown of [authorization, source, source.reader()]) expectNone(shown)
    await authorize(authorization)
    for (const shown of [authorization, source, source.reader(), { ...authorization }]) expectNone(shown)
  })

  it('isn’t quoted from what an API answers', async () => {
    const authorization = make()
    const sent = await authorize(authorization, outgoing({ url: `${server.url}/echo` }))
    const quoted = `${sent.url.href} ${JSON.stringify(sent.headers)} ${decodeURIComponent(sent.url.search)}`
    expectNone(authorization.hide?.(quoted) ?? quoted)
  })

  it('isn’t shown by a client whose API quotes the request', async () => {
    server.isEcho = true
    const client = httpClient({ auth: make(), retry: { maxAttempts: 1 } })
    const error = await failure(() => client.send({ url: `${server.url}/api` }, async () => {}))
    await client.close()
    expect(error).toMatchObject({ status: 400 })
    expectNone(error)
  })
})

describe.each(kinds.slice(7))('%s', (_, make) => {
  it.each([400, 401, 500])('isn’t shown when the token endpoint quotes the request with status %d', async (status) => {
    server.next.push((response, { form, headers }) =>
      sendJson(response, status, {
        error: 'invalid',
        error_description: `${form} ${JSON.stringify([...form])}`,
        headers,
      }),
    )
    const error = await failure(() => authorize(make()))
    expect(error).toMatchObject({ status })
    expectNone(error)
  })

  it.each([
    { access_token: 'wombat', token_type: 'mac' },
    { access_token: 'wombat', token_type: 'Bearer', expires_in: 'wombat' },
    { access_token: 'wombat\n', token_type: 'Bearer' },
  ])('isn’t shown when the answer is %o', async (body) => {
    server.next.push((response) => sendJson(response, 200, body))
    const authorization = make()
    expectNone(await failure(() => authorize(authorization)))
    expectNone(authorization)
  })

  it('isn’t shown when the token endpoint quotes the request in an error with status 200', async () => {
    server.next.push((response, { form }) => sendJson(response, 200, { error: `${form} ${JSON.stringify([...form])}` }))
    const error = await failure(() => authorize(make()))
    expect(error.message).toContain('the error')
    expectNone(error)
  })

  it('isn’t shown when the token endpoint hangs up', async () => {
    server.next.push((response) => {
      response.destroy()
    })
    expectNone(await failure(() => authorize(make())))
  })
})

describe('an option that is wrong', () => {
  it.each([
    () => bearer(`${plain}\n`),
    () => bearer({ value: plain } as never),
    () => basic({ user: 'me', password: { text: secret } as never }),
    () => basic({ user: `${plain}:x` }),
    () => apiKey({ header: 'x-key', value: secret }),
    () => apiKey({ header: 'x y', query: 'z', value: [plain] } as never),
    () => jwtBearer({ tokenUrl: server.tokenUrl, issuer: 'me', key: plain }),
    () => jwtBearer({ tokenUrl: server.tokenUrl, issuer: 'me', key: `{"kty":"${plain}"}` }),
    () => jwtBearer({ tokenUrl: server.tokenUrl, issuer: 'me', key: `{"k":"${plain}"` }),
    () =>
      oauth2ClientCredentials({ tokenUrl: `https://me:${plain}@id.example`, clientId: 'etl', clientSecret: secret }),
    () =>
      oauth2ClientCredentials({ tokenUrl: server.tokenUrl, clientId: 'etl', clientSecret: secret, clientAuth: 'none' }),
    () => clientCertificate({ cert: plain, key: { pem: secret } } as never),
  ])('isn’t shown: %s', async (make) => {
    expectNone(await failure(() => authorize(make())))
  })
})
