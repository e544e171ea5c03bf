import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { basic } from '../../../../src/connectors/rest/auth/basic.ts'
import { bearer } from '../../../../src/connectors/rest/auth/bearer.ts'
import { credentials, providerFirst } from '../../../../src/connectors/rest/auth/credentials.ts'
import { jwtBearer } from '../../../../src/connectors/rest/auth/jwt-bearer.ts'
import { oauth2ClientCredentials } from '../../../../src/connectors/rest/auth/oauth2-client-credentials.ts'
import { oauth2RefreshToken } from '../../../../src/connectors/rest/auth/oauth2-refresh-token.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import type { Authorization } from '../../../../src/connectors/rest/http/types.ts'
import { ManualScheduler } from '../../../support/schedulers.ts'
import { failure } from './failure.ts'
import { IdentityServer } from './identity-server.ts'
import { authorizationHeader } from './requests.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

let server: IdentityServer
beforeEach(async () => {
  server = await IdentityServer.start()
})
afterEach(() => server.close())

/** Told when {@link hangingOnce} hangs. */
let hangs = Promise.withResolvers<void>()
/** Never ends the first time; then gives this. */
const hangingOnce = (value: string) => {
  let count = 0
  return (): Promise<string> => {
    if (++count > 1) return Promise.resolve(value)
    hangs.resolve()
    return never()
  }
}
const never = (): Promise<never> => new Promise(() => {})

function clientWith(auth: Authorization, options: ClientOptions = {}) {
  const client = httpClient({ auth, timeout: { authorize: 50 }, retry: { initialDelayMs: 1 }, ...options })
  onTestFinished(() => client.close())
  const ask = (signal?: AbortSignal) =>
    client.send({ url: `${server.url}/api` }, async ({ body }) => void body.resume(), signal ? { signal } : {})
  return { client, ask }
}

describe('an authorization that never ends', () => {
  it('is given up after "timeout.authorize", in an error worth another attempt, and hears of it', async () => {
    const heard: unknown[] = []
    const auth: Authorization = {
      name: 'deaf',
      authorize: (_, signal) => {
        signal?.addEventListener('abort', () => heard.push(signal.reason))
        return never()
      },
    }
    const { ask } = clientWith(auth, { retry: { maxAttempts: 2, initialDelayMs: 1 } })
    const error = await failure(ask)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ retryable: true, status: undefined })
    expect(error.message).toBe(
      `GET ${server.url}/api: deaf took longer than the 50 ms that "timeout.authorize" allows (attempt 2 of 2)`,
    )
    expect(heard).toHaveLength(2)
    expect(server.apiTokens).toEqual([])
  })

  it.each<[string, () => Authorization]>([
    ['bearer', () => bearer(hangingOnce('a'))],
    ['basic', () => basic({ user: 'me', password: hangingOnce('a') })],
    ['credentials', () => bearer(credentials(providerFirst({ provider: hangingOnce('a') })))],
  ])('%s: the function is asked anew', async (_, make) => {
    const { ask } = clientWith(make())
    server.isOpen = true
    await failure(ask) // the API knows no such token; it was asked with one
    expect(server.apiTokens.length).toBeGreaterThan(0)
  })

  it('after a refusal is given up, too', async () => {
    const auth: Authorization = { name: 'deaf', authorize: async (request) => request, refused: never }
    const { ask } = clientWith(auth, { retry: { maxAttempts: 1 } })
    expect((await failure(ask)).message).toContain('deaf took longer than the 50 ms that "timeout.authorize" allows')
  })
})

