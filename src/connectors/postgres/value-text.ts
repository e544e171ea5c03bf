import type { LeafType } from '../../schema/leaf-check.ts'
import { dateText, earliestMs, timestampWriter } from './time-text.ts'

/** Makes the error that says why a value can't be written. */
export type Refuse = (why: string) => Error

/** A value that isn't null, as PostgreSQL's input function of its type takes it. */
export type ValueText = (value: unknown) => string

/** Whether no text of this type can hold what has a meaning in a COPY or in an array. */
export function isBare({ kind }: LeafType): boolean {
  return !['string', 'varchar', 'char', 'decimal', 'binary'].includes(kind)
}

/**
 * Makes the writer of one type's values.
 * @param refuse makes the error for a value of another type, and for what PostgreSQL can't hold.
 */
export function leafText(type: LeafType, refuse: Refuse): ValueText {
  switch (type.kind) {
    case 'boolean':
      return (value) => {
        if (typeof value !== 'boolean') throw refuse('expected a boolean')
        return value ? 't' : 'f'
      }
    case 'tinyint':
    case 'smallint':
    case 'int':
      return (value) => {
        if (!Number.isInteger(value)) throw refuse('expected an integer')
        return Object.is(value, -0) ? '0' : String(value)
      }
    case 'bigint':
      return (value) => {
        if (typeof value !== 'bigint') throw refuse('expected a bigint')
        return String(value)
      }
    case 'float':
    case 'double':
      return (value) => {
        if (typeof value !== 'number') throw refuse('expected a number')
        return Object.is(value, -0) ? '-0' : String(value)
      }
    case 'decimal':
    case 'string':
    case 'varchar':
    case 'char':
      return (value) => {
        if (typeof value !== 'string') throw refuse('expected a string')
        return storable(value, refuse)
      }
    case 'binary':
      return (value) => {
        if (!(value instanceof Uint8Array)) throw refuse('expected bytes')
        return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
      }
    case 'date':
      return (value) => dateText(knownTime(value, refuse))
    case 'timestamp': {
      const text = timestampWriter()
      return (value) => text(knownTime(value, refuse))
    }
  }
}

/** The same text, unless PostgreSQL would refuse it or something else would arrive there. */
export function storable(text: string, refuse: Refuse): string {
  if (text.includes('\0')) throw refuse('PostgreSQL can not hold the character NUL (U+0000) in a text')
  if (!text.isWellFormed()) throw refuse('the text has half of a surrogate pair, which no UTF-8 can hold')
  return text
}

function knownTime(value: unknown, refuse: Refuse): Date {
  if (!(value instanceof Date) || Number.isNaN(value.getTime())) throw refuse('expected a valid Date')
  if (value.getTime() < earliestMs) throw refuse('PostgreSQL knows no time before 4714 BC')
  return value
}
