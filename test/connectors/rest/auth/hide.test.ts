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

  const units = (text: string, write: (unit: number) => string) => text.replace(/./gs, (c) => write(c.charCodeAt(0)))
  const bytes = (text: string, write: (byte: number) => string) => [...Buffer.from(text)].map(write).join('')
  const hex = (value: number, length: number) => value.toString(16).padStart(length, '0')
  const html = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('/', '&sol;').replaceAll('é', '&eacute;')

  it.each<[string, (text: string) => string]>([
    ['JSON that escapes all', (text) => units(text, (unit) => `\\u${hex(unit, 4)}`)],
    ['JSON that escapes all, in capitals', (text) => units(text, (unit) => `\\u${hex(unit, 4).toUpperCase()}`)],
    ['JSON that escapes what HTML minds', (text) => JSON.stringify(text).slice(1, -1).replaceAll('+', '\\u002b')],
    ['JSON with slashes escaped', (text) => JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/')],
    ['JavaScript', (text) => bytes(text.replace('é', 'e'), (byte) => `\\x${hex(byte, 2)}`).replace('\\x65', '\\u{e9}')],
    ['JSON in JSON', (text) => JSON.stringify(JSON.stringify(text)).slice(3, -3)],
    ['a URL in small letters', (text) => encodeURIComponent(text).replace(/%../g, (e) => e.toLowerCase())],
    ['a URL that escapes all', (text) => bytes(text, (byte) => `%${hex(byte, 2)}`)],
    ['a URL in a URL', (text) => encodeURIComponent(encodeURIComponent(text))],
    ['a form in JSON', (text) => JSON.stringify(String(new URLSearchParams({ '': text }))).slice(2, -1)],
    ['HTML with names', html],
    ['HTML with numbers', (text) => units(text, (unit) => `&#${unit};`)],
    ['HTML with hexadecimal numbers', (text) => units(text, (unit) => `&#x${hex(unit, 2).toUpperCase()};`)],
    ['JSON in HTML', (text) => html(JSON.stringify(text).slice(1, -1))],
    ['HTML in HTML', (text) => html(html(text))],
    ['base64url', (text) => Buffer.from(text).toString('base64url')],
    ['base64 in a URL', (text) => encodeURIComponent(Buffer.from(text).toString('base64'))],
    ['base64 in JSON', (text) => Buffer.from(text).toString('base64').replaceAll('=', '\\u003d')],
  ])('finds a secret in %s', (_, write) => {
    for (const each of [secret, 'wombat+17/é', '>>>???~~~', 'a %41 "&amp;" \\u0041 b']) {
      if (each === '>>>???~~~' || write !== html) expect(hide(`<${write(each)}>`, [each])).toBe('<***>')
    }
    expect(hide(write('"other"+c/é'), [secret])).toBe(write('"other"+c/é'))
  })

  it.each(['', 'm', 'me', 'me:', 'user:', 'a user:'])('finds it in base64 behind %j', (before) => {
    for (const encoding of ['base64', 'base64url'] as const) {
      for (const each of ['wombat-17', 'wombat+1', 'wombat/é~', '>>>???~']) {
        for (const after of ['', ':', '::', '::more']) {
          const shown = hide(`Basic ${Buffer.from(`${before}${each}${after}`).toString(encoding)} `, [each])
          expect(shown).toContain('***')
          const rest = Buffer.from(shown.slice('Basic '.length).replace('***', ''), encoding).toString()
          for (const half of [each.slice(0, 4), each.slice(-4)]) expect(rest).not.toContain(half)
        }
      }
    }
  })

  it('hides no more than that', () => {
    const text = '{"a":"\\u0041b","url":"/x?y=%41&z=b&amp;c","id":"QUJDREVG"}'
    expect(hide(text, ['wombat', '=%41&z'])).toBe(text.replace('=%41&z', '***'))
    expect(hide(text, ['AbX', 'Ab","'])).toBe(text.replace('\\u0041b","', '***'))
  })

  it('takes no time to speak of for a long text full of escapes', () => {
    const text = '{"a":"\\u0041%41&amp;&quot;\\"%25252b"}'.repeat(1_600)
    const since = performance.now()
    hide(text, ['wombat 17', 'x'.repeat(4_000)])
    expect(performance.now() - since).toBeLessThan(2_000)
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
