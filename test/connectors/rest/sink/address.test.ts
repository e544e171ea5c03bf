import { describe, expect, it } from 'vitest'
import { addressOf, hasPlaceholders } from '../../../../src/connectors/rest/sink/address.ts'
import { RowError } from '../../../../src/errors.ts'

const url = 'http://127.0.0.1/items/{id}/of/{owner}'

describe('addressOf', () => {
  it('puts the columns of the row into the URL, encoded', () => {
    expect(addressOf(url, { id: 7, owner: 'a/b ?&{c}' })).toBe('http://127.0.0.1/items/7/of/a%2Fb%20%3F%26%7Bc%7D')
    expect(addressOf(url, { id: 2n ** 70n, owner: true })).toBe(`http://127.0.0.1/items/${2n ** 70n}/of/true`)
    expect(addressOf(url, { id: new Date(0), owner: 'x' })).toContain('/items/1970-01-01T00%3A00%3A00.000Z/')
  })

  it('leaves a URL without columns as it is', () => {
    expect(addressOf('http://127.0.0.1/items?a=1', { id: 7 })).toBe('http://127.0.0.1/items?a=1')
  })

  it.each([
    ['is missing', {}],
    ['is inherited', Object.create({ owner: 'x' })],
    ['is null', { owner: null }],
    ['is empty', { owner: '' }],
    ['leads up', { owner: '..' }],
    ['leads nowhere', { owner: '.' }],
    ['is no number', { owner: Number.NaN }],
    ['is an invalid date', { owner: new Date(Number.NaN) }],
    ['is half of a character', { owner: 'a\ud83d' }],
    ['is an object', { owner: { name: 'secret' } }],
    ['is a list', { owner: ['secret'] }],
  ])('refuses a row whose column %s', (_, row: object) => {
    const filled = () => addressOf(url, Object.assign(row, { id: 1 }))
    expect(filled).toThrow(RowError)
    expect(filled).toThrow('column "owner" names no place in a URL')
  })

  it('refuses a row that makes a host that is none', () => {
    const filled = (host: string) => addressOf('http://{host}/items', { host })
    expect(filled('a.example')).toBe('http://a.example/items')
    for (const host of ['a b', '[::', 'a/b', '999.1.1.1']) {
      expect(() => filled(host)).toThrow(RowError)
      expect(() => filled(host)).toThrow('its columns make no URL')
    }
  })

  it('knows which URLs need a row', () => {
    expect(hasPlaceholders(url)).toBe(true)
    expect(hasPlaceholders(url)).toBe(true)
    expect(hasPlaceholders('http://127.0.0.1/items')).toBe(false)
  })
})
