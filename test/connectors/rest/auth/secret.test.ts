import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { of } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { findSecret, readSecret, secretRule } from '../../../../src/connectors/rest/auth/secret.ts'
import { OptionError } from '../../../../src/errors.ts'
import { failure } from './failure.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-secret-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

describe('a secret', () => {
  it('is a text, as it is', async () => {
    expect(await findSecret(' s3cret ')).toEqual({ value: ' s3cret ' })
  })

  it('comes from a function: a value, a promise, an Observable', async () => {
    expect(await findSecret(() => 's3cret')).toEqual({ value: 's3cret' })
    expect(await findSecret(async () => 's3cret')).toEqual({ value: 's3cret' })
    expect(await findSecret(() => of('s3cret'))).toEqual({ value: 's3cret' })
  })

  it('comes from a file, without white space around it, read anew each time', async () => {
    const file = join(folder, 'token')
    await writeFile(file, '\ufeffone\r\n\n')
    expect(await findSecret({ file })).toEqual({ value: 'one' })
    await writeFile(file, 'two\n')
    expect(await findSecret({ file })).toEqual({ value: 'two' })
  })

  it('comes from an environment variable, looked up when it is needed', async () => {
    const secret = { env: 'SLUICE_TEST_SECRET' }
    expect(await findSecret(secret)).toEqual({ missing: 'environment variable SLUICE_TEST_SECRET: not set' })
    vi.stubEnv('SLUICE_TEST_SECRET', 's3cret')
    expect(await findSecret(secret)).toEqual({ value: 's3cret' })
  })

  it('may be in a file that everybody can read', async () => {
    const file = join(folder, 'token')
    await writeFile(file, 'one')
    await chmod(file, 0o644)
    expect(await findSecret({ file })).toEqual({ value: 'one' })
  })
})

describe('a secret is missing', () => {
  it('where it is empty', async () => {
    const file = join(folder, 'empty')
    await writeFile(file, ' \n')
    vi.stubEnv('SLUICE_TEST_SECRET', '')
    expect(await findSecret('')).toEqual({ missing: 'the value given: empty' })
    expect(await findSecret({ file })).toEqual({ missing: `file ${file}: empty` })
    expect(await findSecret({ env: 'SLUICE_TEST_SECRET' })).toEqual({
      missing: 'environment variable SLUICE_TEST_SECRET: empty',
    })
    expect(await findSecret(() => ' ')).toEqual({ missing: 'a function: empty' })
  })

  it('where there is no file', async () => {
    const file = join(folder, 'none', 'token')
    expect(await findSecret({ file })).toEqual({ missing: `file ${file}: no such file` })
    await writeFile(join(folder, 'none'), '')
    expect(await findSecret({ file })).toEqual({ missing: `file ${file}: no such file` })
  })

  it('where a function gives none', async () => {
    const vault = () => undefined
    expect(await findSecret(vault)).toEqual({ missing: 'function vault: gave none' })
  })

  it('and readSecret says of which option, and where it looked', async () => {
    const error = await failure(() => readSecret('bearer', 'token', { env: 'SLUICE_TEST_SECRET' }))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toBe('bearer: option "token" was not found: environment variable SLUICE_TEST_SECRET: not set')
  })
})

describe('an error, not a missing secret,', () => {
  it('is a file that can’t be read', async () => {
    const error = await failure(() => findSecret({ file: folder }))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toContain(`file ${folder} can't be read: EISDIR`)
  })

  it('is a function that throws: its own error, without what looks like a secret', async () => {
    const error = await failure(() =>
      findSecret(async () => {
        throw new RangeError('vault at https://me:hunter2@vault.example is sealed')
      }),
    )
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toBe('vault at https://***@vault.example is sealed')
  })

  it('is a function that gives something else', async () => {
    const wrong = (() => 12345) as unknown as () => string
    const error = await failure(() => findSecret(wrong))
    expect(error).toBeInstanceOf(OptionError)
    expect(error.message).toBe('function wrong must give a secret as a text, and gave a number')
  })
})

describe('the rule', () => {
  it.each(['x', () => 'x', { file: 'x' }, { env: 'X' }])('accepts %o', (value) => {
    expect(secretRule.accepts(value)).toBe(true)
  })

  it.each(['', '  ', 1, null, {}, { file: '' }, { env: 1 }, { path: 'x' }, { file: 'x', env: 'X' }, ['x']])(
    'refuses %o',
    (value) => {
      expect(secretRule.accepts(value)).toBe(false)
    },
  )
})
