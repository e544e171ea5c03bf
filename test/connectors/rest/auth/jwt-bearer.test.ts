import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type JwtBearerOptions, jwtBearer } from '../../../../src/connectors/rest/auth/jwt-bearer.ts'
import { oauth2ClientCredentials } from '../../../../src/connectors/rest/auth/oauth2-client-credentials.ts'
import { privateKeyJwt } from '../../../../src/connectors/rest/auth/private-key-jwt.ts'
import { OptionError } from '../../../../src/errors.ts'
import { Clock } from './clock.ts'
import { failure } from './failure.ts'
import { IdentityServer } from './identity-server.ts'
import { authorizationHeader } from './requests.ts'

let server: IdentityServer
let clock: Clock
beforeEach(async () => {
  clock = new Clock()
  server = await IdentityServer.start()
  server.now = () => clock.ms
})
afterEach(() => server.close())

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const p521 = generateKeyPairSync('ec', { namedCurve: 'P-521' })
const ed25519 = generateKeyPairSync('ed25519')
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8'): string =>
  key.export({ type, format: 'pem' } as { type: 'pkcs8'; format: 'pem' }) as string

const grant = (over: Partial<JwtBearerOptions> = {}) =>
  jwtBearer({ tokenUrl: server.tokenUrl, issuer: 'etl@project', key: pem(rsa.privateKey), scheduler: clock, ...over })

async function verified(parameter: string, key: KeyObject): Promise<{ payload: JWTPayload; header: object }> {
  const token = server.tokenRequests.at(-1)?.form.get(parameter) ?? ''
  const { payload } = await jwtVerify(token, key, { currentDate: new Date(clock.ms) })
  return { payload, header: decodeProtectedHeader(token) }
}

