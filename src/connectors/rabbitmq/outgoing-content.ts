import { RowError } from '../../errors.ts'

/** The bytes of a message, and what they are. */
export interface OutgoingContent {
  readonly content: Buffer
  readonly contentType: string
}

/**
 * Bytes as they are; a string as UTF-8; anything else as JSON, with dates as ISO 8601 in UTC, bytes in base64 and bigints as strings of digits.
 * @throws RowError for what JSON would turn into `null` or drop: NaN, infinities, invalid dates, functions, symbols, maps, sets.
 */
export function outgoingContent(owner: string, body: unknown): OutgoingContent {
  if (body instanceof Uint8Array) return { content: bytesOf(body), contentType: 'application/octet-stream' }
  if (typeof body === 'string') return { content: Buffer.from(body), contentType: 'text/plain' }
  if (body === undefined) throw new RowError(`${owner}: option "content" gave nothing; a message without content is ""`)
  return { content: Buffer.from(jsonOf(owner, body)), contentType: 'application/json' }
}

function jsonOf(owner: string, body: unknown): string {
  // `this` holds the value as it was before its own toJSON.
  function plain(this: Readonly<Record<string, unknown>>, key: string, converted: unknown): unknown {
    const value = this[key]
    if (typeof value === 'bigint') return String(value)
    if (value instanceof Uint8Array) return bytesOf(value).toString('base64')
    const unfit = whyUnfit(value)
    if (unfit !== undefined) {
      const where = key === '' ? 'the content' : JSON.stringify(key)
      throw new RowError(`${owner}: ${where} is ${unfit}, which JSON can't hold`)
    }
    return converted
  }
  try {
    return JSON.stringify(body, plain)
  } catch (error) {
    throw error instanceof RowError ? error : new RowError(`${owner}: a row can't be written as JSON`, { cause: error })
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function whyUnfit(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid date' : undefined
  if (value instanceof Map || value instanceof Set || ArrayBuffer.isView(value)) return `a ${value.constructor.name}`
  return undefined
}
