import type { Transform } from 'node:stream'

/** A stream of `node:zlib`. `bytesWritten`: how many bytes it has made use of, of those that it was given. */
export type Decompressor = Transform & { readonly bytesWritten: number }

/**
 * The decompressed bytes of what may be several compressed ones one after the other, such as zstd's frames.
 *
 * Node's stream ends where it finds an end with more bytes behind it in one write, and drops those without a word; here they go into a stream of their own.
 * @param restOf what counts of bytes behind an end; it may throw.
 */
export async function* partsOf(
  bytes: AsyncIterable<Buffer>,
  make: () => Decompressor,
  restOf: (left: Buffer) => Buffer,
): AsyncGenerator<Buffer> {
  const source = bytes[Symbol.asyncIterator]()
  let rest: Buffer | undefined
  do {
    const stream = make()
    const fed = feed(stream, source, rest).catch((error: Error) => {
      stream.destroy(error)
      return none
    })
    try {
      yield* stream as AsyncIterable<Buffer>
      rest = restOf(await fed)
    } finally {
      stream.destroy()
    }
  } while (rest.length > 0)
}

const none = Buffer.alloc(0)

/** @returns what it left. */
async function feed(stream: Decompressor, source: AsyncIterator<Buffer>, first: Buffer | undefined): Promise<Buffer> {
  for (let chunk = first ?? (await next(source)); chunk !== undefined; chunk = await next(source)) {
    const before = stream.bytesWritten
    await written(stream, chunk)
    const taken = stream.bytesWritten - before
    if (taken < chunk.length) return chunk.subarray(taken)
  }
  stream.end()
  return none
}

async function next(source: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  const { done, value } = await source.next()
  return done === true ? undefined : value
}

/** Settles when the stream is done with the bytes, or with all; its errors come to who reads it. */
function written(stream: Decompressor, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off('close', done)
      resolve()
    }
    stream.once('close', done)
    stream.write(bytes, done)
  })
}
