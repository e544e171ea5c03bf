import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SchemaError } from '../../src/errors.ts'
import { parseTypeText } from '../../src/schema/ddl-parser.ts'
import { ddlText, typeText } from '../../src/schema/ddl-text.ts'
import { schema } from '../../src/schema.ts'
import { columns, dataType } from './arbitraries.ts'

const parsed = (ddl: string) => schema(ddl).fields

describe('the DDL of a schema', () => {
  it('reads names, types, not null and comments', () => {
    expect(
      parsed('id int not null, name string, price decimal(10,2) comment \'net\', at timestamp not null comment "when"'),
    ).toEqual([
      { name: 'id', type: { kind: 'int' }, nullable: false },
      { name: 'name', type: { kind: 'string' }, nullable: true },
      { name: 'price', type: { kind: 'decimal', precision: 10, scale: 2 }, nullable: true, comment: 'net' },
      { name: 'at', type: { kind: 'timestamp' }, nullable: false, comment: 'when' },
    ])
  })

  it.each([
    ['boolean', 'boolean'],
    ['tinyint', 'tinyint'],
    ['byte', 'tinyint'],
    ['smallint', 'smallint'],
    ['short', 'smallint'],
    ['int', 'int'],
    ['integer', 'int'],
    ['bigint', 'bigint'],
    ['long', 'bigint'],
    ['float', 'float'],
    ['real', 'float'],
    ['double', 'double'],
    ['string', 'string'],
    ['binary', 'binary'],
    ['date', 'date'],
    ['timestamp', 'timestamp'],
    ['timestamp_ltz', 'timestamp'],
    ['decimal', 'decimal(10,0)'],
    ['dec(5)', 'decimal(5,0)'],
    ['numeric(38, 38)', 'decimal(38,38)'],
    ['varchar(7)', 'varchar(7)'],
    ['char(7)', 'char(7)'],
    ['character ( 7 )', 'char(7)'],
    ['array<array<int>>', 'array<array<int>>'],
    ['map<string,long>', 'map<string, bigint>'],
    ['struct<a: int, b string not null comment "x">', "struct<a: int, b: string not null comment 'x'>"],
    ['struct<>', 'struct<>'],
  ])('knows the type %s', (text, normal) => {
    expect(typeText(parseTypeText(text, 'type'))).toBe(normal)
    expect(typeText(parseTypeText(text.toUpperCase(), 'type'))).toBe(
      normal.replace('a: int, b:', 'A: int, B:').replace("'x'", "'X'"),
    )
  })

  it('takes a colon after a name, spaces, line ends and SQL comments anywhere', () => {
    const ddl = "\n a:int NOT\n\tNULL, -- the key, 'quoted'\r\n b /* type: */ array <\n string > -- the end"
    expect(schema(ddl).ddl).toBe('a int not null, b array<string>')
  })

  it('takes keywords and type names as names', () => {
    expect(schema('not string not null, comment int, struct struct<map: map<string, int>>, 2nd date').ddl).toBe(
      'not string not null, comment int, struct struct<map: map<string, int>>, `2nd` date',
    )
  })

  it('reads names in backquotes', () => {
    expect(parsed('`a b` int, `c``d,e` string, `!@#$%.^&*()` int, `é` int').map(({ name }) => name)).toEqual([
      'a b',
      'c`d,e',
      '!@#$%.^&*()',
      'é',
    ])
  })

  it.each([
    ["'a, b > c'", 'a, b > c'],
    ["'it''s'", "it's"],
    ["'it\\'s \"so\"'", 'it\'s "so"'],
    ['"say ""so"" \'now\'"', 'say "so" \'now\''],
    ["'tab\\tline\\nback\\\\slash\\q'", 'tab\tline\nback\\slashq'],
    ["'\\u00e9 \\U0001F600 \\101 \\%\\_'", 'é 😀 A \\%\\_'],
    ["r'raw \\n'", 'raw \\n'],
    ["'-- no comment /* here */'", '-- no comment /* here */'],
  ])('reads the comment %s', (literal, text) => {
    expect(parsed(`a int comment ${literal}, b int`).map(({ comment }) => comment)).toEqual([text, undefined])
  })

  it('parses its normal form to the same fields', () => {
    fc.assert(
      fc.property(columns, (fields) => {
        expect(parsed(ddlText(fields))).toEqual(fields)
      }),
      { numRuns: 300 },
    )
  })

  it('has one normal form', () => {
    const { ddl } = schema('ID INTEGER NOT NULL COMMENT "it\'s", `b`: Map<STRING,Dec(5)>')
    expect(ddl).toBe("ID int not null comment 'it\\'s', b map<string, decimal(5,0)>")
    expect(schema(ddl).ddl).toBe(ddl)
  })
})

