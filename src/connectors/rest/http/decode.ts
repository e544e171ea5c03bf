import { pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib'
import { startOf } from './body-start.ts'

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

/** What {@link decoded} can read, for `accept-encoding`. */
export const acceptEncoding = 'gzip, deflate, br, zstd'

/**
 * A body without its content encodings, in the opposite order of how they were applied. Ending one end ends the other; bytes that are cut short are an error.
 * @returns `undefined` for an encoding that nobody knows here.
 */
export async function decoded(body: Readable, contentEncoding: string | undefined): Promise<Readable | undefined> {
  if (contentEncoding === undefined) return body
  let result = body
  for (const encoding of contentEncoding
    .toLowerCase()
    .split(',')
    .reverse()
    .map((name) => name.trim())) {
    if (encoding === '' || encoding === 'identity') continue
    const start = encoding === 'deflate' ? await startOf(result, 1) : undefined
    const decoder = start === undefined ? decoders[encoding]?.() : inflater(start.bytes)
    if (decoder === undefined) return undefined
    result = pipeline(start?.body ?? result, decoder, () => {}) // its error comes out where it is read
  }
  return result
}

/** By `deflate` RFC 9110 means zlib's format, and some servers mean the bare one (RFC 1951), which never begins like that. */
function inflater([first = 8]: Uint8Array): Transform {
  return (first & 0x0f) === 8 ? createInflate() : createInflateRaw()
}
