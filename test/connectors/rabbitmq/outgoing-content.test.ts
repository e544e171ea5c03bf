import { describe, expect, test } from 'vitest'
import { outgoingContent } from '../../../src/connectors/rabbitmq/outgoing-content.ts'
import { RowError } from '../../../src/errors.ts'

const sent = (body: unknown) => {
  const { content, contentType } = outgoingContent('sink', body)
  return [content.toString(), contentType]
}

describe('the content of a message', () => {
  test('is bytes as they are, also those of a part of a buffer', () => {
    const { content, contentType } = outgoingContent('sink', new Uint8Array([1, 2, 3, 4]).subarray(1, 3))
    expect([...content]).toEqual([2, 3])
    expect(contentType).toBe('application/octet-stream')
  })

  test('is a string as UTF-8', () => {
    expect(sent('grüße')).toEqual(['grüße', 'text/plain'])
  })

  test('is JSON of anything else', () => {
    const row = {
      big: 2n ** 60n,
      at: new Date(0),
      bytes: new Uint8Array([1, 2]),
      nested: [{ a: null, left: undefined }],
    }
    expect(sent(row)).toEqual([
      '{"big":"1152921504606846976","at":"1970-01-01T00:00:00.000Z","bytes":"AQI=","nested":[{"a":null}]}',
      'application/json',
    ])
    expect(sent([1])).toEqual(['[1]', 'application/json'])
    expect(sent(null)).toEqual(['null', 'application/json'])
  })

  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Infinity],
    ['an invalid date', new Date(Number.NaN)],
    ['a function', () => 1],
    ['a Map', new Map()],
    ['a Float64Array', new Float64Array(1)],
  ])('%s is refused, by its column', (what, value) => {
    expect(() => sent({ price: value })).toThrow(RowError)
    expect(() => sent({ price: value })).toThrow(`sink: "price" holds ${what}, which JSON can't hold`)
  })

  test('what has no JSON at all is refused', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(() => sent(circle)).toThrow(RowError)
    expect(() => sent(undefined)).toThrow(RowError)
  })
})
