import { describe, expectTypeOf, it } from 'vitest'
import { type DataType, type Field, type RowOf, rowChecker, type Schema, schema } from '../../src/schema.ts'

describe('the row type of a DDL', () => {
  it('has null unless the column is not null', () => {
    expectTypeOf(schema('id int not null, name string')).toEqualTypeOf<Schema<{ id: number; name: string | null }>>()
  })

  it('has a value type for every type and alias', () => {
    const s = schema(
      `a boolean, b tinyint, c byte, d smallint, e short, f int, g integer, h bigint, i long, j float, k real, l double, m decimal, n dec(5),
       o numeric(5, 2), p string, q varchar(5), r char(5), s character(5), t binary, u date, v timestamp, w timestamp_ltz`,
    )
    expectTypeOf<RowOf<typeof s>>().toEqualTypeOf<{
      a: boolean | null
      b: number | null
      c: number | null
      d: number | null
      e: number | null
      f: number | null
      g: number | null
      h: bigint | null
      i: bigint | null
      j: number | null
      k: number | null
      l: number | null
      m: string | null
      n: string | null
      o: string | null
      p: string | null
      q: string | null
      r: string | null
      s: string | null
      t: Uint8Array | null
      u: Date | null
      v: Date | null
      w: Date | null
    }>()
  })

  it('nests, and elements and values may be null', () => {
    const s = schema(
      'a array<struct<x: int not null, y map<string, decimal(10,2)>>> not null, b array<array<int>>, c struct<d: struct<>> not null, e int',
    )
    expectTypeOf<RowOf<typeof s>>().toEqualTypeOf<{
      a: ({ x: number; y: Record<string, string | null> | null } | null)[]
      b: ((number | null)[] | null)[] | null
      // biome-ignore lint/complexity/noBannedTypes: the row of a struct without fields
      c: { d: {} | null }
      e: number | null
    }>()
  })

  it('knows no case, any space, colons and SQL comments', () => {
    const s = schema(`
      Id : BIGINT Not Null, -- the key, 'quoted'
      tags ARRAY
        < String > /* , x int */,
      at\tTimestamp NOT\nNULL
    `)
    expectTypeOf<RowOf<typeof s>>().toEqualTypeOf<{ Id: bigint; tags: (string | null)[] | null; at: Date }>()
  })

  it('reads over comments with commas, quotes and escapes', () => {
    const s = schema(
      `a int comment 'x, y int', b int not null comment 'it''s', c int comment 'it\\'s, \\\\', d int comment "so ""x"", 'y'", e int comment r'raw\\', f date`,
    )
    expectTypeOf<RowOf<typeof s>>().toEqualTypeOf<{
      a: number | null
      b: number
      c: number | null
      d: number | null
      e: number | null
      f: Date | null
    }>()
  })

  it('reads names in backquotes', () => {
    const s = schema('`a b` int, `c``d, e` string not null, `not` date, comment int, struct struct<map: int>')
    expectTypeOf<RowOf<typeof s>>().toEqualTypeOf<{
      'a b': number | null
      'c`d, e': string
      not: Date | null
      comment: number | null
      struct: { map: number | null } | null
    }>()
  })

  it('is unknown for a text known only at run time', () => {
    const text: string = 'a int'
    const part = `a int, ${text}` as const
    expectTypeOf(schema(text)).toEqualTypeOf<Schema<Record<string, unknown>>>()
    expectTypeOf(schema(part)).toEqualTypeOf<Schema<Record<string, unknown>>>()
  })

  it('fits a row type written by hand both ways', () => {
    interface Row {
      readonly id: number
      name: string | null
      tags: (string | null)[] | null
    }
    const s = schema('id int not null, name string, tags array<string>')
    expectTypeOf<RowOf<typeof s>>().toExtend<Row>()
    expectTypeOf<Row>().toExtend<RowOf<typeof s>>()
    expectTypeOf<{ id: number; name: null; tags: string[] }>().toExtend<RowOf<typeof s>>()
  })
})

