import { describe, expect, it } from 'vitest'
import { type BodyOptions, bodyOf } from '../../../../src/connectors/rest/sink/body.ts'
import { OptionError } from '../../../../src/errors.ts'

interface Row {
  readonly id: number
}

const rows = [{ id: 1 }, { id: 2 }]
const keys = { ofRequest: () => 'request', ofRow: (index: number) => `row ${index}` }

function made(options: Partial<BodyOptions<Row>>, given: readonly Row[] = rows): ReturnType<typeof bodyOf> {
  const defaults: BodyOptions<Row> = {
    format: 'json array',
    row: (row) => row,
    envelope: undefined,
    bigints: 'text',
    idempotency: 'none',
  }
  return bodyOf({ ...defaults, ...options }, given, keys)
}

describe('bodyOf', () => {
  it.each<[string, Partial<BodyOptions<Row>>, string, string]>([
    ['an array', {}, '[{"id":1},{"id":2}]', 'application/json'],
    ['lines', { format: 'ndjson' }, '{"id":1}\n{"id":2}\n', 'application/x-ndjson'],
    [
      'an array in an object',
      { envelope: (records) => ({ all: true, records }) },
      '{"all":true,"records":[{"id":1},{"id":2}]}',
      'application/json',
    ],
    ['what row gives', { row: ({ id }) => [`${id}`, BigInt(id)] }, '[["1","1"],["2","2"]]', 'application/json'],
    ['bigints as numbers', { row: ({ id }) => BigInt(id), bigints: 'number' }, '[1,2]', 'application/json'],
    [
      'bigints as numbers in an object',
      { row: ({ id }) => BigInt(id), bigints: 'number', envelope: (records) => ({ records }) },
      '{"records":[1,2]}',
      'application/json',
    ],
  ])('writes %s', (_, options, text, contentType) => {
    expect(made(options)).toEqual({ text, contentType })
  })

  it('writes a row as an object or as a form', () => {
    expect(made({ format: 'single' }, [{ id: 1 }])).toEqual({ text: '{"id":1}', contentType: 'application/json' })
    const form = { text: 'id=1', contentType: 'application/x-www-form-urlencoded' }
    expect(made({ format: 'form' }, [{ id: 1 }])).toEqual(form)
  })

  it.each<[string, Partial<BodyOptions<Row>>, string]>([
    ['each row of an array', {}, '[{"id":1,"key":"row 0"},{"id":2,"key":"row 1"}]'],
    ['each line', { format: 'ndjson' }, '{"id":1,"key":"row 0"}\n{"id":2,"key":"row 1"}\n'],
    [
      'an object with an array',
      { envelope: (records) => ({ records }) },
      '{"records":[{"id":1},{"id":2}],"key":"request"}',
    ],
  ])('puts a key into %s', (_, options, text) => {
    expect(made({ ...options, idempotency: { field: 'key' } })).toMatchObject({ text })
  })

  it('puts the key of the request into the object or form of a row', () => {
    const idempotency = { field: 'key' }
    expect(made({ format: 'single', idempotency }, [{ id: 1 }])).toMatchObject({ text: '{"id":1,"key":"request"}' })
    expect(made({ format: 'form', idempotency }, [{ id: 1 }])).toMatchObject({ text: 'id=1&key=request' })
  })

  it.each<[string, Partial<BodyOptions<Row>>]>([
    ['an array', {}],
    ['lines', { format: 'ndjson' }],
    ['an object', { envelope: (records) => ({ records }) }],
    ['a form', { format: 'form' }],
  ])('names the first row that does not go into %s', (_, options) => {
    expect(made(options, [{ id: 1 }, { id: Number.NaN }, { id: Infinity }])).toEqual({
      unfit: 1,
      reason: expect.stringMatching(/^"id" holds NaN, which (JSON|a form) can't hold$/),
    })
  })

  it('fails with what row and envelope throw', () => {
    const broken = () => {
      throw new TypeError('broken')
    }
    expect(() => made({ row: broken })).toThrow(TypeError)
    expect(() => made({ envelope: broken })).toThrow(TypeError)
  })

  it.each<[string, Partial<BodyOptions<Row>>, RegExp]>([
    ['a form of a text', { format: 'form', row: () => 'text' }, /a form needs an object .* gave string/],
    ['a key in a list', { row: () => [1], idempotency: { field: 'k' } }, /field "k" .* needs an object .* an array/],
    ['a key in null', { row: () => null, idempotency: { field: 'k' } }, /gave null/],
    ['a key in the place of a column', { idempotency: { field: 'id' } }, /has "id" already/],
  ])('refuses %s', (_, options, message) => {
    expect(() => made(options)).toThrow(OptionError)
    expect(() => made(options)).toThrow(message)
  })
})