describe('a DDL that is wrong', () => {
  const list = /expected a type \(boolean, .*struct<…>\), found /
  it.each([
    ['', /^schema: expected a column name, found the end, at line 1, column 1$/],
    ['a', list],
    ['a strng', /found "strng", at line 1, column 3 \(after "a "\)$/],
    ['a int,\n  b strng', /found "strng", at line 2, column 5 \(after " {2}b "\)$/],
    ['a int b long', /expected a comma or the end of the schema, found "b", at line 1, column 7/],
    ['a int,, b long', /expected a column name, found ",", at line 1, column 7/],
    ['a int,', /expected a column name, found the end, at line 1, column 7/],
    ['a int null', /expected a comma or the end of the schema, found "null"/],
    ['a int not', /expected 'null' after 'not', found the end/],
    ['a int comment 5', /expected the text of a comment in quotes, found "5"/],
    ["a int comment 'x' not null", /expected a comma or the end of the schema, found "not"/],
    ["a int comment 'x", /expected the closing quote of a comment, at line 1, column 15/],
    ['`a int', /expected the closing backquote of a name/],
    ['`` int', /expected a name that is not empty/],
    ['test-col int', /unexpected "-"; names with other characters .* stand in backquotes/],
    ['größe int', /names like this one stand in backquotes, found "größe"/],
    ['1 int', /expected a column name, found "1"/],
    ['1L int', /names like this one stand in backquotes, found "1L"/],
    ['a varchar', /expected '\(' and a length/],
    ['a varchar(x)', /expected a length, found "x"/],
    ['a decimal(39)', /expected a precision from 1 to 38, found decimal\(39,0\)/],
    ['a decimal(0)', /expected a precision from 1 to 38/],
    ['a decimal(5,6)', /expected a scale from 0 to the precision \(5\)/],
    ['a int(5)', /expected a comma or the end of the schema, found "\("/],
    ['a array', /expected '<' and the type of the elements/],
    ['a array<int', /expected '>' after the type of the elements, found the end/],
    ['a map<int, int>', /expected 'string': other keys are not supported/],
    ['a struct<b int', /expected '>' or a comma after a field of a struct/],
    ['a timestamp_ntz', /timestamps without a time zone \(timestamp_ntz\) are not supported/],
    ['a timestamp without time zone', /timestamps without a time zone \(timestamp_ntz\) are not supported/],
    ['a interval', list],
    ['a int, b int, a string', /column "a" stands twice/],
    ['a int, A string', /column "A" stands twice/],
    ['a struct<b int, B int>', /column "B" stands twice/],
  ])('%j says what was expected, and where', (ddl, message) => {
    expect(() => schema(ddl)).toThrow(SchemaError)
    expect(() => schema(ddl)).toThrow(message)
  })

  it('is a SchemaError, whatever the text', () => {
    const piece = fc.constantFrom(
      'a',
      'int',
      'not',
      'null',
      'comment',
      "'x'",
      '`b`',
      '<',
      '>',
      '(',
      ')',
      ',',
      ':',
      ' ',
      '\n',
      '3',
      'array',
      'map',
      'struct',
      'string',
      'decimal',
      '--',
      '\\',
      "'",
      '`',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        try {
          schema(pieces.join(' '))
        } catch (error) {
          expect(error).toBeInstanceOf(SchemaError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('a structured definition', () => {
  it('gives what its DDL gives', () => {
    const structured = schema([
      { name: 'id', type: 'INTEGER', nullable: false, comment: 'the key' },
      { name: 'tags', type: { kind: 'array', element: 'string' } },
      {
        name: 'at',
        type: {
          kind: 'struct',
          fields: [
            { name: 'x y', type: { kind: 'map', value: { kind: 'decimal', precision: 5, scale: 2 } }, nullable: false },
          ],
        },
      },
      { name: 'code', type: { kind: 'char', length: 3 } },
    ])
    expect(structured).toEqual(
      schema(
        "id int not null comment 'the key', tags array<string>, at struct<`x y`: map<string, decimal(5,2)> not null>, code char(3)",
      ),
    )
  })

  it('takes the fields of a schema', () => {
    fc.assert(
      fc.property(columns, (fields) => {
        expect(schema(fields).fields).toEqual(fields)
      }),
      { numRuns: 100 },
    )
  })

  it('takes any type as its text', () => {
    fc.assert(
      fc.property(dataType, (type) => {
        expect(schema([{ name: 'a', type: typeText(type) }])).toEqual(schema([{ name: 'a', type }]))
      }),
      { numRuns: 100 },
    )
  })

  const define = (fields: unknown) => () => schema(fields as readonly [])
  it.each<[unknown, RegExp]>([
    [5, /expected a DDL text or an array of fields, found number/],
    [[], /expected at least one column/],
    [[null], /field 0: expected an object, found null/],
    [[{ type: 'int' }], /field 0: expected a name that is not empty/],
    [
      [{ name: 'a', type: 'int', nulable: false }],
      /field 0: unknown property "nulable"; known are name, type, nullable, comment/,
    ],
    [[{ name: 'a', type: 'int', nullable: 'no' }], /column "a": nullable must be true or false/],
    [[{ name: 'a', type: 'int', comment: 5 }], /column "a": the comment must be a string/],
    [[{ name: 'a', type: 'strng' }], /column "a": expected a type \(.*\), found "strng"/],
    [[{ name: 'a', type: 'int x' }], /column "a": expected the end of the type, found "x"/],
    [[{ name: 'a' }], /column "a": expected a type: the text of its DDL, or an object with a kind/],
    [[{ name: 'a', type: { kind: 'strng' } }], /column "a": unknown kind of type "strng"/],
    [
      [{ name: 'a', type: { kind: 'decimal', precision: 39, scale: 0 } }],
      /column "a": expected a precision from 1 to 38/,
    ],
    [[{ name: 'a', type: { kind: 'varchar', length: -1 } }], /column "a": expected a length/],
    [
      [{ name: 'a', type: { kind: 'array', element: 'int', containsNull: false } }],
      /column "a": unknown property "containsNull"/,
    ],
    [
      [{ name: 'a', type: { kind: 'struct', fields: [{ name: 'b', type: 'x' }] } }],
      /schema: column "a": column "b": expected a type/,
    ],
    [
      [
        { name: 'a', type: 'int' },
        { name: 'A', type: 'int' },
      ],
      /column "A" stands twice/,
    ],
  ])('%j is refused with its place', (fields, message) => {
    expect(define(fields)).toThrow(SchemaError)
    expect(define(fields)).toThrow(message)
  })
})

it('types in types are refused where they would overflow the stack', () => {
  const nested = (depth: number) => `a ${'array<'.repeat(depth)}int${'>'.repeat(depth)}`
  expect(parsed(nested(100))).toHaveLength(1)
  for (const depth of [101, 20_000]) expect(() => parsed(nested(depth))).toThrow('no more than 100 deep')
})
