import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { apiKey } from '../../../../src/connectors/rest/auth/api-key.ts'
import { basic } from '../../../../src/connectors/rest/auth/basic.ts'
import { bearer } from '../../../../src/connectors/rest/auth/bearer.ts'
import { clientCertificate } from '../../../../src/connectors/rest/auth/client-certificate.ts'
import {
  type CredentialStep,
  credentials,
  explicitFirst,
  providerFirst,
} from '../../../../src/connectors/rest/auth/credentials.ts'
import type { Secret } from '../../../../src/connectors/rest/auth/secret.ts'
import { OptionError } from '../../../../src/errors.ts'
import { failure } from './failure.ts'
import { authorizationHeader, authorize, outgoing } from './requests.ts'

let file = ''
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'sluice-credentials-')), 'token')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(join(file, '..'), { recursive: true, force: true })
})
const env = 'SLUICE_TEST_TOKEN'

describe('credentials of secrets', () => {
  it('take the first that is found, and ask none behind it', async () => {
    const behind = vi.fn(() => 'behind')
    vi.stubEnv(env, 'from-env')
    expect(await credentials([undefined, '', { file }, { env }, behind])()).toBe('from-env')
    expect(behind).not.toHaveBeenCalled()
  })

  it('look anew each time', async () => {
    const find = credentials([{ file }, { env }])
    vi.stubEnv(env, 'from-env')
    expect(await find()).toBe('from-env')
    await writeFile(file, 'from-file\n')
    expect(await find()).toBe('from-file')
  })

  it('are a secret like any other', async () => {
    expect(await authorizationHeader(bearer(credentials([{ env }, 'last'])))).toBe('Bearer last')
    expect(await credentials([credentials([{ env }]), 'last'])()).toBe('last')
  })

  it('say all that was tried, in order, by name', async () => {
    const vault = () => undefined
    const steps = [{ name: 'option "token"', secret: undefined }, '', undefined, vault, { file }, { env }]
    const error = await failure(credentials(steps))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toBe(
      'credentials: none was found. Tried, in this order: option "token": not given; the value given: empty; ' +
        `a value: not given; function vault: gave none; file ${file}: no such file; environment variable ${env}: not set`,
    )
  })

  it('say so to whom the secret was for', async () => {
    const error = await failure(() => authorizationHeader(bearer(credentials([{ env }]))))
    expect(error.message).toBe(`bearer: option "token" was not found: environment variable ${env}: not set`)
  })

  it('don’t pass over a failure', async () => {
    const broken = () => {
      throw new RangeError('the vault is sealed')
    }
    await expect(credentials([broken, 'last'])()).rejects.toThrow(new RangeError('the vault is sealed'))
  })

  it.each([[[]], [[42]], [[{ path: 'x' }]], [[{ name: 'x', secret: {} }]], [['x', bearer('x')]], ['text']])(
    'refuse the steps %o',
    (steps) => {
      expect(() => credentials(steps as unknown as Secret[])).toThrow(OptionError)
    },
  )
})

describe('the presets', () => {
  const all = { provider: () => 'of-provider', env, secret: () => 'of-secret', explicit: 'of-option' }
  const names = (steps: readonly CredentialStep[]) => steps.map(({ name }) => name)

  it('are two orders of the same places', () => {
    expect(names(explicitFirst(all))).toEqual(['explicit option', 'secret', 'environment variable', 'provider'])
    expect(names(providerFirst(all))).toEqual(['provider', 'secret', 'environment variable', 'explicit option'])
  })

  it('take what comes first', async () => {
    vi.stubEnv(env, 'of-env')
    expect(await credentials(explicitFirst(all))()).toBe('of-option')
    expect(await credentials(explicitFirst({ ...all, explicit: undefined }))()).toBe('of-secret')
    expect(await credentials(explicitFirst({ ...all, explicit: '', secret: undefined }))()).toBe('of-env')
    expect(await credentials(providerFirst(all))()).toBe('of-provider')
    expect(await credentials(providerFirst({ ...all, provider: () => undefined }))()).toBe('of-secret')
  })

  it('list what was left open, and not what wasn’t asked for', async () => {
    const error = await failure(credentials(explicitFirst({ explicit: undefined, env })))
    expect(error.message).toBe(
      `credentials: none was found. Tried, in this order: explicit option: not given; environment variable: environment variable ${env}: not set`,
    )
  })
})

describe('credentials of authorizations', () => {
  it('take the first whose secrets are found', async () => {
    vi.stubEnv(env, 'from-env')
    const authorization = credentials([
      bearer({ file }),
      apiKey({ header: 'x-api-key', value: { env } }),
      basic({ user: 'a' }),
    ])
    expect((await authorize(authorization)).headers).toEqual({ 'x-api-key': 'from-env' })
    expect(authorization.name).toBe('api key')
  })

  it('stay with it', async () => {
    vi.stubEnv(env, 'from-env')
    const authorization = credentials([bearer({ file }), basic({ user: { env } })])
    await authorize(authorization)
    await writeFile(file, 'from-file')
    expect(await authorizationHeader(authorization)).toBe(`Basic ${btoa('from-env:')}`)
  })

  it('tell it of a refusal, and hide what it sent', async () => {
    await writeFile(file, 'from-file-1')
    const authorization = credentials([basic({ user: { env } }), bearer({ file })])
    expect(await authorization.refused?.(outgoing())).toBe(false)
    const request = await authorize(authorization)
    expect(authorization.hide?.('no from-file-1 here')).toBe('no *** here')
    await writeFile(file, 'from-file-2')
    expect(await authorization.refused?.(request)).toBe(true)
    expect(await authorizationHeader(authorization)).toBe('Bearer from-file-2')
  })

  it('say all that was tried', async () => {
    const error = await failure(() =>
      authorize(credentials([bearer({ file }), basic({ user: 'me', password: credentials([{ env }]) })])),
    )
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toBe(
      `credentials: none was found. Tried, in this order: bearer: file ${file}: no such file; basic: environment variable ${env}: not set`,
    )
  })

  it('don’t pass over a failure', async () => {
    await expect(authorize(credentials([bearer('a\nb'), basic({ user: 'me' })]))).rejects.toThrow('bearer: the token')
  })

  it('hold no client certificate, whose place is on the connection', () => {
    const certificate = clientCertificate({ cert: { file }, key: { file } })
    expect(() => credentials([certificate, bearer('x')])).toThrow(
      'credentials: client certificate belongs to the connection',
    )
  })
})
