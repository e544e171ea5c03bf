import type { SchemaElement } from 'hyparquet-writer'
import type { DataType, Field } from '../../schema/data-type.ts'
import type { LeafType } from '../../schema/leaf-check.ts'

/** The columns as a Parquet file describes them: depth first, a group before its children, as Spark names and nests them. */
export function parquetElements(fields: readonly Field[]): SchemaElement[] {
  return [{ name: 'spark_schema', num_children: fields.length }, ...fields.flatMap(fieldElements)]
}

function fieldElements({ name, type, nullable }: Field): SchemaElement[] {
  return elementsOf(name, type, nullable)
}

function elementsOf(name: string, type: DataType, nullable: boolean): SchemaElement[] {
  const repetition_type = nullable ? 'OPTIONAL' : 'REQUIRED'
  switch (type.kind) {
    case 'array':
      return [
        { name, repetition_type, converted_type: 'LIST', logical_type: { type: 'LIST' }, num_children: 1 },
        { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
        ...elementsOf('element', type.element, true),
      ]
    case 'map':
      return [
        { name, repetition_type, converted_type: 'MAP', logical_type: { type: 'MAP' }, num_children: 1 },
        { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
        ...elementsOf('key', { kind: 'string' }, false),
        ...elementsOf('value', type.value, true),
      ]
    case 'struct':
      return [{ name, repetition_type, num_children: type.fields.length }, ...type.fields.flatMap(fieldElements)]
    default:
      return [{ name, repetition_type, ...leafElement(type) }]
  }
}

function leafElement(type: LeafType): Omit<SchemaElement, 'name'> {
  switch (type.kind) {
    case 'boolean':
      return { type: 'BOOLEAN' }
    case 'tinyint':
      return { type: 'INT32', converted_type: 'INT_8' }
    case 'smallint':
      return { type: 'INT32', converted_type: 'INT_16' }
    case 'int':
      return { type: 'INT32' }
    case 'bigint':
      return { type: 'INT64' }
    case 'float':
      return { type: 'FLOAT' }
    case 'double':
      return { type: 'DOUBLE' }
    case 'string':
    case 'varchar':
    case 'char':
      return { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } }
    case 'binary':
      return { type: 'BYTE_ARRAY' }
    case 'date':
      return { type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } }
    case 'timestamp':
      return {
        type: 'INT64',
        converted_type: 'TIMESTAMP_MICROS',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
      }
    case 'decimal':
      return decimalElement(type.precision, type.scale)
  }
}

function decimalElement(precision: number, scale: number): Omit<SchemaElement, 'name'> {
  const decimal = { converted_type: 'DECIMAL', precision, scale } as const
  if (precision <= 9) return { type: 'INT32', ...decimal }
  if (precision <= 18) return { type: 'INT64', ...decimal }
  return { type: 'FIXED_LEN_BYTE_ARRAY', type_length: bytesFor(precision), ...decimal }
}

/** The least bytes in which two's complement holds so many digits; readers expect exactly these. */
function bytesFor(precision: number): number {
  let bytes = 1
  while (2n ** BigInt(8 * bytes - 1) <= 10n ** BigInt(precision) - 1n) bytes++
  return bytes
}
