import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRows } from '../../../src/connectors/records/encode-rows.ts'
import { RowError } from '../../../src/errors.ts'

test('a row is a line', () => {
  expect(
    encodeRows([
      { a: 1, b: 'x\ny' },
      { a: null, b: true },
    ]),
  ).toBe('{"a":1,"b":"x\\ny"}\n{"a":null,"b":true}\n')
  expect(encodeRows([])).toBe('')
})

test('dates, bigints and bytes, at any depth', () => {
  const row = {
    at: new Date(0),
    big: 2n ** 60n,
    bytes: new Uint8Array([1, 2, 3]).subarray(1),
    deep: [{ big: 1n, bytes: Buffer.from('hi'), at: new Date(0) }],
  }
  expect(JSON.parse(encodeRows([row]))).toEqual({
    at: '1970-01-01T00:00:00.000Z',
    big: '1152921504606846976',
    bytes: 'AgM=',
    deep: [{ big: '1', bytes: 'aGk=', at: '1970-01-01T00:00:00.000Z' }],
  })
})

test('columns that are undefined are left out', () => {
  expect(encodeRows([{ a: undefined, b: 1 }])).toBe('{"b":1}\n')
})

test('gives back every row of JSON values, whichever way it was written', () => {
  const row = fc.dictionary(fc.string(), fc.jsonValue())
  fc.assert(
    fc.property(fc.array(row), (rows) => {
      const lines = encodeRows(rows).split('\n')
      expect(lines.pop()).toBe('')
      expect(lines.map((line): unknown => JSON.parse(line))).toEqual(JSON.parse(JSON.stringify(rows)))
    }),
    { numRuns: 200 },
  )
})

describe('what JSON would lose is an error that names the column', () => {
  const cyclic: { self?: object } = {}
  cyclic.self = cyclic
  test.each([
    ['NaN', Number.NaN],
    ['-Infinity', -Infinity],
    ['an invalid date', new Date(Number.NaN)],
    ['a function', () => 1],
    ['a symbol', Symbol('s')],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a Float64Array', new Float64Array(1)],
    ['NaN', { deep: [Number.NaN] }],
    ["can't be written", cyclic],
  ])('%s', (what, value) => {
    const encode = () => encodeRows([{ fine: 1 }, { fine: 2, reading: value }])
    expect(encode).toThrow(RowError)
    expect(encode).toThrow('jsonLines: "reading"')
    expect(encode).toThrow(what)
  })
})
