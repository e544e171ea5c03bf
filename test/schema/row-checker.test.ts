import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { quoteName } from '../../src/schema/ddl-text.ts'
import { type DataType, type Field, rowChecker, schema } from '../../src/schema.ts'
import { columns, rowOf } from './arbitraries.ts'

describe('a value', () => {
  const inColumn = (type: string, value: unknown) => rowChecker(schema(`v ${type}`))({ v: value })

  it.each<[string, readonly unknown[]]>([
    ['boolean', [true, false]],
    ['tinyint', [-128, 127, -0]],
    ['smallint', [-32_768, 32_767]],
    ['int', [-2_147_483_648, 2_147_483_647, 0, -0]],
    ['bigint', [-(2n ** 63n), 2n ** 63n - 1n]],
    ['float', [1.5, 0.1, NaN, -Infinity, 3.4e38]],
    ['double', [1e308, NaN, Infinity]],
    ['string', ['', 'x']],
    ['varchar(2)', ['', 'ab', '😀😀']],
    ['char(1)', ['', '😀']],
    ['decimal(5,2)', ['0', '-0', '+1', '123.45', '-999.99', '000123.4500', '.'.padStart(2, '7').concat('5')]],
    ['decimal(2,2)', ['0.25', '-00.99']],
    ['decimal(3,0)', ['999', '1.000']],
    ['binary', [new Uint8Array(2), Buffer.from('x')]],
    ['date', [new Date(0)]],
    ['timestamp', [new Date(8.64e15)]],
    ['array<int>', [[], [1, null, undefined, 3]]],
    ['map<string, int>', [{}, { a: 1, b: null }, Object.assign(Object.create(null), { a: 1 })]],
    ['struct<a: int not null, b: string>', [{ a: 1 }, { b: 'x', a: 2 }]],
    ['struct<>', [{}]],
  ])('of %s fits', (type, values) => {
    for (const value of [...values, null, undefined]) expect(inColumn(type, value)).toBeUndefined()
  })

  it.each<[string, unknown, string]>([
    ['boolean', 1, 'expected boolean, found a number'],
    ['boolean', 'true', 'expected boolean, found a string'],
    ['tinyint', 128, 'expected tinyint, found a number out of range'],
    ['smallint', -32_769, 'expected smallint, found a number out of range'],
    ['int', 2_147_483_648, 'expected int, found a number out of range'],
    ['int', Infinity, 'expected int, found a number out of range'],
    ['int', 1.5, 'expected int, found a fractional number'],
    ['int', NaN, 'expected int, found NaN'],
    ['int', 1n, 'expected int, found a bigint'],
    ['int', '1', 'expected int, found a string'],
    ['bigint', 1, 'expected bigint, found a number'],
    ['bigint', 2n ** 63n, 'expected bigint, found a bigint out of range'],
    ['bigint', -(2n ** 63n) - 1n, 'expected bigint, found a bigint out of range'],
    ['float', 1e39, 'expected float, found a number out of range'],
    ['double', '1.5', 'expected double, found a string'],
    ['string', 5, 'expected string, found a number'],
    ['string', Symbol('x'), 'expected string, found a symbol'],
    ['varchar(2)', 'abc', 'expected varchar(2), found a longer string'],
    ['char(1)', '😀😀', 'expected char(1), found a longer string'],
    ['decimal(5,2)', 1.5, 'expected decimal(5,2), found a number'],
    ['decimal(5,2)', '1234', 'expected decimal(5,2), found a string that holds no such number'],
    ['decimal(5,2)', '1.234', 'expected decimal(5,2), found a string that holds no such number'],
    ['decimal(5,2)', '1e2', 'expected decimal(5,2), found a string that holds no such number'],
    ['decimal(5,2)', '', 'expected decimal(5,2), found a string that holds no such number'],
    ['decimal(5,2)', '5.', 'expected decimal(5,2), found a string that holds no such number'],
    ['decimal(5,2)', '.5', 'expected decimal(5,2), found a string that holds no such number'],
    ['decimal(5,2)', ' 5', 'expected decimal(5,2), found a string that holds no such number'],
    ['decimal(5,2)', '5\n', 'expected decimal(5,2), found a string that holds no such number'],
    ['binary', [1, 2], 'expected binary, found an array'],
    ['binary', new Uint16Array(1), 'expected binary, found an object of class Uint16Array'],
    ['date', '2024-01-01', 'expected date, found a string'],
    ['timestamp', new Date(NaN), 'expected timestamp, found an invalid Date'],
    ['timestamp', 0, 'expected timestamp, found a number'],
    ['array<int>', { length: 0 }, 'expected an array, found an object'],
    ['map<string, int>', new Map(), 'expected a map (a plain object), found an object of class Map'],
    ['map<string, int>', [], 'expected a map (a plain object), found an array'],
    ['struct<a: int>', 'x', 'expected a struct (a plain object), found a string'],
    [
      'struct<a: int>',
      Object.create(Object.create(null)),
      'expected a struct (a plain object), found an object with a prototype of its own',
    ],
  ])('of %s, but %s', (type, value, reason) => {
    expect(inColumn(type, value)).toBe(`column "v": ${reason}`)
  })
})

