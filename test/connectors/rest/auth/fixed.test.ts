import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ApiKeyOptions, apiKey } from '../../../../src/connectors/rest/auth/api-key.ts'
import { type BasicOptions, basic } from '../../../../src/connectors/rest/auth/basic.ts'
import { bearer } from '../../../../src/connectors/rest/auth/bearer.ts'
import type { Secret } from '../../../../src/connectors/rest/auth/secret.ts'
import { OptionError } from '../../../../src/errors.ts'
import { failure } from './failure.ts'
import { authorizationHeader, authorize, outgoing } from './requests.ts'

let file = ''
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'sluice-fixed-')), 'token')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(join(file, '..'), { recursive: true, force: true })
})

describe('bearer', () => {
  it('sends the token', async () => {
    expect(await authorizationHeader(bearer('s3cret'))).toBe('Bearer s3cret')
  })

  it('asks a function for each request', async () => {
    let n = 0
    const authorization = bearer(() => `token-${++n}`)
    expect(await authorizationHeader(authorization)).toBe('Bearer token-1')
    expect(await authorizationHeader(authorization)).toBe('Bearer token-2')
  })

  it('reads a file anew after a minute, also when the clock was set back', async () => {
    const clock = install({ toFake: ['Date'] })
    try {
      const authorization = bearer({ file })
      await writeFile(file, 'one')
      expect(await authorizationHeader(authorization)).toBe('Bearer one')
      await writeFile(file, 'two')
      clock.setSystemTime(59_999)
      expect(await authorizationHeader(authorization)).toBe('Bearer one')
      clock.setSystemTime(60_000)
      expect(await authorizationHeader(authorization)).toBe('Bearer two')
      await writeFile(file, 'three')
      clock.setSystemTime(0)
      expect(await authorizationHeader(authorization)).toBe('Bearer three')
    } finally {
      clock.uninstall()
    }
  })

  it('looks again after it found nothing', async () => {
    const authorization = bearer({ file })
    await expect(authorizationHeader(authorization)).rejects.toThrow(`file ${file}: no such file`)
    await writeFile(file, 'one')
    expect(await authorizationHeader(authorization)).toBe('Bearer one')
  })

  it('refuses a token that a header can’t carry', async () => {
    const error = await failure(() => authorizationHeader(bearer('s3cret\n')))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toBe('bearer: the token must fit into a header: it has a line break as character 7 of 7')
  })

  it('refuses no secret at once', () => {
    expect(() => bearer('')).toThrow(OptionError)
    expect(() => bearer(undefined as unknown as Secret)).toThrow('bearer: option "token" is missing')
  })
})

describe('after a refusal', () => {
  it('there is no hope for a text', async () => {
    const authorization = bearer('s3cret')
    expect(await authorization.refused?.(await authorize(authorization))).toBe(false)
  })

  it('there is hope if a file holds something else by now', async () => {
    await writeFile(file, 'one')
    const authorization = bearer({ file })
    const request = await authorize(authorization)
    expect(await authorization.refused?.(request)).toBe(false)
    await writeFile(file, 'two')
    expect(await authorization.refused?.(request)).toBe(true)
    expect(await authorizationHeader(authorization)).toBe('Bearer two')
    expect(await authorization.refused?.(request)).toBe(true)
  })

  it('there is none for a request that carried nothing (redirected elsewhere)', async () => {
    await writeFile(file, 'one')
    expect(await bearer({ file }).refused?.(outgoing())).toBe(false)
  })
})

describe('basic', () => {
  it('sends user and password in UTF-8', async () => {
    const header = await authorizationHeader(basic({ user: 'zoë', password: () => 'pa:ß' }))
    expect(header).toBe(`Basic ${Buffer.from('zoë:pa:ß', 'utf8').toString('base64')}`)
  })

  it('sends a key as the user’s name with an empty password', async () => {
    expect(await authorizationHeader(basic({ user: 'key' }))).toBe(`Basic ${btoa('key:')}`)
  })

  it('hides a user’s name that is a key, and no other', async () => {
    for (const [password, hidden] of [
      [undefined, 'no *** here'],
      ['s3cret', 'no key-17 here'],
    ] as const) {
      const authorization = basic({ user: 'key-17', ...(password === undefined ? {} : { password }) })
      await authorize(authorization)
      expect(authorization.hide?.('no key-17 here')).toBe(hidden)
    }
  })

  it('refuses a user’s name with a colon', async () => {
    await expect(authorizationHeader(basic({ user: 'a:b', password: 'p' }))).rejects.toThrow(
      'basic: option "user" must have no ":"',
    )
  })

  it('names what wasn’t found', async () => {
    const password = { env: 'SLUICE_TEST_SECRET' }
    await expect(authorizationHeader(basic({ user: 'a', password }))).rejects.toThrow(
      'basic: option "password" was not found: environment variable SLUICE_TEST_SECRET: not set',
    )
    expect(() => basic({} as BasicOptions)).toThrow('basic: option "user" is missing')
  })
})

describe('apiKey', () => {
  it('sends the key in a header', async () => {
    const request = outgoing({ headers: { 'X-Api-Key': 'old' } })
    const { headers, url } = await authorize(apiKey({ header: 'x-api-key', value: 'k1' }), request)
    expect(headers).toEqual({ 'x-api-key': 'k1' })
    expect(url).toEqual(request.url)
  })

  it('sends it after a prefix', async () => {
    const authorization = apiKey({ header: 'authorization', prefix: 'Splunk ', value: 'k1' })
    expect(await authorizationHeader(authorization)).toBe('Splunk k1')
  })

  it('sends it in the query', async () => {
    const { url, headers } = await authorize(apiKey({ query: 'appid', value: 'k€1' }), outgoing())
    expect(url.searchParams.get('appid')).toBe('k€1')
    expect(headers).toEqual({})
  })

  it.each([{ value: 'k1' }, { value: 'k1', header: 'a', query: 'b' }])('refuses %o: one place is needed', (options) => {
    expect(() => apiKey(options as unknown as ApiKeyOptions)).toThrow(
      'apiKey: give one of the options "header" and "query"',
    )
  })

  it('refuses a name that is no header', () => {
    expect(() => apiKey({ header: 'x y', value: 'k1' })).toThrow('option "header" must be the name of a header')
  })
})
