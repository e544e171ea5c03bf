import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type OAuth2ClientCredentialsOptions,
  oauth2ClientCredentials,
} from '../../../../src/connectors/rest/auth/oauth2-client-credentials.ts'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import type { Authorization } from '../../../../src/connectors/rest/http/types.ts'
import { isRetryable, OptionError } from '../../../../src/errors.ts'
import { Clock } from './clock.ts'
import { failure } from './failure.ts'
import { IdentityServer, sendJson } from './identity-server.ts'
import { authorizationHeader, outgoing } from './requests.ts'

let server: IdentityServer
let clock: Clock
beforeEach(async () => {
  clock = new Clock()
  server = await IdentityServer.start()
  // Its clock is an hour behind ours.
  server.now = () => clock.ms - 3_600_000
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await server.close()
})

const options = (over: Partial<OAuth2ClientCredentialsOptions> = {}): OAuth2ClientCredentialsOptions => ({
  tokenUrl: server.tokenUrl,
  clientId: 'etl',
  clientSecret: 'cl1ent s3cret',
  scheduler: clock,
  ...over,
})
const grant = (over: Partial<OAuth2ClientCredentialsOptions> = {}) => oauth2ClientCredentials(options(over))
const lastForm = () => Object.fromEntries(server.tokenRequests.at(-1)?.form ?? [])
const lastHeaders = () => server.tokenRequests.at(-1)?.headers ?? {}

