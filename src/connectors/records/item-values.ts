import type { DataType } from '../../schema.ts'
import { timeOfText } from './times.ts'
import type { Zone } from './zone.ts'

/** What numbers in a column of times count since 1970. */
export type EpochUnit = 'seconds' | 'milliseconds' | 'microseconds' | 'nanoseconds'

export const epochUnits = [
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
] as const satisfies readonly EpochUnit[]

/** What an API leaves unsaid about its times. */
export interface TimeReading {
  /** What numbers count, by column. */
  readonly epoch: Readonly<Record<string, EpochUnit>>
  /** Whose clocks show times that come without a zone. */
  readonly zone: Zone | undefined
}

/** Makes a value of a column of what an item has there, which isn't null. What can't be converted stays as it is. */
export type Convert = (value: unknown) => unknown

/** For the types whose values hold no further values. @param unit what numbers in a column of times count. */
export function leafConverter(
  kind: Exclude<DataType['kind'], 'array' | 'map' | 'struct'>,
  times: TimeReading,
  unit: EpochUnit | undefined,
): Convert {
  switch (kind) {
    case 'boolean':
      return toBoolean
    case 'tinyint':
    case 'smallint':
    case 'int':
      return toInteger
    case 'bigint':
      return toBigInt
    case 'float':
    case 'double':
      return toDouble
    case 'decimal':
      return toDecimal
    case 'string':
    case 'varchar':
    case 'char':
      return toText
    case 'binary':
      return toBytes
    case 'date':
      return toTime(undefined, unit)
    case 'timestamp':
      return toTime(times.zone, unit)
  }
}

/** Converts texts; what isn't one, or can't be converted, stays. */
function ofText(convert: (text: string) => unknown): Convert {
  return (value) => {
    if (typeof value !== 'string') return value
    return value === '' ? null : (convert(value) ?? value)
  }
}

const toBoolean = ofText((text) => (/^true$/i.test(text) ? true : /^false$/i.test(text) ? false : undefined))

const integer = /^[+-]?\d+$/

const textToInteger = ofText((text) => (integer.test(text) ? Number(text) : undefined))
function toInteger(value: unknown): unknown {
  if (typeof value === 'number') return value
  return typeof value === 'bigint' ? Number(value) : textToInteger(value)
}

const textToBigInt = ofText((text) => (integer.test(text) ? BigInt(text.replace('+', '')) : undefined))
function toBigInt(value: unknown): unknown {
  // Beyond 2^53 a number isn't what the API wrote any more.
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  return textToBigInt(value)
}

const textToDouble = ofText((text) => (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined))
function toDouble(value: unknown): unknown {
  if (typeof value === 'number') return value
  return typeof value === 'bigint' ? Number(value) : textToDouble(value)
}

const textToDecimal = ofText(plainDecimal)
function toDecimal(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'bigint' ? plainDecimal(String(value)) : textToDecimal(value)
}

const withExponent = /^([+-]?)(\d*)\.?(\d*)e([+-]?\d{1,4})$/i

/** Without an exponent, which a decimal doesn't have: `1e-7` is `0.0000001`. */
function plainDecimal(text: string): string {
  const [, sign, whole = '', fraction = '', exponent] = withExponent.exec(text) ?? []
  if (sign === undefined || whole + fraction === '') return text
  const point = whole.length + Number(exponent)
  const digits = (whole + fraction).padStart(whole.length + fraction.length - Math.min(0, point), '0')
  const at = Math.max(0, point)
  const integer = digits
    .slice(0, at)
    .padEnd(at, '0')
    .replace(/^0+(?=\d)/, '')
  const rest = digits.slice(at)
  return `${sign}${integer || '0'}${rest === '' ? '' : `.${rest}`}`
}

function toText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' ? String(value) : value
}

const toBytes = ofText(bytesOf)

function bytesOf(text: string): Uint8Array | undefined {
  const plain = text
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/[\r\n]/g, '')
  return /^[A-Za-z0-9+/]*={0,2}$/.test(plain) && plain.replace(/=+$/, '').length % 4 !== 1
    ? new Uint8Array(Buffer.from(plain, 'base64'))
    : undefined
}

const perMs: Readonly<Record<EpochUnit, bigint>> = {
  seconds: 0n,
  milliseconds: 1n,
  microseconds: 1_000n,
  nanoseconds: 1_000_000n,
}

function toTime(zone: Zone | undefined, unit: EpochUnit | undefined): Convert {
  const toDate = (ms: number): Date | undefined => (Math.abs(ms) <= 8.64e15 ? new Date(ms) : undefined)
  const ofIso = ofText((text) => {
    const ms = timeOfText(text, zone)
    return ms === undefined ? undefined : toDate(ms)
  })
  if (unit === undefined) return ofIso
  const ofEpoch = (value: unknown): Date | undefined => {
    if (typeof value === 'bigint')
      return toDate(Number(unit === 'seconds' ? value * 1_000n : floorDiv(value, perMs[unit])))
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
    return toDate(Math.floor(unit === 'seconds' ? roundedMs(value) : value / Number(perMs[unit])))
  }
  return (value) => ofEpoch(typeof value === 'string' ? numberOf(value) : value) ?? ofIso(value)
}

/** Seconds with a fraction: 1.001 · 1000 is 1000.9999999999999 as a double, and one millisecond more in truth. */
function roundedMs(seconds: number): number {
  return Math.round(seconds * 1_000_000) / 1_000
}

function floorDiv(value: bigint, by: bigint): bigint {
  return (value - (((value % by) + by) % by)) / by
}

function numberOf(text: string): number | bigint | undefined {
  if (integer.test(text)) return BigInt(text.replace('+', ''))
  return /^[+-]?\d+\.\d+$/.test(text) ? Number(text) : undefined
}
