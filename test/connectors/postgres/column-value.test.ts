import { describe, expect, it } from 'vitest'
import { columnValues } from '../../../src/connectors/postgres/column-value.ts'
import { rowChecker, schema } from '../../../src/schema.ts'

/** What a text of the server's becomes, and why the row doesn't fit then. */
function read(type: string, text: string): { readonly value: unknown; readonly misfit: string | undefined } {
  const { fields } = schema(`v ${type}`)
  const [column] = columnValues('postgresRows', fields)
  const value = column?.value(text)
  return { value, misfit: rowChecker({ fields })({ v: value }) }
}

describe('the text of a column whose type is not the one of the schema', () => {
  it.each([
    ['boolean', '1'],
    ['boolean', 'yes'],
    ['int', ''],
    ['int', '0x10'],
    ['int', 'secret'],
    ['bigint', 'secret'],
    ['bigint', '1.5'],
    ['bigint', ''],
    ['double', ''],
    ['double', 'secret'],
    ['float', 'secret'],
    ['array<int>', '[[1,2],[3,4]]'],
    ['array<double>', '["secret"]'],
    ['map<string, string>', '{"a":{"b":1}}'],
    ['map<string, string>', '{"a":[1,2]}'],
    ['map<string, double>', '{"a":"x"}'],
    ['struct<a: boolean>', '{"a":1}'],
    ['struct<a: binary>', '{"a":"no base64!"}'],
  ])('%s: %s is a row that does not fit, and no other value', (type, text) => {
    const { misfit } = read(type, text)
    expect(misfit).toMatch(/^column "v.*": expected /)
    expect(misfit).not.toContain('secret')
  })

  it.each([
    ['boolean', 't', true],
    ['boolean', 'false', false],
    ['int', '-7', -7],
    ['int', '3.0', 3],
    ['bigint', '-9007199254740993', -9_007_199_254_740_993n],
    ['double', '-0', -0],
    ['double', 'NaN', Number.NaN],
    ['double', '-Infinity', -Infinity],
    ['double', '1e+308', 1e308],
    ['float', '0.1', Math.fround(0.1)],
    ['map<string, string>', '{"a":true,"b":1.50,"c":null}', { a: 'true', b: '1.50', c: null }],
    ['struct<a: binary>', '{"a":"AP8="}', { a: new Uint8Array([0, 255]) }],
    ['map<string, int>', 'null', null],
    ['struct<a: int>', 'null', null],
    ['array<array<int>>', 'null', null],
  ])('%s: %s fits', (type, text, value) => {
    expect(read(type, text)).toEqual({ value, misfit: undefined })
  })
})
