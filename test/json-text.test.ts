import { describe, expect, it } from 'vitest'
import { RowError } from '../src/errors.ts'
import { jsonText } from '../src/json-text.ts'

const row = { id: 1, name: 'Ada', admin: true, gone: null }

describe('jsonText', () => {
  it('writes plain values as JSON does, in their order', () => {
    expect(jsonText(row, 'text')).toBe('{"id":1,"name":"Ada","admin":true,"gone":null}')
    for (const value of ['text', 7, false, null, [1, 'a'], {}])
      expect(jsonText(value, 'text')).toBe(JSON.stringify(value))
  })

  it('writes dates as ISO 8601, bytes as base64, and leaves undefined out, at any depth', () => {
    const at = new Date('2026-01-02T03:04:05.678Z')
    const bytes = new Uint8Array(Buffer.from('sluice')).subarray(1)
    const values = { at, bytes, none: undefined }
    const text = '{"at":"2026-01-02T03:04:05.678Z","bytes":"bHVpY2U="}'
    expect(jsonText(values, 'text')).toBe(text)
    expect(jsonText([{ list: [values] }], 'text')).toBe(`[{"list":[${text}]}]`)
    expect(jsonText({ buffer: Buffer.from('sluice') }, 'text')).toBe('{"buffer":"c2x1aWNl"}')
    expect(jsonText({ at, none: undefined }, 'text')).toBe('{"at":"2026-01-02T03:04:05.678Z"}')
    expect(jsonText(bytes, 'text')).toBe('"bHVpY2U="')
    expect(jsonText(at, 'text')).toBe('"2026-01-02T03:04:05.678Z"')
  })

  it('writes bigints as text, or as numbers with all their digits', () => {
    const values = { small: 1n, large: 12345678901234567890n, list: [-1n] }
    expect(jsonText(values, 'text')).toBe('{"small":"1","large":"12345678901234567890","list":["-1"]}')
    expect(jsonText(values, 'number')).toBe('{"small":1,"large":12345678901234567890,"list":[-1]}')
  })

  it.each<[string, unknown, RegExp]>([
    ['NaN', { id: Number.NaN }, /^"id" holds NaN, which JSON can't hold$/],
    ['an infinity', { deep: { id: -Infinity } }, /^"deep" \(at "id"\) holds -Infinity/],
    ['an invalid date', { at: new Date(Number.NaN) }, /"at" holds an invalid date/],
    ['a function', { f: () => 1 }, /"f" holds a function/],
    ['a symbol', { s: Symbol('secret') }, /"s" holds a symbol/],
    ['a map', { m: new Map([['secret', 1]]) }, /"m" holds a Map/],
    ['a set', new Set([1]), /^it holds a Set/],
    ['other binary', { b: new Float64Array(1) }, /"b" holds a Float64Array/],
    ['undefined in a list', { list: [undefined] }, /^"list" \(at "0"\) holds undefined in a list/],
    ['an error', { cause: new Error('secret') }, /"cause" holds a Error/],
    ['a circle', circle(), /^"self" can't be written as JSON$/],
    ['undefined', undefined, /undefined/],
  ])('refuses %s, and names where', (_, value, message) => {
    expect(() => jsonText(value, 'text')).toThrow(RowError)
    expect(() => jsonText(value, 'text')).toThrow(message)
    expect(() => jsonText(value, 'text')).not.toThrow(/secret/)
  })
})

function circle(): object {
  const row: { self?: object } = {}
  row.self = row
  return row
}
