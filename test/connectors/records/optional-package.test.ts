import { expect, it } from 'vitest'
import { optionalPackage } from '../../../src/connectors/records/optional-package.ts'
import { OptionError } from '../../../src/errors.ts'

it('names the package that isn’t installed', async () => {
  const missing = 'no-such-package-at-all'
  // Node itself is asked: the test runner's own loader has an error of its own.
  const load = () => Promise.reject(Object.assign(new Error('not found'), { code: 'ERR_MODULE_NOT_FOUND' }))
  const loading = optionalPackage(missing, 'reading CSV', load)
  await expect(loading).rejects.toThrow(OptionError)
  await expect(optionalPackage(missing, 'reading CSV', load)).rejects.toThrow(
    'reading CSV needs the package no-such-package-at-all, which isn’t installed: npm install no-such-package-at-all',
  )
})

it('passes on other failures, and what was loaded', async () => {
  const failure = Object.assign(new Error('broken'), { code: 'ERR_DLOPEN_FAILED' })
  await expect(optionalPackage('x', 'reading CSV', () => Promise.reject(failure))).rejects.toBe(failure)
  expect(await optionalPackage('x', 'reading CSV', async () => 1)).toBe(1)
})
