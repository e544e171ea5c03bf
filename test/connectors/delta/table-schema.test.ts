import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MetaData } from '../../../src/connectors/delta/actions.ts'
import { compareSchemas, fieldsOf } from '../../../src/connectors/delta/table-schema.ts'
import { SchemaError } from '../../../src/errors.ts'
import type { DataType, Field } from '../../../src/schema/data-type.ts'
import { toSparkJson } from '../../../src/schema.ts'
import { columns } from '../../schema/arbitraries.ts'

/** What a table keeps of columns: texts are strings there, and comments are nobody's business here. */
function kept(type: DataType): DataType {
  switch (type.kind) {
    case 'varchar':
    case 'char':
      return { kind: 'string' }
    case 'array':
      return { kind: 'array', element: kept(type.element) }
    case 'map':
      return { kind: 'map', value: kept(type.value) }
    case 'struct':
      return { kind: 'struct', fields: type.fields.map(keptField) }
    default:
      return type
  }
}
const keptField = ({ name, type, nullable }: Field): Field => ({ name, type: kept(type), nullable })
const tableOf = (fields: readonly Field[]): readonly Field[] =>
  fieldsOf('t', { schemaString: toSparkJson({ fields }) } as MetaData)

describe('any schema', () => {
  it('is the table’s, once it was written to its log and read again', () => {
    fc.assert(
      fc.property(columns, (fields) => {
        expect(tableOf(fields)).toEqual(fields.map(keptField))
      }),
    )
  })

  it('fits the table that was made of it, and adds nothing', () => {
    fc.assert(
      fc.property(columns, (fields) => {
        const table = tableOf(fields)
        expect(compareSchemas('t', table, fields)).toEqual({ fields: table, added: [] })
        expect(compareSchemas('t', table, fields).fields).toBe(table)
      }),
    )
  })

  it('with some columns left out and some more fits a table, whose columns stay where they are; afterwards it adds nothing', () => {
    const cut = fc.tuple(columns, columns, fc.infiniteStream(fc.boolean())).map(([fields, more, keep]) => {
      const names = new Set(fields.map(({ name }) => name.toLowerCase()))
      const rest = fields.filter(({ nullable }) => !nullable || keep.next().value === true)
      return { fields, rows: [...more.filter(({ name }) => !names.has(name.toLowerCase())), ...rest] }
    })
    fc.assert(
      fc.property(cut, ({ fields, rows }) => {
        const table = tableOf(fields)
        const { fields: changed, added } = compareSchemas('t', table, rows)
        expect(changed.slice(0, table.length)).toEqual(table)
        expect(changed.slice(table.length).map(({ name }) => name)).toEqual(added.map(({ name }) => name))
        expect(added.every(({ nullable }) => nullable)).toBe(true)
        expect(compareSchemas('t', changed, rows).added).toEqual([])
      }),
    )
  })

  it('in which one column has another type, or another case, is refused', () => {
    const changed = columns.chain((fields) => fc.tuple(fc.constant(fields), fc.nat(fields.length - 1), fc.boolean()))
    fc.assert(
      fc.property(changed, ([fields, at, byType]) => {
        const rows = fields.map((field, index): Field => {
          if (index !== at) return field
          if (!byType) return { ...field, name: field.name.toUpperCase() }
          return { ...field, type: { kind: field.type.kind === 'int' ? 'bigint' : 'int' } }
        })
        const same = rows.every(({ name }, index) => name === fields[index]?.name)
        // What has another name in upper case, and the same in lower case, is one column for Spark.
        fc.pre(byType || (!same && rows[at]?.name.toLowerCase() === fields[at]?.name.toLowerCase()))
        expect(() => compareSchemas('t', tableOf(fields), rows)).toThrow(SchemaError)
      }),
    )
  })
})
