import { RowError } from '../../errors.ts'
import type { DataType, Field } from '../../schema/data-type.ts'
import type { LeafType } from '../../schema/leaf-check.ts'
import { carrierOf } from './column-type.ts'
import { jsonText } from './json-text.ts'
import { isBare, leafText, type Refuse, type ValueText } from './value-text.ts'

/** How the values of a column are written. */
export interface ColumnText {
  readonly name: string
  /** A value that isn't null, as the type's input function takes it. */
  readonly text: ValueText
  /** Whether that text never holds what has a meaning in a COPY or in an array. */
  readonly bare: boolean
}

/** @param owner whose rows they are: errors begin with it. */
export function columnTexts(owner: string, fields: readonly Field[]): readonly ColumnText[] {
  return fields.map(({ name, type }) => {
    const refuse: Refuse = (why) => new RowError(`${owner}: column ${JSON.stringify(name)}: ${why}`)
    return { name, text: typeText(type, refuse), bare: carrierOf(type) === 'plain' && isBare(type as LeafType) }
  })
}

function typeText(type: DataType, refuse: Refuse): ValueText {
  if (type.kind === 'struct' || type.kind === 'map') return jsonText(type, refuse)
  if (type.kind !== 'array') return leafText(type, refuse)
  if (carrierOf(type) === 'json') return jsonText(type, refuse)
  const element = elementText(type.element as LeafType, refuse)
  return (value) => {
    if (!Array.isArray(value)) throw refuse('expected an array')
    return `{${value.map(element).join(',')}}`
  }
}

/** The text of a value as an element of an array, null as well. */
export function elementText(type: LeafType, refuse: Refuse): (value: unknown) => string {
  const text = leafText(type, refuse)
  const bare = isBare(type)
  return (value) => (value === null || value === undefined ? 'NULL' : bare ? text(value) : quotedElement(text(value)))
}

const special = /["\\]/
const specials = /["\\]/g

/** In quotes, in which only two characters have a meaning. */
export function quotedElement(text: string): string {
  return special.test(text) ? `"${text.replace(specials, '\\$&')}"` : `"${text}"`
}
