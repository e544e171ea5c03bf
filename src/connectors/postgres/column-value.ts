import { RowError } from '../../errors.ts'
import type { DataType, Field } from '../../schema/data-type.ts'
import { carrierOf } from './column-type.ts'
import { quoted } from './names.ts'
import { parseTime } from './time-text.ts'

/** A value that isn't null, from the text that PostgreSQL writes of it. */
type ValueOf = (text: string) => unknown

/** How a column is asked for, and what its texts are. */
export interface ColumnValue {
  readonly name: string
  /** Of the list of columns. */
  readonly expression: string
  readonly value: ValueOf
}

/** Arrays come as JSON: within it all that PostgreSQL's own text of them would need another parser for. */
export function columnValues(owner: string, fields: readonly Field[]): readonly ColumnValue[] {
  return fields.map(({ name, type }) => {
    const refuse = (why: string) => new RowError(`${owner}: column ${JSON.stringify(name)}: ${why}`)
    const carrier = carrierOf(type)
    if (carrier === 'plain') return { name, expression: quoted(name), value: leafValue(type, refuse) }
    const convert = orNull(jsonValue(type, refuse, carrier === 'array'))
    // In the session's own types: a jsonb column is JSON already.
    const expression = `to_json(${quoted(name)})`
    return { name, expression, value: (text) => convert(JSON.parse(text, keepDigits)) }
  })
}

/** A number of JSON with all its digits. */
class Digits {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

function keepDigits(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? new Digits(context?.source ?? String(value)) : value
}

type Refuse = (why: string) => Error

/** Of PostgreSQL and of JSON: what else `Number` takes for one (nothing, blanks, hexadecimal) is none. */
const numeral = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const noFinite = /^(?:NaN|-?Infinity)$/ // as JavaScript writes them, too
const base64 = /^[A-Za-z0-9+/]*={0,2}$/

/** A text that holds no such value stays a text: then the row doesn't fit its schema, and the mode says what becomes of it. */
function leafValue(type: DataType, refuse: Refuse): ValueOf {
  switch (type.kind) {
    case 'boolean':
      return (text) => (text === 't' || text === 'true' ? true : text === 'f' || text === 'false' ? false : text)
    case 'tinyint':
    case 'smallint':
    case 'int':
      return (text) => (numeral.test(text) ? Number(text) : text)
    case 'double':
      return (text) => (numeral.test(text) || noFinite.test(text) ? Number(text) : text)
    case 'float':
      return (text) => (numeral.test(text) || noFinite.test(text) ? Math.fround(Number(text)) : text)
    case 'bigint':
      return (text) => (/^-?\d+$/.test(text) ? BigInt(text) : text)
    case 'binary':
      return (text) => {
        if (!text.startsWith('\\x')) throw refuse('expected bytea')
        return new Uint8Array(Buffer.from(text.slice(2), 'hex'))
      }
    case 'date':
    case 'timestamp':
      return (text) => {
        const time = parseTime(text)
        if (time === undefined) throw refuse(`expected a ${type.kind} in UTC that a Date can hold`)
        return time
      }
    default:
      return (text) => text
  }
}

/** @param inArray whether it is an element of PostgreSQL's own array: bytes are then as `bytea` is written, else base64. */
function jsonValue(type: DataType, refuse: Refuse, inArray: boolean): (value: unknown) => unknown {
  switch (type.kind) {
    case 'array': {
      const element = orNull(jsonValue(type.element, refuse, inArray))
      return (value) => {
        if (!Array.isArray(value)) throw refuse('expected an array')
        return value.map(element)
      }
    }
    case 'map': {
      const item = orNull(jsonValue(type.value, refuse, false))
      return (value) => Object.fromEntries(entriesOf(value, refuse).map(([key, each]) => [key, item(each)]))
    }
    case 'struct': {
      const fields = type.fields.map((field) => [field.name, orNull(jsonValue(field.type, refuse, false))] as const)
      return (value) => {
        const object = new Map(entriesOf(value, refuse))
        return Object.fromEntries(fields.map(([name, convert]) => [name, convert(object.get(name))]))
      }
    }
    case 'binary':
      return (value) => {
        if (typeof value !== 'string') return value
        if (inArray) return leafValue(type, refuse)(value)
        return base64.test(value) ? new Uint8Array(Buffer.from(value, 'base64')) : value
      }
    default: {
      const leaf = leafValue(type, refuse)
      return (value) => {
        if (value instanceof Digits) return leaf(value.text)
        return typeof value === 'string' || typeof value === 'boolean' ? leaf(String(value)) : value
      }
    }
  }
}

function orNull(convert: (value: unknown) => unknown): (value: unknown) => unknown {
  return (value) => (value === null || value === undefined ? null : convert(value))
}

function entriesOf(value: unknown, refuse: Refuse): [string, unknown][] {
  if (typeof value !== 'object' || value === null || value instanceof Digits) throw refuse('expected an object')
  return Object.entries(value)
}
