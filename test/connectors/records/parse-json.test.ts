import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../src/connectors/records/parse-json.ts'

describe('parseJson', () => {
  it('never rounds an integer', () => {
    const text = '{"id":9007199254740993,"list":[-12345678901234567890, 1],"small":9007199254740991,"none":null}'
    expect(parseJson(text)).toEqual({
      id: 9007199254740993n,
      list: [-12345678901234567890n, 1],
      small: 9007199254740991,
      none: null,
    })
  })

  it.each([
    ['9007199254740993', 9007199254740993n],
    [' 9007199254740993', 9007199254740993n],
    ['[9007199254740993]', [9007199254740993n]],
    ['[\n9007199254740993 ]', [9007199254740993n]],
    ['[1,9007199254740993]', [1, 9007199254740993n]],
    ['{"a": 9007199254740993}', { a: 9007199254740993n }],
    ['{"a":-9007199254740993}', { a: -9007199254740993n }],
  ])('finds it in %j', (text, value) => {
    expect(parseJson(text)).toEqual(value)
  })

  it('leaves texts with long numbers alone', () => {
    expect(parseJson('{"id":"9007199254740993","text":"see: 9007199254740993, or 12345678901234.56789"}')).toEqual({
      id: '9007199254740993',
      text: 'see: 9007199254740993, or 12345678901234.56789',
    })
  })

  it('reads fractions and exponents as doubles', () => {
    const text = '[12345678901234.5678,1e20,12345678901234567890.5,1.5]'
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })

  it('keeps fractions that a double would round as their text, when asked to', () => {
    const exact = (text: string) => parseJson(text, { exactDecimals: true })
    for (const text of ['9007199254740.9931', '0.9356885838318964', '9192548052722.456', '-0.9356885838318964']) {
      expect(exact(`[${text}]`)).toEqual([text])
      expect(exact(`{"a":${text}}`)).toEqual({ a: text })
    }
    expect(exact('[12345678901234.5678,0.30000000000000004,19.99,0.1000000000000000055,-12345678901234567.5]')).toEqual(
      ['12345678901234.5678', 0.30000000000000004, 19.99, '0.1000000000000000055', '-12345678901234567.5'],
    )
    expect(exact('[9007199254740993,12345678901234.5678]')).toEqual([9007199254740993n, '12345678901234.5678'])
  })

  it('is JSON.parse for everything else', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = JSON.parse(text)
        // A double that prints as a long integer comes back as what was printed.
        const same = (_name: string, inner: unknown) => (typeof inner === 'bigint' ? Number(inner) : inner)
        expect(JSON.stringify(parseJson(text), same)).toBe(JSON.stringify(value))
      }),
    )
  })

  it.each(['', '{"password":"hunter2"', '{"password":"hunter2",}', 'hunter2', '{"a":hunter2}', '[1 2]', '"hunter2'])(
    'refuses %j without showing it',
    (text) => {
      expect(() => parseJson(text)).toThrow(SyntaxError)
      expect(() => parseJson(text)).toThrow(/^(?!.*hunter2)(?=.)/)
    },
  )
})
