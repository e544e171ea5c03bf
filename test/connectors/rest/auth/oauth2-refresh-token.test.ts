import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type OAuth2RefreshTokenOptions,
  oauth2RefreshToken,
} from '../../../../src/connectors/rest/auth/oauth2-refresh-token.ts'
import { isRetryable, OptionError } from '../../../../src/errors.ts'
import { Clock } from './clock.ts'
import { failure } from './failure.ts'
import { IdentityServer, sendJson } from './identity-server.ts'
import { authorizationHeader } from './requests.ts'

let server: IdentityServer
let clock: Clock
let folder = ''
beforeEach(async () => {
  clock = new Clock()
  server = await IdentityServer.start()
  server.now = () => clock.ms
  folder = await mkdtemp(join(tmpdir(), 'sluice-refresh-'))
})
afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

const grant = (over: Partial<OAuth2RefreshTokenOptions> = {}) =>
  oauth2RefreshToken({
    tokenUrl: server.tokenUrl,
    clientId: 'etl',
    clientAuth: 'none',
    refreshToken: 'refresh-0',
    onRotated: () => {},
    scheduler: clock,
    ...over,
  })
const used = () => server.tokenRequests.map(({ form }) => form.get('refresh_token'))
/** The server hands out `refresh-1`, `refresh-2`, … */
const rotate = () => {
  server.more = () => ({ refresh_token: `refresh-${server.tokenRequests.length}` })
}
const hour = 3_600_000

describe('a refresh token', () => {
  it('is used for each new access token', async () => {
    const authorization = grant()
    expect(await authorizationHeader(authorization)).toBe('Bearer token-1')
    clock.ms += hour
    expect(await authorizationHeader(authorization)).toBe('Bearer token-2')
    expect(used()).toEqual(['refresh-0', 'refresh-0'])
    expect(server.tokenRequests[0]?.form.get('grant_type')).toBe('refresh_token')
  })

  it('that is replaced is kept before the access token is used, and used from then on', async () => {
    rotate()
    const events: string[] = []
    const authorization = grant({
      onRotated: async (token) => {
        events.push(`begin ${token}`)
        await new Promise(setImmediate)
        events.push(`kept ${token}`)
      },
    })
    for (let n = 0; n < 3; n++) {
      events.push(`sent ${await authorizationHeader(authorization)}`)
      clock.ms += hour
    }
    expect(used()).toEqual(['refresh-0', 'refresh-1', 'refresh-2'])
    expect(events).toEqual([
      ...['begin refresh-1', 'kept refresh-1', 'sent Bearer token-1'],
      ...['begin refresh-2', 'kept refresh-2', 'sent Bearer token-2'],
      ...['begin refresh-3', 'kept refresh-3', 'sent Bearer token-3'],
    ])
  })

  it('that stays the same is nothing new', async () => {
    server.more = () => ({ refresh_token: 'refresh-0' })
    const kept: string[] = []
    await authorizationHeader(grant({ onRotated: (token) => kept.push(token) }))
    expect(kept).toEqual([])
  })

  it('goes through a file from process to process', async () => {
    rotate()
    const file = join(folder, 'token')
    await writeFile(file, 'refresh-0\n')
    const onRotated = (token: string) => writeFile(file, token)
    const authorization = grant({ refreshToken: { file }, onRotated })
    await authorizationHeader(authorization)
    clock.ms += hour
    await authorizationHeader(authorization)
    expect(await readFile(file, 'utf8')).toBe('refresh-2')
    await authorizationHeader(grant({ refreshToken: { file }, onRotated }))
    expect(used()).toEqual(['refresh-0', 'refresh-1', 'refresh-2'])
  })

  it('that somebody puts in anew wins over the one handed out', async () => {
    rotate()
    let configured = 'refresh-0'
    const authorization = grant({ refreshToken: () => configured })
    await authorizationHeader(authorization)
    clock.ms += hour
    configured = 'login-anew'
    await authorizationHeader(authorization)
    clock.ms += hour
    await authorizationHeader(authorization)
    expect(used()).toEqual(['refresh-0', 'login-anew', 'refresh-2'])
  })

  it('that is void is a failure for good', async () => {
    server.next.push((response) => sendJson(response, 400, { error: 'invalid_grant' }))
    const error = await failure(() => authorizationHeader(grant()))
    expect(error.message).toContain('invalid_grant')
    expect(error).toMatchObject({ status: 400, retryable: false })
  })
})

describe('a refresh token that can’t be kept', () => {
  it('holds the access token back until it is, without asking the server again', async () => {
    rotate()
    const asked: string[] = []
    let broken = true
    const authorization = grant({
      onRotated: (token) => {
        asked.push(token)
        if (broken) throw new Error('the disk is full')
      },
    })
    const error = await failure(() => authorizationHeader(authorization))
    expect(error.message).toBe('the disk is full')
    expect(isRetryable(error)).toBe(true)
    await expect(authorizationHeader(authorization)).rejects.toThrow('the disk is full')
    broken = false
    expect(await authorizationHeader(authorization)).toBe('Bearer token-1')
    expect(asked).toEqual(['refresh-1', 'refresh-1', 'refresh-1'])
    expect(server.tokenRequests).toHaveLength(1)
  })

  it('leaves the access token its age', async () => {
    rotate()
    let broken = true
    const authorization = grant({
      onRotated: () => {
        if (broken) throw new Error('the disk is full')
      },
    })
    await expect(authorizationHeader(authorization)).rejects.toThrow('the disk is full')
    clock.ms += hour / 2
    broken = false
    expect(await authorizationHeader(authorization)).toBe('Bearer token-1')
    clock.ms += hour / 2
    expect(await authorizationHeader(authorization)).toBe('Bearer token-2')
    expect(used()).toEqual(['refresh-0', 'refresh-1'])
  })

  it('is used all the same when the access token is too old by then', async () => {
    rotate()
    let broken = true
    const authorization = grant({
      onRotated: () => {
        if (broken) throw new Error('the disk is full')
      },
    })
    await expect(authorizationHeader(authorization)).rejects.toThrow('the disk is full')
    clock.ms += hour
    broken = false
    expect(await authorizationHeader(authorization)).toBe('Bearer token-2')
    expect(used()).toEqual(['refresh-0', 'refresh-1'])
  })

  it('isn’t shown by the error', async () => {
    server.more = () => ({ refresh_token: 'r0tated-t0ken' })
    const onRotated = () => {
      throw new TypeError('UPDATE tokens SET t = "r0tated-t0ken" failed', { cause: new Error('near r0tated-t0ken') })
    }
    const error = await failure(() => authorizationHeader(grant({ onRotated })))
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('r0tated-t0ken')
    expect(error.message).toBe('UPDATE tokens SET t = "***" failed')
  })
})

it('onRotated is asked for: a lost refresh token locks the pipeline out', () => {
  const { onRotated: _, ...rest } = {
    tokenUrl: server.tokenUrl,
    clientId: 'etl',
    clientSecret: 'x',
    refreshToken: 'refresh-0',
    onRotated: undefined,
  }
  expect(() => oauth2RefreshToken(rest as unknown as OAuth2RefreshTokenOptions)).toThrow(OptionError)
  expect(() => oauth2RefreshToken(rest as unknown as OAuth2RefreshTokenOptions)).toThrow(
    'option "onRotated" is missing; it must be a function that keeps a new refresh token',
  )
})
