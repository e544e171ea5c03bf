import { SchemaError } from '../errors.ts'
import { type DataType, decimalMistake, duplicateName, type Field, type SimpleKind, simpleKinds } from './data-type.ts'
import { parseTypeText } from './ddl-parser.ts'

/** A column as {@link schema} takes it. */
export interface FieldDefinition {
  readonly name: string
  readonly type: TypeDefinition
  /** @default true */
  readonly nullable?: boolean
  readonly comment?: string
}

/** A type: the text of its DDL, or an object. Nested types are either again. */
export type TypeDefinition =
  | string
  | { readonly kind: SimpleKind }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'varchar' | 'char'; readonly length: number }
  | { readonly kind: 'array'; readonly element: TypeDefinition }
  | { readonly kind: 'map'; readonly value: TypeDefinition }
  | { readonly kind: 'struct'; readonly fields: readonly FieldDefinition[] }

/**
 * The fields of a structured definition, checked.
 * @throws SchemaError that names the field and what was expected.
 */
export function defineFields(definitions: unknown, where = 'schema'): readonly Field[] {
  if (!Array.isArray(definitions))
    throw new SchemaError(`${where}: expected a DDL text or an array of fields, found ${typeof definitions}`)
  const fields = definitions.map((definition: unknown, index) =>
    defineField(definition, `${where}: field ${index}`, where),
  )
  const duplicate = duplicateName(fields)
  if (duplicate !== undefined)
    throw new SchemaError(`${where}: column ${JSON.stringify(duplicate)} stands twice (letter case doesn't count)`)
  return fields
}

function defineField(definition: unknown, place: string, parent: string): Field {
  const {
    name,
    type,
    nullable = true,
    comment,
  } = properties(definition, ['name', 'type', 'nullable', 'comment'], place)
  if (typeof name !== 'string' || name === '') throw new SchemaError(`${place}: expected a name that is not empty`)
  const where = `${parent}: column ${JSON.stringify(name)}`
  if (typeof nullable !== 'boolean') throw new SchemaError(`${where}: nullable must be true or false`)
  if (comment !== undefined && typeof comment !== 'string')
    throw new SchemaError(`${where}: the comment must be a string`)
  const field = { name, type: defineType(type, where), nullable }
  return comment === undefined ? field : { ...field, comment }
}

function defineType(definition: unknown, where: string): DataType {
  if (typeof definition === 'string') return parseTypeText(definition, where)
  if (typeof definition !== 'object' || definition === null || !('kind' in definition)) {
    throw new SchemaError(`${where}: expected a type: the text of its DDL, or an object with a kind`)
  }
  switch (definition.kind) {
    case 'decimal':
      return defineDecimal(properties(definition, ['kind', 'precision', 'scale'], where), where)
    case 'varchar':
    case 'char':
      return { kind: definition.kind, length: defineLength(properties(definition, ['kind', 'length'], where), where) }
    case 'array':
      return { kind: 'array', element: defineType(properties(definition, ['kind', 'element'], where).element, where) }
    case 'map':
      return { kind: 'map', value: defineType(properties(definition, ['kind', 'value'], where).value, where) }
    case 'struct':
      return { kind: 'struct', fields: defineFields(properties(definition, ['kind', 'fields'], where).fields, where) }
  }
  const { kind } = properties(definition, ['kind'], where)
  const simple = simpleKinds.find((candidate) => candidate === kind)
  if (simple === undefined) throw new SchemaError(`${where}: unknown kind of type ${JSON.stringify(kind)}`)
  return { kind: simple }
}

function defineDecimal({ precision, scale }: Properties, where: string): DataType {
  const mistake = decimalMistake(precision, scale)
  if (mistake !== undefined) throw new SchemaError(`${where}: expected ${mistake} of a decimal`)
  return { kind: 'decimal', precision: Number(precision), scale: Number(scale) }
}

function defineLength({ length }: Properties, where: string): number {
  if (!Number.isSafeInteger(length) || Number(length) < 0)
    throw new SchemaError(`${where}: expected a length, an integer from 0`)
  return Number(length)
}

type Properties = Readonly<Record<string, unknown>>

/** The properties of an object; one that isn't `known` is an error, since a misspelt `nullable` would pass for `true`. */
function properties(value: unknown, known: readonly string[], where: string): Properties {
  if (typeof value !== 'object' || value === null)
    throw new SchemaError(`${where}: expected an object, found ${value === null ? 'null' : typeof value}`)
  for (const name of Object.keys(value)) {
    if (!known.includes(name))
      throw new SchemaError(`${where}: unknown property ${JSON.stringify(name)}; known are ${known.join(', ')}`)
  }
  return { ...value }
}
