import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { hide, hideInError, SentSecrets } from '../../../../src/connectors/rest/auth/hide.ts'
import { isRetryable, PortError } from '../../../../src/errors.ts'

describe('hide', () => {
  const secret = 'a "b"+c/é'

  it.each([
    ['as it is', secret],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in a URL', encodeURIComponent(secret)],
    ['in a form', String(new URLSearchParams({ '': secret })).slice(1)],
    ['in base64', Buffer.from(secret).toString('base64')],
  ])('finds a secret %s', (_, written) => {
    expect(hide(`<${written}> and <${written}>`, [secret])).toBe('<***> and <***>')
  })

  it('leaves nothing of one that begins like another', () => {
    expect(hide('abcdefgh abcd', ['abcd', 'abcdefgh'])).toBe('*** ***')
  })

  it('leaves what is too short to be a secret', () => {
    expect(hide('a key', ['a', ''])).toBe('a key')
  })
})

describe('hideInError', () => {
  it('leaves an error that shows none', () => {
    const error = new PortError('no', { cause: new Error('none') })
    expect(hideInError(error, ['s3cret'])).toBe(error)
  })

  it.each([
    new Error('not s3cret', { cause: new Error('cause') }),
    new Error('outer', { cause: new Error('not s3cret') }),
    Object.assign(new Error('outer'), { parameters: ['s3cret'] }),
    'not s3cret',
  ])('puts a plain error in place of %o', (error) => {
    const safe = hideInError(error, ['s3cret']) as Error
    expect(safe).toBeInstanceOf(Error)
    expect(inspect(safe, { depth: 10, showHidden: true })).not.toContain('s3cret')
  })

  it('which is as retryable', () => {
    expect(isRetryable(hideInError(new PortError('s3cret'), ['s3cret']))).toBe(false)
    expect(isRetryable(hideInError(new Error('s3cret'), ['s3cret']))).toBe(true)
  })
})

it('what was sent lately is hidden, also the one before', () => {
  const sent = new SentSecrets()
  for (const n of [1, 2, 2, 2, 2, 2]) sent.add(`token-${n}`)
  expect(sent.hide('token-1 token-2 token-3')).toBe('*** *** token-3')
})
