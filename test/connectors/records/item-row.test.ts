import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { itemRow } from '../../../src/connectors/records/item-row.ts'
import type { EpochUnit } from '../../../src/connectors/records/item-values.ts'
import { zoneOf } from '../../../src/connectors/records/zone.ts'
import { rowChecker, schema } from '../../../src/schema.ts'

const times = { epoch: {}, zone: undefined }
const noon = new Date(Date.UTC(2026, 0, 1, 12))

/** The value of the only column, and why it doesn't fit the schema, if it doesn't. */
function converted(type: string, value: unknown, epoch?: EpochUnit, zone?: string): unknown {
  const columns = schema(`c ${type}` as string)
  const reading = {
    epoch: epoch === undefined ? {} : { c: epoch },
    zone: zone === undefined ? undefined : zoneOf(zone),
  }
  const row = itemRow(columns, reading)({ c: value })
  const reason = rowChecker(columns)(row)
  return reason ?? (row as { c: unknown }).c
}

describe('the row of an item', () => {
  it('has the columns of the schema, in its order, whatever the order and the other properties of the item', () => {
    const columns = schema('id int not null, name string, at timestamp')
    const row = itemRow(columns, times)({ name: 'a', secret: 'x', id: 1 })
    expect(row).toEqual({ id: 1, name: 'a', at: null })
    expect(Object.keys(row as object)).toEqual(['id', 'name', 'at'])
  })

  it('takes nothing from the prototype, and changes none', () => {
    const columns = schema([
      { name: 'constructor', type: 'string' },
      { name: '__proto__', type: 'string' },
    ])
    const convert = itemRow(columns, times)
    expect(Object.entries(convert({}) as object)).toEqual([
      ['constructor', null],
      ['__proto__', null],
    ])
    const row = convert(JSON.parse('{"__proto__": "p", "constructor": "c"}')) as object
    expect(Object.getPrototypeOf(row)).toBe(Object.prototype)
    expect(Object.entries(row)).toEqual([
      ['constructor', 'c'],
      ['__proto__', 'p'],
    ])
  })

  it.each<[string, unknown, unknown]>([
    ['boolean', true, true],
    ['boolean', 'TRUE', true],
    ['boolean', 'false', false],
    ['int', 7, 7],
    ['int', '-7', -7],
    ['int', 7n, 7],
    ['bigint', 7, 7n],
    ['bigint', '9007199254740993', 9007199254740993n],
    ['bigint', 9007199254740993n, 9007199254740993n],
    ['double', 1.5, 1.5],
    ['double', '1.5e3', 1500],
    ['double', 9007199254740993n, 9007199254740992],
    ['decimal(20,2)', '12345678901234567.89', '12345678901234567.89'],
    ['decimal(10,2)', 12.5, '12.5'],
    ['decimal(20,10)', 1e-7, '0.0000001'],
    ['decimal(20,10)', -1.25e-7, '-0.000000125'],
    ['decimal(38,0)', 1e21, '1000000000000000000000'],
    ['decimal(20,10)', '1.5E-3', '0.0015'],
    ['decimal(20,10)', '-12.5e1', '-125'],
    ['decimal(20,10)', '+0.0125e+2', '+1.25'],
    ['decimal(20,10)', '.5e1', '5'],
    ['decimal(20,10)', '0e0', '0'],
    ['string', 'a', 'a'],
    ['string', 12, '12'],
    ['string', '', ''],
    ['varchar(5)', true, 'true'],
    ['binary', 'aGk=', new Uint8Array([104, 105])],
    ['binary', 'aGk', new Uint8Array([104, 105])],
    ['binary', '-_8=', new Uint8Array([251, 255])],
    ['timestamp', '2026-01-01T12:00:00Z', noon],
    ['timestamp', '2026-01-01T13:00:00.0009+01:00', noon],
    ['date', '2026-01-01', new Date(Date.UTC(2026, 0, 1))],
    ['array<int>', ['1', null, 2], [1, null, 2]],
    ['map<string, timestamp>', { a: '2026-01-01T12:00:00Z', b: null }, { a: noon, b: null }],
    ['struct<a: int, b: array<bigint>>', { b: ['1'], more: 1 }, { a: null, b: [1n] }],
  ])('%s of %o', (type, value, expected) => {
    expect(converted(type, value)).toEqual(expected)
  })

  it('a decimal of any number is that number, without an exponent', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }), (number) => {
        const plain = String((itemRow(schema('c decimal(38,10)'), times)({ c: number }) as { c: string }).c)
        expect(plain).toMatch(/^-?\d+(\.\d+)?$/)
        expect(Number(plain)).toBe(number === 0 ? 0 : number)
      }),
    )
  })

  it.each(['int', 'bigint', 'double', 'boolean', 'decimal(4,2)', 'timestamp', 'binary'])(
    'an empty text is nothing in a column of type %s',
    (type) => {
      expect(converted(type, '')).toBeNull()
    },
  )

  it.each<[string, unknown, string]>([
    ['int', '7.5', 'column "c": expected int, found a string'],
    ['int', 7.5, 'column "c": expected int, found a fractional number'],
    ['bigint', 2 ** 53, 'column "c": expected bigint, found a number'],
    ['decimal(20,10)', 'e5', 'column "c": expected decimal(20,10), found a string that holds no such number'],
    ['decimal(20,10)', '1e99999', 'column "c": expected decimal(20,10), found a string that holds no such number'],
    ['decimal(10,2)', 1e-7, 'column "c": expected decimal(10,2), found a string that holds no such number'],
    ['boolean', 'yes', 'column "c": expected boolean, found a string'],
    ['binary', 'not base64!', 'column "c": expected binary, found a string'],
    ['binary', 'abcde', 'column "c": expected binary, found a string'],
    ['timestamp', '2026-01-01T12:00:00', 'column "c": expected timestamp, found a string'],
    ['timestamp', 1767268800, 'column "c": expected timestamp, found a number'],
    ['string', { a: 1 }, 'column "c": expected string, found an object'],
    ['array<int>', [1, 'x'], 'column "c[1]": expected int, found a string'],
    ['struct<a: int>', 'x', 'column "c": expected a struct (a plain object), found a string'],
  ])('%s of %o is left for the check of the rows', (type, value, reason) => {
    expect(converted(type, value)).toBe(reason)
  })

  it.each<[EpochUnit, unknown]>([
    ['seconds', 1767268800],
    ['seconds', '1767268800'],
    ['seconds', 1767268800.0004],
    ['seconds', '1767268800.0004'],
    ['milliseconds', 1767268800000],
    ['microseconds', 1767268800000999],
    ['nanoseconds', 1767268800000999999n],
    ['nanoseconds', '1767268800000999999'],
  ])('numbers of %s since 1970: %o', (unit, value) => {
    expect(converted('timestamp', value, unit)).toEqual(noon)
  })

  it('keeps the milliseconds of seconds with a fraction, and rounds down before 1970', () => {
    expect(converted('timestamp', 1.001, 'seconds')).toEqual(new Date(1001))
    expect(converted('timestamp', 1.0019, 'seconds')).toEqual(new Date(1001))
    expect(converted('timestamp', -1n, 'microseconds')).toEqual(new Date(-1))
    expect(converted('timestamp', -1, 'microseconds')).toEqual(new Date(-1))
  })

  it('takes times without a zone for what the clocks of a zone show', () => {
    expect(converted('timestamp', '2026-01-01 13:00:00', undefined, 'Europe/Berlin')).toEqual(noon)
    // A day is a day everywhere.
    expect(converted('date', '2026-01-01', undefined, 'Europe/Berlin')).toEqual(new Date(Date.UTC(2026, 0, 1)))
  })

  it.each([['a text'], [[1, 2]], [null], [7]])(
    'an item that is no object (%o) is left for the check of the rows',
    (item) => {
      expect(itemRow(schema('id int'), times)(item)).toBe(item)
    },
  )
})

