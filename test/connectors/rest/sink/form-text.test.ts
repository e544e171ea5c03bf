import { describe, expect, it } from 'vitest'
import { formOf } from '../../../../src/connectors/rest/sink/form-text.ts'
import { RowError } from '../../../../src/errors.ts'

describe('formOf', () => {
  it('writes fields as a form does', () => {
    const fields = [...new URLSearchParams(formOf({ a: 'x y&z=1', n: 1.5, big: 2n ** 70n, yes: true, empty: '' }))]
    expect(fields).toEqual([
      ['a', 'x y&z=1'],
      ['n', '1.5'],
      ['big', String(2n ** 70n)],
      ['yes', 'true'],
      ['empty', ''],
    ])
  })

  it('writes dates as ISO 8601 and bytes as base64, repeats the name of a list, and leaves out what is null or undefined', () => {
    const at = new Date('2026-01-02T03:04:05.678Z')
    const fields = [
      ...new URLSearchParams(formOf({ at, bytes: Buffer.from('sluice'), tags: ['a', 'b'], no: null, none: undefined })),
    ]
    expect(fields).toEqual([
      ['at', '2026-01-02T03:04:05.678Z'],
      ['bytes', 'c2x1aWNl'],
      ['tags', 'a'],
      ['tags', 'b'],
    ])
  })

  it.each<[string, object, RegExp]>([
    ['NaN', { n: Number.NaN }, /^"n" holds NaN, which a form can't hold$/],
    ['an invalid date', { at: new Date(Number.NaN) }, /"at" holds an invalid date/],
    ['an object', { place: { city: 'secret' } }, /"place" holds an object/],
    ['an object in a list', { places: [{ city: 'secret' }] }, /"places" holds an object/],
    ['null in a list', { tags: ['a', null] }, /"tags" holds an object/],
    ['a map', { m: new Map() }, /"m" holds a Map/],
  ])('refuses %s, and names the field', (_, value, message) => {
    expect(() => formOf(value)).toThrow(RowError)
    expect(() => formOf(value)).toThrow(message)
    expect(() => formOf(value)).not.toThrow(/secret/)
  })
})
