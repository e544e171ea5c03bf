import { expect, it } from 'vitest'
import { schema, toSparkJson } from '../../src/schema.ts'

const field = (name: string, type: unknown, nullable = true, metadata: object = {}) => ({
  name,
  type,
  nullable,
  metadata,
})

it('writes every type by the name Spark has for it in JSON', () => {
  const ddl =
    'a boolean, b tinyint, c smallint, d int, e bigint, f float, g double, h string, i binary, j date, k timestamp, l decimal(10,2)'
  const names = [
    'boolean',
    'byte',
    'short',
    'integer',
    'long',
    'float',
    'double',
    'string',
    'binary',
    'date',
    'timestamp',
    'decimal(10,2)',
  ]
  expect(JSON.parse(toSparkJson(schema(ddl)))).toEqual({
    type: 'struct',
    fields: names.map((name, index) => field('abcdefghijkl'.charAt(index), name)),
  })
})

it('writes nested types, nullability and comments', () => {
  const ddl =
    "id int not null comment 'the key', tags array<string>, m map<string, double>, s struct<x: int not null comment 'inner'> not null"
  expect(toSparkJson(schema(ddl))).toBe(
    JSON.stringify({
      type: 'struct',
      fields: [
        field('id', 'integer', false, { comment: 'the key' }),
        field('tags', { type: 'array', elementType: 'string', containsNull: true }),
        field('m', { type: 'map', keyType: 'string', valueType: 'double', valueContainsNull: true }),
        field('s', { type: 'struct', fields: [field('x', 'integer', false, { comment: 'inner' })] }, false),
      ],
    }),
  )
})

it('keeps the lengths of strings in the metadata of the top column', () => {
  const ddl = "a varchar(5) comment 'x', b struct<c: array<char(2)>, d: decimal(4,1), e: map<string, int>>"
  const inner = [
    field('c', { type: 'array', elementType: 'string', containsNull: true }),
    field('d', 'decimal(4,1)'),
    field('e', { type: 'map', keyType: 'string', valueType: 'integer', valueContainsNull: true }),
  ]
  expect(JSON.parse(toSparkJson(schema(ddl)))).toEqual({
    type: 'struct',
    fields: [
      field('a', 'string', true, { comment: 'x', __CHAR_VARCHAR_TYPE_STRING: 'varchar(5)' }),
      field('b', { type: 'struct', fields: inner }, true, {
        __CHAR_VARCHAR_TYPE_STRING: 'struct<c:array<char(2)>,d:decimal(4,1),e:map<string,int>>',
      }),
    ],
  })
})