describe('the JWT bearer grant', () => {
  it('exchanges a signed assertion for a token', async () => {
    expect(await authorizationHeader(grant({ scope: 'read', extraParams: { resource: 'r' } }))).toBe('Bearer token-1')
    const { form, headers } = server.tokenRequests[0] ?? {}
    expect(form?.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
    expect([...(form?.keys() ?? [])].sort()).toEqual(['assertion', 'grant_type', 'resource', 'scope'])
    expect(headers?.authorization).toBe(undefined)
    const { payload, header } = await verified('assertion', rsa.publicKey)
    const now = clock.ms / 1_000
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT' })
    expect(payload).toEqual({
      iss: 'etl@project',
      sub: 'etl@project',
      aud: server.tokenUrl,
      iat: now - 30,
      exp: now + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  it('says for whom, in whose name, and what else', async () => {
    const over = { subject: 'me', audience: 'https://id.example', claims: { scope: 'read', iat: 1 } }
    await authorizationHeader(grant({ ...over, lifetime: '1 hour', keyId: 'k1', header: { x5t: 'abc' } }))
    const { payload, header } = await verified('assertion', rsa.publicKey)
    expect(payload).toMatchObject({ sub: 'me', aud: 'https://id.example', scope: 'read', iat: 1 })
    expect(payload.exp).toBe(clock.ms / 1_000 + 3_600)
    expect(header).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'k1', x5t: 'abc' })
  })

  it('signs anew for each token', async () => {
    const authorization = grant()
    await authorizationHeader(authorization)
    clock.ms += 3_600_000
    await authorizationHeader(authorization)
    const [first, second] = server.tokenRequests.map(({ form }) => form.get('assertion'))
    expect(first).not.toBe(second)
    await verified('assertion', rsa.publicKey)
  })

  it.each([
    ['RS256', rsa, {}],
    ['PS256', rsa, { algorithm: 'PS256' }],
    ['RS512', rsa, { algorithm: 'RS512' }],
    ['ES256', p256, {}],
    ['ES384', p384, {}],
    ['ES512', p521, {}],
    ['EdDSA', ed25519, {}],
  ] as const)('signs with %s', async (alg, { privateKey, publicKey }, over) => {
    await authorizationHeader(grant({ ...over, key: pem(privateKey) }))
    expect((await verified('assertion', publicKey)).header).toMatchObject({ alg })
  })

  it.each([
    ['PKCS #1', () => ({ key: pem(rsa.privateKey, 'pkcs1') }), rsa.publicKey],
    ['SEC 1', () => ({ key: pem(p256.privateKey, 'sec1') }), p256.publicKey],
    ['an encrypted PEM', () => ({ key: encrypted(), passphrase: 'pa55phrase' }), rsa.publicKey],
  ] as const)('takes a key in %s', async (_, given, publicKey) => {
    await authorizationHeader(grant(given()))
    await verified('assertion', publicKey)
  })

  it('takes a key as a JWK, and its id', async () => {
    const jwk = JSON.stringify({ ...p256.privateKey.export({ format: 'jwk' }), kid: 'k2' })
    await authorizationHeader(grant({ key: jwk }))
    expect((await verified('assertion', p256.publicKey)).header).toMatchObject({ alg: 'ES256', kid: 'k2' })
  })
})

const encrypted = () =>
  rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'pa55phrase' }) as string

describe('a key that doesn’t do', () => {
  it.each([
    ['no key', () => ({ key: 'pr1vate' }), 'option "key" must be a private key in PEM or as a JWK in JSON'],
    ['no JWK', () => ({ key: '{pr1vate' }), 'option "key" must be a private key in PEM or as a JWK in JSON'],
    [
      'a public key',
      () => ({ key: rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string }),
      'option "key" must be a private key',
    ],
    [
      'a wrong passphrase',
      () => ({ key: encrypted(), passphrase: 'wr0ng' }),
      "with its passphrase, and it can't be read",
    ],
    ['no passphrase', () => ({ key: encrypted() }), 'option "key" must be a private key in PEM or as a JWK in JSON'],
    [
      'another algorithm',
      () => ({ algorithm: 'ES256' as const }),
      'signing with ES256 failed, and the key is of type rsa',
    ],
    ['another curve', () => ({ algorithm: 'ES256' as const, key: pem(p384.privateKey) }), 'signing with ES256 failed'],
    [
      'another kind',
      () => ({ key: pem(generateKeyPairSync('x25519').privateKey) }),
      'option "key" must be an RSA, EC (P-256, P-384, P-521) or Ed25519 key, and it is x25519',
    ],
  ])('is refused: %s', async (_, over, message) => {
    const error = await failure(() => authorizationHeader(grant(over())))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toMatch(/^jwtBearer: /)
    expect(error.message).toContain(message)
    expect(error.message).not.toMatch(/pr1vate|wr0ng/)
    expect(server.tokenRequests).toEqual([])
  })
})

describe('a client that signs', () => {
  it('shows who it is by an assertion', async () => {
    const clientAuth = privateKeyJwt({ key: pem(ed25519.privateKey), keyId: 'k1' })
    const authorization = oauth2ClientCredentials({
      ...{ tokenUrl: server.tokenUrl, clientId: 'etl', clientAuth, scope: 'read', scheduler: clock },
    })
    expect(await authorizationHeader(authorization)).toBe('Bearer token-1')
    const { form, headers } = server.tokenRequests[0] ?? {}
    expect(Object.fromEntries(form ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'read',
      client_id: 'etl',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: expect.any(String),
    })
    expect(headers?.authorization).toBe(undefined)
    const { payload, header } = await verified('client_assertion', ed25519.publicKey)
    expect(payload).toMatchObject({ iss: 'etl', sub: 'etl', aud: server.tokenUrl, exp: clock.ms / 1_000 + 300 })
    expect(header).toEqual({ alg: 'EdDSA', typ: 'JWT', kid: 'k1' })
  })

  it('may sign for another audience', async () => {
    const clientAuth = privateKeyJwt({ key: pem(rsa.privateKey), audience: 'https://id.example' })
    await authorizationHeader(
      oauth2ClientCredentials({ tokenUrl: server.tokenUrl, clientId: 'etl', clientAuth, scheduler: clock }),
    )
    expect((await verified('client_assertion', rsa.publicKey)).payload.aud).toBe('https://id.example')
  })
})
