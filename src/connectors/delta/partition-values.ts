import { createHash } from 'node:crypto'
import { DeltaTableError, RowError } from '../../errors.ts'
import type { DataType, Field } from '../../schema/data-type.ts'

/** Turns a value that isn't null into the text that stands for it in the log. */
export type Serialize = (value: unknown) => string

/** @returns undefined for a type that a table can't be partitioned by here. */
export function serializerOf(type: DataType): Serialize | undefined {
  switch (type.kind) {
    case 'boolean':
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'bigint':
    case 'string':
    case 'varchar':
    case 'char':
      return String
    case 'decimal':
      return (value) => normalDecimal(value as string, type.scale)
    case 'date':
      return (value) => isoText(value as Date).slice(0, 10)
    case 'timestamp':
      // With the zone: without one Spark takes it for a time of its session.
      return (value) => `${isoText(value as Date).slice(0, -1)}000Z`
    default:
      return undefined
  }
}

/** Readers of other makers know four digits of a year, and some of them no year 0: one such value keeps delta-rs from reading the table. */
function isoText(value: Date): string {
  const text = value.toISOString()
  if (text.length === 24 && !text.startsWith('0000')) return text
  throw new RowError('a date before the year 1 or after 9999 can not be the value of a partition')
}

/** One text for one number, or equal rows would come to stand in two partitions. */
function normalDecimal(text: string, scale: number): string {
  const [, sign = '', whole = '', fraction = ''] = /^([+-]?)0*(\d*)(?:\.(\d*))?$/.exec(text) ?? []
  const digits = `${whole === '' ? '0' : whole}${scale === 0 ? '' : `.${fraction.slice(0, scale).padEnd(scale, '0')}`}`
  return sign === '-' && /[1-9]/.test(digits) ? `-${digits}` : digits
}

/** Turns the text of a partition value into what a row has. An empty text is null, as the protocol has it. @param where for the error */
export function parseValue(type: DataType, text: string | null | undefined, where: string): unknown {
  if (text === null || text === undefined || text === '') return null
  const value = parsed(type, text)
  if (value === undefined)
    throw new DeltaTableError(
      `${where}: expected a partition value of type ${type.kind}, found ${JSON.stringify(text)}`,
    )
  return value
}

function parsed(type: DataType, text: string): unknown {
  switch (type.kind) {
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'tinyint':
    case 'smallint':
    case 'int': {
      const value = integerOf(text, bitsOf[type.kind])
      return value === undefined ? undefined : Number(value)
    }
    case 'float':
    case 'double':
      return /^(?:NaN|[+-]?(?:Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))$/.test(text) ? Number(text) : undefined
    case 'bigint':
      return integerOf(text, bitsOf.bigint)
    case 'decimal':
      return isDecimal(text, type) ? normalDecimal(text, type.scale) : undefined
    case 'date':
      return validDate(`${text}T00:00:00Z`)
    case 'timestamp': {
      // Spark's older form has a space and no zone; it means UTC where its session does.
      const [, day, time, zone] =
        /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? []
      return day === undefined ? undefined : validDate(`${day}T${time}${zone ?? 'Z'}`)
    }
    case 'string':
    case 'varchar':
    case 'char':
      return text
    default:
      return undefined
  }
}

const bitsOf = { tinyint: 8, smallint: 16, int: 32, bigint: 64 } as const

/** A text that stands for no integer of so many bits stands for none. */
function integerOf(text: string, bits: number): bigint | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined
  const value = BigInt(text.replace(/^\+/, ''))
  return value === BigInt.asIntN(bits, value) ? value : undefined
}

/** Whether a number has no more digits than its type, before the point and after it. */
function isDecimal(
  text: string,
  { precision, scale }: { readonly precision: number; readonly scale: number },
): boolean {
  const [, whole, fraction = ''] = /^[+-]?0*(\d*)(?:\.(\d*))?$/.exec(text) ?? []
  return (
    /\d/.test(text) && whole !== undefined && whole.length <= precision - scale && !/[1-9]/.test(fraction.slice(scale))
  )
}

function validDate(text: string): Date | undefined {
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? undefined : date
}

/** Bytes in the name of one folder, at most. Most systems allow 255. */
const longestName = 200

/**
 * The folder of a partition, below the table's: `station=New%20York/day=2026-11-01`. Only for people to look at; readers go by the log. ASCII alone, so that
 * no file system and no reader takes it for another name.
 */
export function folderOf(names: readonly string[], values: readonly (string | null)[]): string {
  return names.map((name, index) => shortened(`${encoded(name)}=${folderValue(values[index])}`)).join('/')
}

function folderValue(value: string | null | undefined): string {
  return value === null || value === undefined ? '__HIVE_DEFAULT_PARTITION__' : encoded(value)
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*~]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function shortened(name: string): string {
  if (name.length <= longestName) return name
  return `${name.slice(0, longestName - 33).replace(/%.?$/, '')}-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`
}

/** A path below the table as the log has it: each name percent-encoded once more, for it is a URI. */
export function toLogPath(path: string): string {
  return path
    .split('/')
    .map((name) => encodeURIComponent(name).replaceAll('%3D', '='))
    .join('/')
}

/** A path as it is on disk, of one of the log. @returns undefined for what isn't below the table: an absolute path, another scheme. */
export function fromLogPath(path: string): string | undefined {
  if (path.startsWith('/') || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(path)) return undefined
  try {
    const plain = decodeURIComponent(path)
    const steps = plain.split('/').filter((step) => step !== '' && step !== '.')
    return steps.length === 0 || steps.includes('..') || plain.includes('\0') ? undefined : plain
  } catch {
    return undefined
  }
}

/** Splits the table's columns. @throws DeltaTableError for a column that isn't there, or can't be a partition's. */
export function partitionFields(where: string, fields: readonly Field[], names: readonly string[]): readonly Field[] {
  return names.map((name) => {
    const field = fields.find((one) => one.name === name)
    if (field === undefined)
      throw new DeltaTableError(`${where}: it is partitioned by ${JSON.stringify(name)}, which is none of its columns`)
    return field
  })
}
