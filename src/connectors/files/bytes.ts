import type { FileHandle } from 'node:fs/promises'
import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { describeError, FileRefusedError } from '../../errors.ts'

/** How a file is compressed. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'brotli'

const byEnding: Readonly<Record<string, Compression>> = { gz: 'gzip', zst: 'zstd', br: 'brotli' }

/** What a file's name says: `.gz`, `.zst`, `.br`. */
export function compressionOf(path: string): Compression {
  return byEnding[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'none'
}

const blockBytes = 256 * 1024

/** The bytes of a file from `from` to its planned end, read at the pace at which they are asked for. */
export async function* fileBytes(
  handle: FileHandle,
  from: number,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for (let at = from; at < size; ) {
    signal.throwIfAborted()
    // A fresh buffer each: what is cut out of it lives on.
    const { bytesRead, buffer } = await handle.read({
      buffer: Buffer.allocUnsafeSlow(Math.min(blockBytes, size - at)),
      position: at,
    })
    if (bytesRead === 0) return // it became shorter, which the check after the read finds
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

const decompressors = {
  gzip: createGunzip,
  zstd: createZstdDecompress,
  brotli: createBrotliDecompress,
} as const satisfies Record<Exclude<Compression, 'none'>, (options: { chunkSize: number }) => Decompressor>

/** `bytesWritten`: how many bytes it has made use of, of those that it was given. */
type Decompressor = Transform & { readonly bytesWritten: number }

/**
 * The decompressed bytes, off the event loop. A file may be several such files one after the other (gzip's members, zstd's frames).
 * @param path for the error.
 * @throws FileRefusedError for a file that is cut short or isn't so compressed.
 */
export async function* decompressed(
  bytes: AsyncIterable<Buffer>,
  compression: Compression,
  path: string,
): AsyncGenerator<Buffer> {
  if (compression === 'none') {
    yield* bytes
    return
  }
  const failed: { source?: unknown } = {}
  const source = remember(bytes, failed)
  let rest: Buffer | undefined
  try {
    do {
      const stream = decompressors[compression]({ chunkSize: blockBytes })
      const fed = feed(stream, source, rest).catch((error: Error) => void stream.destroy(error))
      try {
        yield* stream as AsyncIterable<Buffer>
        rest = restOf(compression, (await fed) ?? Buffer.alloc(0))
      } finally {
        stream.destroy()
      }
      if (rest !== undefined && compression === 'brotli') throw new Error('something else behind its end')
    } while (rest !== undefined)
  } catch (error) {
    if ('source' in failed) throw failed.source
    throw new FileRefusedError(`${path}: expected a whole ${compression} file, found ${describeError(error)}`, {
      cause: error,
    })
  }
}

/** gzip pads with zeros, which are nothing. */
function restOf(compression: Compression, left: Buffer): Buffer | undefined {
  const from = compression === 'gzip' ? left.findIndex((byte) => byte !== 0) : left.length === 0 ? -1 : 0
  return from < 0 ? undefined : left.subarray(from)
}

/**
 * Node's stream reads gzip to the end of the last member. Of the others it ends where it finds an end and more bytes behind it, and drops those without a word: they are
 * what this answers with, for a stream of their own.
 */
async function feed(
  stream: Decompressor,
  source: AsyncIterator<Buffer>,
  first: Buffer | undefined,
): Promise<Buffer | undefined> {
  for (let chunk = first ?? (await next(source)); chunk !== undefined; chunk = await next(source)) {
    const before = stream.bytesWritten
    await written(stream, chunk)
    const taken = stream.bytesWritten - before
    if (stream.destroyed) return undefined
    if (taken < chunk.length) return chunk.subarray(taken)
  }
  stream.end()
  return undefined
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

async function* remember(bytes: AsyncIterable<Buffer>, failed: { source?: unknown }): AsyncGenerator<Buffer> {
  try {
    yield* bytes
  } catch (error) {
    failed.source = error
    throw error
  }
}