describe('a mistake in a DDL', () => {
  it('is a type error that names it', () => {
    // @ts-expect-error unknown type 'strng' of column 'name'
    schema('id int, name strng')
    // @ts-expect-error expected a type, found the end
    schema('id')
    // @ts-expect-error expected a column name
    schema('id int,, name string')
    // @ts-expect-error expected a column name
    schema('')
    // @ts-expect-error expected a comma
    schema('id int name string')
    // @ts-expect-error expected 'null' after 'not'
    schema('id int not')
    // @ts-expect-error the keys of a map must be 'string'
    schema('id map<int, int>')
    // @ts-expect-error expected '>'
    schema('id array<int')
    // @ts-expect-error unknown type 'strng'
    schema('id array<struct<a: map<string, strng>>>')
    // @ts-expect-error expected the length of 'varchar'
    schema('id varchar')
    // @ts-expect-error 'timestamp_ntz' is not supported
    schema('at timestamp_ntz')
    // @ts-expect-error expected the closing quote
    schema("id int comment 'x")
    // @ts-expect-error expected the closing backquote
    schema('`id int')
    // @ts-expect-error neither DDL nor columns
    schema(5)
  })

  it('has its message in the type', () => {
    // @ts-expect-error unknown type
    const wrong = schema('id int, name strng')
    expectTypeOf<NonNullable<(typeof wrong)['~row']>>().toEqualTypeOf<{
      readonly '~error': "column 'name': unknown type 'strng'"
    }>()
  })
})

describe('the row type of columns', () => {
  it('is that of the same DDL', () => {
    const s = schema([
      { name: 'id', type: 'int', nullable: false, comment: 'the key' },
      { name: 'price', type: 'decimal(10,2)', nullable: true },
      { name: 'amount', type: { kind: 'decimal', precision: 10, scale: 2 } },
      { name: 'code', type: { kind: 'char', length: 3 } },
      { name: 'at', type: { kind: 'timestamp' } },
      { name: 'tags', type: { kind: 'array', element: 'string' } },
      { name: 'counts', type: { kind: 'map', value: { kind: 'bigint' } } },
      { name: 'place', type: { kind: 'struct', fields: [{ name: 'x y', type: 'array<int>', nullable: false }] } },
    ])
    const same = schema(
      'id int not null, price decimal(10,2), amount decimal(10,2), code char(3), at timestamp, tags array<string>, counts map<string, bigint>, place struct<`x y`: array<int> not null>',
    )
    expectTypeOf<RowOf<typeof s>>().toEqualTypeOf<RowOf<typeof same>>()
  })

  it('is a type error where a column is wrong', () => {
    // @ts-expect-error unknown type 'strng'
    schema([{ name: 'id', type: 'strng' }])
    // @ts-expect-error unknown type 'strng', inside
    schema([
      { name: 'id', type: { kind: 'struct', fields: [{ name: 'a', type: { kind: 'array', element: 'strng' } }] } },
    ])
    // @ts-expect-error unknown kind
    schema([{ name: 'id', type: { kind: 'strng' } }])
    // @ts-expect-error unknown property 'nulable'
    schema([{ name: 'id', type: 'int', nulable: false }])
    // @ts-expect-error no type
    schema([{ name: 'id' }])
  })

  it('is as unknown as the columns are', () => {
    const fields: readonly Field[] = []
    const type = schema('a int').fields[0]?.type as DataType
    const nullable: boolean = true
    expectTypeOf(schema(fields)).toEqualTypeOf<Schema<Record<string, unknown>>>()
    expectTypeOf(schema([{ name: 'a', type }])).toEqualTypeOf<Schema<{ a: unknown }>>()
    expectTypeOf(schema([{ name: 'a', type: 'int', nullable }])).toEqualTypeOf<Schema<{ a: number | null }>>()
  })
})

describe('a schema', () => {
  it('is a Schema, whatever its row', () => {
    expectTypeOf<Schema<{ id: number }>>().toExtend<Schema>()
    const any: Schema = schema('id int')
    expectTypeOf(rowChecker(any)).toEqualTypeOf<(row: unknown) => string | undefined>()
    // @ts-expect-error another row
    const other: Schema<{ id: string }> = schema('id int')
    expectTypeOf<RowOf<typeof other>>().toEqualTypeOf<{ id: string }>()
  })
})