describe('code that is made of a schema', () => {
  it('says what the loop over its columns says, where no code may be made', () => {
    const url = (name: string) => new URL(`../../../src/${name}`, import.meta.url).href
    const script = `
      const { itemRow } = await import('${url('connectors/records/item-row.ts')}')
      const { schema } = await import('${url('schema.ts')}')
      const row = itemRow(schema('a int, b string, t timestamp'), { epoch: {}, zone: undefined })
      console.log(JSON.stringify([row({ a: '1', b: 2, t: '2026-01-01T12:00:00Z', more: 1 }), row({}), row(null), row('x')]))`
    const run = (...flags: readonly string[]) =>
      execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], { encoding: 'utf8' })
    const expected = [{ a: 1, b: '2', t: noon.toISOString() }, { a: null, b: null, t: null }, null, 'x']
    expect(JSON.parse(run())).toEqual(expected)
    expect(JSON.parse(run('--disallow-code-generation-from-strings'))).toEqual(expected)
  })

  it('holds names as texts, whatever stands in them', () => {
    const names = ['a"b', "a'b", 'a`b', '\\', '\u2028', '}', '*/']
    const fields = names.map((name) => ({ name, type: { kind: 'int' as const }, nullable: true }))
    const row = itemRow({ fields }, times)
    expect(row(Object.fromEntries(names.map((name, at) => [name, `${at}`])))).toEqual(
      Object.fromEntries(names.map((name, at) => [name, at])),
    )
  })
})
