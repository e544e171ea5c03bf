import { pipeline, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib'
import { startOf } from './body-start.ts'

const decoders: Readonly<Record<string, (start: Uint8Array) => Transform>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  // By this RFC 9110 means zlib's format, and some servers mean the bare one (RFC 1951), which never begins like that.
  deflate: ([first = 0]) => ((first & 0x0f) === 8 ? createInflate() : createInflateRaw()),
  br: () => createBrotliDecompress(),
  // zstd is none of them: what stands behind the first frame of a write Node drops without a word.
}

/** What {@link decoded} can read, for `accept-encoding`. */
export const acceptEncoding = 'gzip, deflate, br'

/**
 * A body without its content encodings, in the opposite order of how they were applied. Ending one end ends the other; bytes that are cut short are an error,
 * but no bytes at all are an empty body, whatever the encoding says, where the answer told how long it is; else it fails, too.
 * @param isLengthTold whether it doesn't just go on until the connection ends.
 * @returns `undefined` for an encoding that nobody knows here.
 */
export async function decoded(
  body: Readable,
  contentEncoding: string | undefined,
  isLengthTold: boolean,
): Promise<Readable | undefined> {
  if (contentEncoding === undefined) return body
  const encodings = contentEncoding.split(',').map((name) => name.trim().toLowerCase())
  let result = body
  for (const encoding of encodings.reverse()) {
    if (encoding === '' || encoding === 'identity') continue
    const decoder = decoders[encoding]
    if (decoder === undefined) return undefined
    const start = await startOf(result, 1)
    if (start.bytes.length === 0) {
      return isLengthTold || result !== body ? start.body : start.body.destroy(new Error('the connection ended first'))
    }
    result = pipeline(start.body, decoder(start.bytes), () => {}) // its error comes out where it is read
  }
  return result
}