describe('the token request', () => {
  it('shows the client in a header, percent-encoded, as every server should know', async () => {
    expect(await authorizationHeader(grant())).toBe('Bearer token-1')
    expect(lastForm()).toEqual({ grant_type: 'client_credentials' })
    expect(lastHeaders().authorization).toBe(`Basic ${btoa('etl:cl1ent+s3cret')}`)
    expect(lastHeaders()['content-type']).toMatch(/^application\/x-www-form-urlencoded/)
    expect(lastHeaders().accept).toBe('application/json')
  })

  it('shows it in the body', async () => {
    await authorizationHeader(grant({ clientAuth: 'post' }))
    expect(lastForm()).toEqual({
      grant_type: 'client_credentials',
      client_id: 'etl',
      client_secret: 'cl1ent s3cret',
    })
    expect(lastHeaders().authorization).toBe(undefined)
  })

  it('shows the id of a public client only', async () => {
    const { clientSecret: _, ...publicClient } = options({ clientAuth: 'none' })
    await authorizationHeader(oauth2ClientCredentials(publicClient))
    expect(lastForm()).toEqual({ grant_type: 'client_credentials', client_id: 'etl' })
  })

  it('asks for scope and audience, and for whatever else a server wants', async () => {
    await authorizationHeader(
      grant({
        scope: ['read', 'write'],
        audience: 'https://api.example',
        extraParams: { resource: 'r', scope: 'all' },
      }),
    )
    expect(lastForm()).toEqual({
      grant_type: 'client_credentials',
      scope: 'all',
      audience: 'https://api.example',
      resource: 'r',
    })
    await authorizationHeader(grant({ scope: ['read', 'write'] }))
    expect(lastForm().scope).toBe('read write')
  })

  it('reads the secret anew each time', async () => {
    vi.stubEnv('SLUICE_TEST_SECRET', 'one')
    const authorization = grant({ clientSecret: { env: 'SLUICE_TEST_SECRET' } })
    await authorizationHeader(authorization)
    vi.stubEnv('SLUICE_TEST_SECRET', 'two')
    clock.ms += 3_600_000
    await authorizationHeader(authorization)
    expect(server.tokenRequests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${btoa('etl:one')}`,
      `Basic ${btoa('etl:two')}`,
    ])
  })
})

describe('the lifetime of a token', () => {
  const lifetimes = async (authorization: Authorization, ...waits: readonly number[]) => {
    await authorizationHeader(authorization)
    const sent: (string | undefined)[] = []
    for (const wait of waits) {
      clock.ms += wait
      sent.push((await authorizationHeader(authorization))?.replace('Bearer ', ''))
    }
    return sent
  }

  it('is the server’s, less a tenth', async () => {
    expect(await lifetimes(grant(), 3_239_999, 1)).toEqual(['token-1', 'token-2'])
  })

  it('is less half a minute, where that is more', async () => {
    server.expiresIn = 100
    expect(await lifetimes(grant(), 69_999, 1)).toEqual(['token-1', 'token-2'])
  })

  it('is less what the option says', async () => {
    expect(await lifetimes(grant({ renewBefore: '10 minutes' }), 2_999_999, 1)).toEqual(['token-1', 'token-2'])
  })

  it('is five minutes, or what the option says, where the server says nothing', async () => {
    server.expiresIn = undefined
    expect(await lifetimes(grant(), 269_999, 1)).toEqual(['token-1', 'token-2'])
    expect(await lifetimes(grant({ defaultLifetime: '1 day' }), 77_759_999, 1)).toEqual(['token-3', 'token-4'])
  })

  it('may come as a text', async () => {
    server.more = () => ({ expires_in: '1000' })
    expect(await lifetimes(grant(), 899_999, 1)).toEqual(['token-1', 'token-2'])
  })
})

describe('requests to an API', () => {
  const call = async (authorization: Authorization, requests: number): Promise<void> => {
    const client = httpClient({ auth: authorization, scheduler: clock })
    try {
      const one = () =>
        client.send({ url: `${server.url}/api` }, async ({ body }) => {
          body.resume()
        })
      await Promise.all(Array.from({ length: requests }, one))
    } finally {
      await client.close()
    }
  }

  it('ask for one token, twenty at once', async () => {
    await call(grant(), 20)
    expect(server.tokenRequests).toHaveLength(1)
    expect(server.apiTokens).toEqual(Array.from({ length: 20 }, () => 'token-1'))
  })

  it('renew an expired one once, twenty at once, whatever the server’s clock shows', async () => {
    const authorization = grant()
    await call(authorization, 1)
    clock.ms += 3_600_000
    await call(authorization, 20)
    expect(server.tokenRequests).toHaveLength(2)
    expect(server.apiTokens.slice(1)).toEqual(Array.from({ length: 20 }, () => 'token-2'))
  })

  it('renew a revoked one once, after twenty refusals', async () => {
    const authorization = grant()
    await call(authorization, 1)
    server.revokeAll()
    await call(authorization, 20)
    expect(server.tokenRequests).toHaveLength(2)
    expect(server.apiTokens.filter((token) => token === 'token-2')).toHaveLength(20)
  })

  it('of several clients share the token', async () => {
    const authorization = grant()
    await Promise.all([call(authorization, 2), call(authorization, 2)])
    expect(server.tokenRequests).toHaveLength(1)
  })

  it('fail when the API refuses a new token too, after one renewal', async () => {
    const authorization = grant()
    server.isOpen = false
    const error = await failure(() => call(authorization, 1))
    expect(error).toMatchObject({ status: 401, retryable: false })
    expect(server.tokenRequests).toHaveLength(2)
  })
})

describe('an authorization', () => {
  it('ends the waiting of a request that is aborted, and goes on for the others', async () => {
    let answer = () => {}
    server.next.push(async (response) => {
      await new Promise<void>((resolve) => {
        answer = resolve
      })
      sendJson(response, 200, { access_token: 'late', token_type: 'Bearer' })
    })
    const authorization = grant()
    const leaving = new AbortController()
    const left = authorization.authorize(outgoing(), leaving.signal)
    const staying = authorizationHeader(authorization)
    await vi.waitFor(() => expect(server.tokenRequests).toHaveLength(1))
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    answer()
    expect(await staying).toBe('Bearer late')
  })

  it('has no hope for a refused request that carried no token (redirected elsewhere)', async () => {
    const authorization = grant()
    await authorizationHeader(authorization)
    expect(await authorization.refused?.(outgoing())).toBe(false)
    expect(await authorizationHeader(authorization)).toBe('Bearer token-1')
  })

  it('leaves no connection to the token endpoint behind', async () => {
    await authorizationHeader(grant())
    await vi.waitFor(async () => expect(await server.connections()).toBe(0))
  })
})

describe('a token endpoint that refuses', () => {
  it('is a failure for good, with the code of OAuth', async () => {
    server.next.push((response) =>
      sendJson(response, 401, { error: 'invalid_client', error_description: 'Unknown client etl' }),
    )
    const error = await failure(() => authorizationHeader(grant()))
    expect(error).toMatchObject({ status: 401, retryable: false })
    expect(error.message).toContain('invalid_client')
    expect(error.message).toContain('Unknown client etl')
    expect(error.message).toContain(server.tokenUrl)
  })

  it('is not asked again by the client of the API', async () => {
    server.next.push((response) => sendJson(response, 401, { error: 'invalid_client' }))
    const client = httpClient({ auth: grant(), scheduler: clock, retry: { maxAttempts: 3, initialDelayMs: 0 } })
    const error = await failure(() => client.send({ url: `${server.url}/api` }, async () => {}))
    await client.close()
    expect(error).toMatchObject({ status: 401, retryable: false })
    expect(server.tokenRequests).toHaveLength(1)
    expect(server.apiTokens).toEqual([])
  })

  it.each([429, 500, 503])('with %d is worth another attempt', async (status) => {
    server.next.push((response) => sendJson(response, status, { error: 'busy' }))
    const authorization = grant()
    const error = await failure(() => authorizationHeader(authorization))
    expect(error).toMatchObject({ status, retryable: true })
    expect(await authorizationHeader(authorization)).toBe('Bearer token-2')
  })

  it('and comes back, is asked again by the client of the API', async () => {
    server.next.push((response) => sendJson(response, 503, {}))
    const client = httpClient({ auth: grant(), scheduler: clock, retry: { maxAttempts: 2, initialDelayMs: 0 } })
    await client.send({ url: `${server.url}/api` }, async ({ body }) => {
      body.resume()
    })
    await client.close()
    expect(server.apiTokens).toEqual(['token-2'])
  })

  it('hangs up: is worth another attempt', async () => {
    server.next.push((response) => {
      response.destroy()
    })
    const error = await failure(() => authorizationHeader(grant()))
    expect(isRetryable(error)).toBe(true)
  })

  it('says nothing for too long: is worth another attempt', async () => {
    server.next.push(() => {})
    const error = await failure(() => authorizationHeader(grant({ timeout: 50 })))
    expect(isRetryable(error)).toBe(true)
    expect(error.message).toContain(server.tokenUrl)
  }, 4_000)

  it.each([302, 307])('redirects with %d: the secret goes to no other place', async (status) => {
    const elsewhere = await IdentityServer.start()
    try {
      server.next.push((response) => {
        response.writeHead(status, { location: elsewhere.tokenUrl }).end()
      })
      const error = await failure(() => authorizationHeader(grant({ clientAuth: 'post' })))
      expect(error).toMatchObject({ status, retryable: false })
      expect(elsewhere.tokenRequests).toEqual([])
    } finally {
      await elsewhere.close()
    }
  })
})

describe('an answer that is no token', () => {
  it.each([
    ['an error with status 200', { error: 'bad_verification_code' }, 'the error "bad_verification_code"'],
    ['one without a token', { token_type: 'Bearer' }, '"access_token"'],
    ['one without a type', { access_token: 't0psecret' }, '"token_type"'],
    ['one of another type', { access_token: 't0psecret', token_type: 'mac' }, 'token_type'],
    [
      'a token with a nonsensical lifetime',
      { access_token: 't0psecret', token_type: 'Bearer', expires_in: 'soon' },
      '"expires_in"',
    ],
    ['a list', ['t0psecret'], 'no JSON object'],
  ])('%s is refused for good, and not shown', async (_, body, named) => {
    server.next.push((response) => sendJson(response, 200, body))
    const error = await failure(() => authorizationHeader(grant()))
    expect(error.message).toContain(named)
    expect(isRetryable(error)).toBe(false)
  })

  it('a page of HTML is refused', async () => {
    server.next.push((response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>t0psecret</html>')
    })
    const error = await failure(() => authorizationHeader(grant()))
    expect(error.message).toContain('found: no JSON object')
  })

  it('an endless one is cut', async () => {
    server.next.push((response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      }
      response.on('drain', pour)
      pour()
    })
    const error = await failure(() => authorizationHeader(grant()))
    expect(error.message).toContain('more than 1048576 bytes')
  })
})

describe('an answer that is a token', () => {
  it('may hold an ID token, which isn’t looked at', async () => {
    server.more = () => ({ id_token: 'not even a JWT' })
    expect(await authorizationHeader(grant())).toBe('Bearer token-1')
  })

  it('may come with another status of success and another type', async () => {
    server.next.push((response) => {
      response.writeHead(201, { 'content-type': 'text/plain' }).end('{"access_token":"t","token_type":"bearer"}')
    })
    expect(await authorizationHeader(grant())).toBe('Bearer t')
  })
})

describe('the options', () => {
  it.each([
    [{ tokenUrl: 'http://id.example/token' }, 'is http to id.example: secrets would travel in clear text'],
    [{ tokenUrl: 'http://localhost.example/token' }, 'is http to localhost.example'],
    [{ tokenUrl: 'http://notlocalhost/token' }, 'is http to notlocalhost'],
    [{ tokenUrl: 'https://me:s3cret@id.example/' }, 'option "tokenUrl" must be an absolute URL'],
    [{ tokenUrl: '/token' }, 'option "tokenUrl" must be an absolute URL'],
    [{ clientSecret: '' }, 'option "clientSecret" must be a secret'],
    [{ clientAuth: 'none' }, 'option "clientSecret" is given, and "clientAuth" "none" sends none'],
    [{ clientAuth: 'header' }, 'option "clientAuth" must be "basic", "post", "none" or privateKeyJwt'],
    [{ scope: [''] }, 'option "scope" must be'],
    [{ secret: 'x' }, 'unknown option "secret"'],
  ])('are checked: %o', (over, message) => {
    const given = options(over as Partial<OAuth2ClientCredentialsOptions>)
    expect(() => oauth2ClientCredentials(given)).toThrow(OptionError)
    expect(() => oauth2ClientCredentials(given)).toThrow(message)
    expect(() => oauth2ClientCredentials(given)).not.toThrow('s3cret@')
  })

  it('need a secret where one is sent', () => {
    const { clientSecret: _, ...rest } = options()
    expect(() => oauth2ClientCredentials(rest)).toThrow(
      'option "clientSecret" is missing; "clientAuth" "basic" needs it',
    )
  })

  it.each([
    'https://id.example/',
    'http://localhost/',
    'http://idp.localhost:1/',
    'http://127.1.2.3/',
    'http://[::1]:8/',
  ])('take the token endpoint %s', (tokenUrl) => {
    expect(grant({ tokenUrl }).name).toBe('oauth2 client credentials')
  })

  it('take http to another machine when that is said', () => {
    expect(grant({ tokenUrl: 'http://id.example/', allowHttp: true }).name).toBe('oauth2 client credentials')
  })
})