describe('a row', () => {
  const check = rowChecker(schema('id int not null, name string'))

  it('may lack a nullable column, and may have columns in any order', () => {
    for (const row of [
      { id: 1, name: 'x' },
      { name: 'x', id: 1 },
      { id: 1 },
      { id: 1, name: undefined },
      { name: null, id: 1 },
    ]) {
      expect(check(row)).toBeUndefined()
    }
  })

  it.each<[unknown, string]>([
    [{ id: null, name: 'x' }, 'column "id": expected int, not null, found null'],
    [{ id: undefined }, 'column "id": expected int, not null, found nothing'],
    [{ name: 'x' }, 'column "id": expected int, not null, found nothing'],
    [{}, 'column "id": expected int, not null, found nothing'],
    [Object.defineProperty({}, 'id', { value: 1 }), 'column "id": expected int, not null, found nothing'],
    [{ id: 1, nmae: 'x' }, 'column "nmae": not in the schema'],
    [{ id: 1, ID: 1 }, 'column "ID": not in the schema'],
    [{ id: 1, ['x'.repeat(200)]: 1 }, `column "\`${'x'.repeat(100)}…\`": not in the schema`],
    [[{ id: 1 }], 'expected a row (a plain object), found an array'],
    [null, 'expected a row (a plain object), found null'],
    [undefined, 'expected a row (a plain object), found nothing'],
    ['x', 'expected a row (a plain object), found a string'],
    [new Date(0), 'expected a row (a plain object), found an object of class Date'],
  ])('%j: %s', (row, reason) => {
    expect(check(row)).toBe(reason)
  })

  it('may hold a column that is unknown and undefined', () => {
    expect(check({ id: 1, extra: undefined })).toBeUndefined()
  })

  it('may be nullable throughout and empty', () => {
    expect(rowChecker(schema('a int, b string'))({})).toBeUndefined()
  })

  it('may have columns named like what every object has', () => {
    const odd = rowChecker(schema('__proto__ int not null, constructor int not null, toString string'))
    expect(odd(JSON.parse('{"__proto__": 1, "constructor": 2}'))).toBeUndefined()
    expect(odd({ constructor: 2 })).toBe('column "__proto__": expected int, not null, found nothing')
    expect(odd(JSON.parse('{"__proto__": 1}'))).toBe('column "constructor": expected int, not null, found nothing')
  })

  it.each<[string, unknown, string]>([
    [
      'a struct<b: struct<c: int not null>>',
      { a: { b: { c: null } } },
      'column "a.b.c": expected int, not null, found null',
    ],
    ['a struct<b: struct<c: int not null>>', { a: { b: {} } }, 'column "a.b.c": expected int, not null, found nothing'],
    ['a array<struct<b: int>>', { a: [{ b: 1 }, { b: 'x' }] }, 'column "a[1].b": expected int, found a string'],
    ['a array<array<int>>', { a: [[], [1, 'x']] }, 'column "a[1][1]": expected int, found a string'],
    ['a map<string, array<int>>', { a: { secret: ['x'] } }, 'column "a.value[0]": expected int, found a string'],
    ['a struct<`b c`: int>', { a: { 'b c': 'x' } }, 'column "a.`b c`": expected int, found a string'],
    ['a struct<b: int>', { a: { c: 1 } }, 'column "a.c": not in the schema'],
  ])('of %s names the place inside', (ddl, row, reason) => {
    expect(rowChecker(schema(ddl))(row)).toBe(reason)
  })
})

describe('any schema', () => {
  const withRow = columns.chain((fields) => rowOf(fields).map((row) => ({ fields, row })))

  it('takes every row that fits it', () => {
    fc.assert(
      fc.property(withRow, ({ fields, row }) => {
        expect(rowChecker({ fields })(row)).toBeUndefined()
      }),
      { numRuns: 500 },
    )
  })

  /** A value of a kind that no value of the type has. */
  const wrong = (type: DataType): fc.Arbitrary<unknown> =>
    fc
      .constantFrom<[DataType['kind'][], unknown]>(
        [['boolean'], true],
        [['tinyint', 'smallint', 'int', 'float', 'double'], 1],
        [['bigint'], 1n],
        [['string', 'varchar', 'char', 'decimal'], 'secret'],
        [['binary'], new Uint8Array(1)],
        [['date', 'timestamp'], new Date(0)],
        [['array'], ['secret']],
        [['map', 'struct'], { secret: 'secret' }],
      )
      .filter(([kinds]) => !kinds.includes(type.kind))
      .map(([, value]) => value)

  /** One mutation: the row and the name of the column that no longer fits. */
  function mutated(fields: readonly Field[], row: object): fc.Arbitrary<{ row: object; name: string }> {
    const set = (name: string, value: unknown) => ({
      // A value keeps its place: rows in the schema's order are looked at on a way of their own.
      row: Object.fromEntries(
        Object.hasOwn(row, name)
          ? Object.entries(row).map(([key, old]) => [key, key === name ? value : old])
          : [...Object.entries(row), [name, value]],
      ),
      name,
    })
    const kinds = fields.map((field) => wrong(field.type).map((value) => set(field.name, value)))
    const holes = fields
      .filter((field) => !field.nullable)
      .flatMap(({ name }) => [
        fc.constantFrom(null, undefined).map((value) => set(name, value)),
        fc.constant({ row: Object.fromEntries(Object.entries(row).filter(([key]) => key !== name)), name }),
      ])
    return fc.oneof(...kinds, ...holes, fc.constant(set('no such column', 1)))
  }

  it('finds one wrong kind, one null or one unknown column, names it and shows no value', () => {
    const mutation = withRow.chain(({ fields, row }) => mutated(fields, row).map((change) => ({ fields, ...change })))
    fc.assert(
      fc.property(mutation, ({ fields, row, name }) => {
        const reason = rowChecker({ fields })(row) ?? ''
        const place = `column ${JSON.stringify(quoteName(name)).slice(0, -1)}`
        expect(reason.slice(0, place.length)).toBe(place)
        expect(reason.slice(place.length)).toMatch(/^["[.]/)
        expect(reason).not.toContain('secret')
      }),
      { numRuns: 500 },
    )
  })
})
