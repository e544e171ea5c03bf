import type { DataType } from '../../schema/data-type.ts'
import { leafText, type Refuse, storable } from './value-text.ts'

/** A value that isn't null, as JSON. */
type JsonText = (value: unknown) => string

/**
 * Makes the writer of one type's values as JSON: bigints and decimals as numbers with all their digits (PostgreSQL's jsonb keeps them),
 * times as ISO 8601, bytes as base64.
 * @param refuse makes the error for a value that JSON, or PostgreSQL, can't hold.
 */
export function jsonText(type: DataType, refuse: Refuse): JsonText {
  switch (type.kind) {
    case 'array': {
      const element = orNull(jsonText(type.element, refuse))
      return (value) => {
        if (!Array.isArray(value)) throw refuse('expected an array')
        return `[${value.map(element).join(',')}]`
      }
    }
    case 'map': {
      const item = orNull(jsonText(type.value, refuse))
      return (value) => {
        const entries = Object.entries(asObject(value, refuse)).filter(([, each]) => each !== undefined)
        return `{${entries.map(([key, each]) => `${JSON.stringify(storable(key, refuse))}:${item(each)}`).join(',')}}`
      }
    }
    case 'struct': {
      const fields = type.fields.map((field) => ({
        name: field.name,
        head: `${JSON.stringify(storable(field.name, refuse))}:`,
        text: orNull(jsonText(field.type, refuse)),
      }))
      return (value) => {
        const object = asObject(value, refuse)
        return `{${fields.map(({ name, head, text }) => `${head}${text(object[name])}`).join(',')}}`
      }
    }
    case 'string':
    case 'varchar':
    case 'char':
      return (value) => {
        if (typeof value !== 'string') throw refuse('expected a string')
        return JSON.stringify(storable(value, refuse))
      }
    case 'float':
    case 'double':
      return (value) => {
        if (!Number.isFinite(value)) throw refuse('JSON holds no NaN and no infinity')
        return Object.is(value, -0) ? '-0' : String(value)
      }
    case 'boolean':
      return (value) => {
        if (typeof value !== 'boolean') throw refuse('expected a boolean')
        return String(value)
      }
    case 'binary':
      return (value) => {
        if (!(value instanceof Uint8Array)) throw refuse('expected bytes')
        return `"${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')}"`
      }
    case 'decimal':
      return (value) => {
        // JSON has no sign in front of a number, no leading zeros, and digits on both sides of the point.
        const [, sign = '', whole = '', fraction = ''] = /^([+-]?)0*(\d*)(\.\d*)?$/.exec(String(value)) ?? []
        if (typeof value !== 'string' || (whole === '' && !/\d/.test(value))) throw refuse('expected digits')
        return `${sign === '-' ? '-' : ''}${whole === '' ? '0' : whole}${fraction === '.' ? '' : fraction}`
      }
    case 'date':
    case 'timestamp': {
      const text = leafText(type, refuse)
      return (value) => `"${text(value)}"`
    }
    default:
      return leafText(type, refuse)
  }
}

function orNull(text: JsonText): (value: unknown) => string {
  return (value) => (value === null || value === undefined ? 'null' : text(value))
}

function asObject(value: unknown, refuse: Refuse): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw refuse('expected an object')
  return value as Readonly<Record<string, unknown>>
}
