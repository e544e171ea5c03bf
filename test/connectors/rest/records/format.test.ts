import { describe, expect, it } from 'vitest'
import { contentTypeOf } from '../../../../src/connectors/rest/records/format.ts'

describe('contentTypeOf', () => {
  it.each([
    ['application/json', 'json'],
    ['application/json; charset=utf-8', 'json'],
    ['Application/JSON', 'json'],
    ['application/vnd.api+json', 'json'],
    ['application/problem+json', 'json'],
    ['application/x-ndjson', 'ndjson'],
    ['application/jsonl', 'ndjson'],
    ['text/csv; header=present', 'csv'],
    ['text/tab-separated-values', 'csv'],
    ['text/xml', 'xml'],
    ['application/atom+xml', 'xml'],
    ['text/plain', 'json'],
    [undefined, 'json'],
    ['text/html; charset=utf-8', undefined],
    ['application/xhtml+xml', undefined],
    ['image/png', undefined],
    ['nonsense', undefined],
    ['', undefined],
  ])('%s is %s', (header, format) => {
    expect(contentTypeOf(header, undefined).format).toBe(format)
  })

  it('is overridden by what the user says, but HTML never passes for CSV', () => {
    expect(contentTypeOf('text/plain', 'csv').format).toBe('csv')
    expect(contentTypeOf('text/html', 'json').format).toBe('json')
    expect(contentTypeOf('application/json', 'ndjson').format).toBe('ndjson')
    expect(contentTypeOf('text/html', 'csv').format).toBeUndefined()
  })

  it('knows the charset, and tabs', () => {
    expect(contentTypeOf('text/csv; charset="ISO-8859-1"', undefined)).toMatchObject({
      charset: 'ISO-8859-1',
      tabs: false,
    })
    expect(contentTypeOf('text/tab-separated-values', undefined)).toMatchObject({ charset: undefined, tabs: true })
  })
})
