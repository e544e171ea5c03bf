import { RowError } from '../../errors.ts'
import { jsonText } from '../../json-text.ts'

/** The bytes of a message, and what they are. */
export interface OutgoingContent {
  readonly content: Buffer
  readonly contentType: string
}

/**
 * Bytes as they are; a string as UTF-8; anything else as JSON, in the forms of {@link jsonText}.
 * @throws RowError for what JSON can't hold.
 */
export function outgoingContent(owner: string, body: unknown): OutgoingContent {
  if (body instanceof Uint8Array) return { content: bytesOf(body), contentType: 'application/octet-stream' }
  if (typeof body === 'string') return { content: Buffer.from(body), contentType: 'text/plain' }
  if (body === undefined) throw new RowError(`${owner}: option "content" gave nothing; a message without content is ""`)
  return { content: Buffer.from(jsonOf(owner, body)), contentType: 'application/json' }
}

function jsonOf(owner: string, body: unknown): string {
  try {
    return jsonText(body)
  } catch (error) {
    throw error instanceof RowError ? new RowError(`${owner}: ${error.message}`, { cause: error.cause }) : error
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}
