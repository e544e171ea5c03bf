import { Readable } from 'node:stream'
import type { HttpResponse } from '../../../../src/connectors/rest/http/types.ts'

/** A response as the client gives it, of text or bytes that arrive as given. */
export function answer(
  body: string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<Uint8Array>,
  contentType: string | undefined = 'application/json',
  status = 200,
): HttpResponse {
  const parts = typeof body === 'string' || body instanceof Uint8Array ? [body] : body
  return {
    status,
    headers: contentType === '' ? {} : { 'content-type': contentType },
    url: 'http://api.test/rows',
    body: Readable.from(bytesOf(parts), { objectMode: false }),
  }
}

async function* bytesOf(parts: Iterable<string | Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const part of parts) yield typeof part === 'string' ? Buffer.from(part) : part
}
