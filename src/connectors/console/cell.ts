import type { DataType } from '../../schema.ts'

/**
 * A value as one line of text, in the manner of Spark 4: `NULL`, `[1, 2]`, `{a -> 1}` for objects and maps, bytes as `[48 65]`.
 * Dates are ISO 8601 in UTC, without a fraction where it is zero: `2024-05-01T00:00:00Z` just fits 20 characters.
 * A column of the type `date` shows the day alone.
 * Control characters are escaped: what a row holds can't break the table or steer the terminal.
 */
export function cellText(value: unknown, type?: DataType): string {
  const isDay = type?.kind === 'date' && value instanceof Date
  const text = isDay ? isoText(value).replace(/T.*/, '') : plainText(value)
  return text.replace(/\p{Cc}/gu, (character) => named[character] ?? hex(character))
}

function plainText(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value !== 'object') return String(value)
  if (value instanceof Date) return isoText(value)
  if (value instanceof Uint8Array)
    return `[${Buffer.from(value)
      .toString('hex')
      .toUpperCase()
      .replace(/..(?=.)/g, '$& ')}]`
  if (Array.isArray(value)) return `[${value.map(plainText).join(', ')}]`
  const entries = value instanceof Map ? [...value.entries()] : Object.entries(value)
  return `{${entries.map(([key, child]) => `${plainText(key)} -> ${plainText(child)}`).join(', ')}}`
}

function isoText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'Invalid Date' : date.toISOString().replace('.000Z', 'Z')
}

const named: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
  '\v': '\\v',
  '\u0007': '\\a',
}

function hex(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
}