describe('what a token request needs, and that never ends,', () => {
  let scheduler = new ManualScheduler()
  beforeEach(() => {
    scheduler = new ManualScheduler()
    hangs = Promise.withResolvers()
  })
  const token = () => ({ tokenUrl: server.tokenUrl, timeout: 50, scheduler })
  it.each<[string, () => Authorization]>([
    ['clientSecret', () => oauth2ClientCredentials({ ...token(), clientId: 'a', clientSecret: hangingOnce('b') })],
    ['clientId', () => oauth2ClientCredentials({ ...token(), clientId: hangingOnce('a'), clientSecret: 'b' })],
    ['key', () => jwtBearer({ ...token(), issuer: 'a', key: hangingOnce(pem) })],
    [
      'refreshToken',
      () =>
        oauth2RefreshToken({
          ...token(),
          clientId: 'a',
          clientAuth: 'none',
          refreshToken: hangingOnce('r'),
          onRotated: () => {},
        }),
    ],
    [
      'onRotated',
      () => {
        server.more = () => ({ refresh_token: 'rotated' })
        const refreshed = { clientId: 'a', clientAuth: 'none' as const, refreshToken: 'r' }
        return oauth2RefreshToken({ ...token(), ...refreshed, onRotated: hangingOnce('') })
      },
    ],
  ])('%s, is given up after "timeout", and done anew for the next who asks', async (_, make) => {
    const auth = make()
    const late = failure(() => authorizationHeader(auth))
    await hangs.promise
    await scheduler.advance(50)
    const error = await late
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ retryable: true })
    expect(error.message).toMatch(/took longer than the 50 ms that "timeout" allows$/)
    expect(await authorizationHeader(auth)).toBe('Bearer token-1')
  })
})

describe('a client that is closed while a token is asked for', () => {
  const silent = () => {
    const asked = new Promise<void>((resolve) => {
      server.next.push(() => {
        resolve()
        return never()
      })
    })
    return asked
  }

  it('waits for nothing, and leaves no request behind', async () => {
    const asked = silent()
    const auth = oauth2ClientCredentials({ tokenUrl: server.tokenUrl, clientId: 'a', clientSecret: 'b' })
    const { client, ask } = clientWith(auth, { timeout: {} })
    const over = failure(() => ask())
    await asked
    await client.close()
    expect((await over).message).toBe('httpClient: the client is closed')
    await expect.poll(() => server.connections()).toBe(0)
  })

  it('leaves it to the others who wait for the same token', async () => {
    let open = () => {}
    const asked = new Promise<void>((resolve) => {
      server.next.push((response) => {
        open = () => response.writeHead(200, { 'content-type': 'application/json' }).end(grantedToken)
        resolve()
      })
    })
    const auth = oauth2ClientCredentials({ tokenUrl: server.tokenUrl, clientId: 'a', clientSecret: 'b' })
    const [leaving, staying] = [clientWith(auth, { timeout: {} }), clientWith(auth, { timeout: {} })]
    const left = failure(() => leaving.ask())
    const stayed = staying.ask()
    await asked
    await leaving.client.close()
    await left
    open()
    await stayed
    expect(server.apiTokens[0]).toBe('granted')
    expect(server.tokenRequests.length).toBeLessThanOrEqual(2) // the API doesn't know it: one renewal
  })

  it('lets a refresh token come home: the next to ask gets what that request brought', async () => {
    let open = () => {}
    const asked = new Promise<void>((resolve) => {
      server.next.push((response) => {
        open = () => response.writeHead(200, { 'content-type': 'application/json' }).end(rotatedToken)
        resolve()
      })
    })
    const kept: string[] = []
    const auth = oauth2RefreshToken({
      ...{ tokenUrl: server.tokenUrl, clientId: 'a', clientAuth: 'none', refreshToken: 'first' },
      onRotated: (token) => kept.push(token),
    })
    const { client, ask } = clientWith(auth, { timeout: {} })
    const over = failure(() => ask())
    await asked
    await client.close()
    await over
    expect(kept).toEqual([])
    open()
    await expect.poll(() => kept).toEqual(['second'])
    expect(await authorizationHeader(auth)).toBe('Bearer granted')
    expect(server.tokenRequests).toHaveLength(1)
  })
})

const granted = { access_token: 'granted', token_type: 'Bearer', expires_in: 3_600 }
const grantedToken = JSON.stringify(granted)
const rotatedToken = JSON.stringify({ ...granted, refresh_token: 'second' })
