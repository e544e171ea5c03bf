import { randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { describeError } from '../src/errors.ts'
import { redact, redactError } from '../src/redact.ts'

describe('redact', () => {
  it.each([
    ['GET https://me:hunter2-secret@api.example/x', 'GET https://***@api.example/x'],
    ['amqp://guest:gu:est@localhost/vh failed', 'amqp://***@localhost/vh failed'],
    ['https://api.example/v1?api_key=k-123&page=2', 'https://api.example/v1?api_key=***&page=2'],
    ['https://api.example/v1?page=2&access_token=abc', 'https://api.example/v1?page=2&access_token=***'],
    ['https://x.blob/c?sv=2020&sig=a%2Fb%3D&se=1', 'https://x.blob/c?sv=2020&sig=***&se=1'],
    [
      'grant_type=client_credentials&client_secret=s3cr3t&scope=a',
      'grant_type=client_credentials&client_secret=***&scope=a',
    ],
    ['Authorization: Bearer abcdefgh123', 'Authorization: Bearer ***'],
    ['authorization: Basic dXNlcjpwYXNz', 'authorization: Basic ***'],
    ['x-api-key: 0123456789', 'x-api-key: ***'],
    ['{"password":"a \\" b","user":"u"}', '{"password":"***","user":"u"}'],
    ['{ accessToken: \'abc\', access_token: "def" }', '{ accessToken: \'***\', access_token: "***" }'],
    ['postgres://user:p@SEC/RET@host/db', 'postgres://***@host/db'],
    ['data: "client_secret=a&grant_type=b"', 'data: "client_secret=***&grant_type=b"'],
    ['connect (password=abc) host=db,password=abc', 'connect (password=***) host=db,password=***'],
    ['{\\"password\\":\\"a b\\",\\"user\\":1}', '{\\"password\\":\\"***\\",\\"user\\":1}'],
    ['{"user":"u","password":"cut sh', '{"user":"u","password":"***'],
    ["rawHeaders: ['X-Api-Key', 'abc', 'Accept', '*/*']", "rawHeaders: ['X-Api-Key', '***', 'Accept', '*/*']"],
    ["[['x-api-key','abc']]", "[['x-api-key','***']]"],
    ["Map(1) { 'token' => 'abc' }", "Map(1) { 'token' => '***' }"],
    ["{ dbPassword: 'abc' }", "{ dbPassword: '***' }"],
    ['?accessToken=abc&userPassword=abc', '?accessToken=***&userPassword=***'],
    ['PGPASSWORD=abc psql', 'PGPASSWORD=*** psql'],
    ['password = abc', 'password = ***'],
    ['https://api.example/x?key=abc&q=1', 'https://api.example/x?key=***&q=1'],
    ['got eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl back', 'got *** back'],
  ])('hides the secret in %j', (text, expected) => {
    expect(redact(text)).toBe(expected)
  })

  it.each([
    'the token has expired',
    'https://api.example/v1?page=2&sort=id#part',
    'batch 3 [{"offset":1}, {"offset":2})',
    'unexpected token } in JSON at position 4',
    'basic auth is not supported',
    'mail to a@b.example',
    'key: 42 is missing',
    '{"id":1,"name":"author"}',
    'https://host:8080/path@v1/file',
    'basic authentication is off; digest too',
    'bearer tokens are refused',
    'unexpected token identifier',
    "columns ['id', 'name', 'key']",
    'monkey=1&turkey=2',
  ])('leaves %j alone', (text) => {
    expect(redact(text)).toBe(text)
  })

  it.each([
    ['words', `{"name":"${'a'.repeat(200_000)}"}`],
    ['names', 'token_'.repeat(40_000)],
    ['names that begin again and again', 'a-a.'.repeat(60_000)],
    ['bytes in base64', randomBytes(200_000).toString('base64url')],
    ['schemes', 'a://b:c'.repeat(40_000)],
    ['openings', 'password="'.repeat(30_000)],
    ['backslashes', `password="${'\\\\"'.repeat(60_000)}`],
    ['spaces', `password${' '.repeat(200_000)}`],
    ['half web tokens', 'eyJabcdefgh.eyJabcdefgh-'.repeat(10_000)],
    ['half authorizations', 'bearer '.repeat(40_000)],
  ])('takes no longer than a text is long: %s', (_, text) => {
    const start = performance.now()
    redact(text)
    expect(performance.now() - start).toBeLessThan(1_500)
  })
})

describe('redactError', () => {
  class ApiError extends Error {
    override name = 'ApiError'
    readonly retryable = false
    readonly url = 'https://x?token=t0psecret'
  }

  it('gives back an error without secrets as it is', () => {
    const error = new TypeError('fetch failed', { cause: new Error('ECONNRESET') })
    expect(redactError(error)).toBe(error)
    expect(redactError('text')).toBe('text')
    expect(redactError(undefined)).toBe(undefined)
  })

  it('copies one with a secret, with its class, properties and causes, and leaves the error itself as it was', () => {
    const cause = new Error('401 for https://u:t0psecret@x')
    const error = new ApiError('no access with Bearer t0psecret1', { cause })
    const safe = redactError(error) as ApiError
    expect(inspect(safe, { depth: 10, showHidden: true })).not.toContain('t0psecret')
    expect(safe).toBeInstanceOf(ApiError)
    expect([safe.name, safe.retryable, safe.message]).toEqual(['ApiError', false, 'no access with Bearer ***'])
    expect(error.message).toBe('no access with Bearer t0psecret1')
    expect(error.cause).toBe(cause)
  })

  it('looks into the errors of an AggregateError', () => {
    const error = new AggregateError([new Error('a'), new Error('https://u:t0psecret@x')], 'two')
    const safe = redactError(error) as AggregateError
    expect(inspect(safe)).not.toContain('t0psecret')
    expect(safe.errors[0]).toBe(error.errors[0])
  })

  it('keeps what an error has under symbols', () => {
    const kind = Symbol('kind')
    const safe = redactError(Object.assign(new Error('Bearer t0psecret1'), { [kind]: 'timeout' })) as Error
    expect([safe.message, Reflect.get(safe, kind)]).toEqual(['Bearer ***', 'timeout'])
  })

  it('bears things whose own print fails', () => {
    const fails = (): never => {
      throw new Error('no print')
    }
    const harmless = { [inspect.custom]: fails }
    expect(redactError(harmless)).toBe(harmless)
    expect(redactError({ [inspect.custom]: fails, url: 'https://u:t0psecret@x' })).toContain('https://***@x')
  })

  it('masks what stands under a telling name, also in the error itself and deep in it', () => {
    let deep: object = { password: 't0psecret' }
    for (let depth = 0; depth < 10; depth++) deep = { deep }
    const error = Object.assign(new Error('x'), {
      password: 't0psecret',
      apiKey: 't0psecret',
      deep,
      long: { text: `${'a'.repeat(11_000)} token=t0psecret` },
    })
    expect(inspect(redactError(error), { depth: 30, maxStringLength: Infinity })).not.toContain('t0psecret')
  })

  it('bears what can’t be looked at', () => {
    const trap = new Proxy(new Error('x'), {
      getPrototypeOf() {
        throw new Error('trap')
      },
    })
    expect(redactError(trap)).toBeInstanceOf(Error)
    expect(describeError(trap)).toBeTypeOf('string')
  })

  it('bears errors that are their own cause', () => {
    const error = new Error('Bearer t0psecret1')
    error.cause = error
    expect(inspect(redactError(error), { depth: 20 })).not.toContain('t0psecret')
  })
})
