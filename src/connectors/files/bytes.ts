import type { FileHandle } from 'node:fs/promises'
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { describeError, FileRefusedError } from '../../errors.ts'
import { type Decompressor, partsOf } from '../records/compressed-parts.ts'

/** How a file is compressed. */
export type Compression = 'none' | 'gzip' | 'zstd' | 'brotli'

const byEnding: Readonly<Record<string, Compression>> = { gz: 'gzip', zst: 'zstd', br: 'brotli' }

/** What a file's name says: `.gz`, `.zst`, `.br`. */
export function compressionOf(path: string): Compression {
  return byEnding[/\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? ''] ?? 'none'
}

const blockBytes = 256 * 1024

/**
 * The bytes of a file from `from` to its planned end, read at the pace at which they are asked for: one block ahead, so that the disk isn't waited for while the last one is worked on.
 * The handle must be closed by whoever opened it; its `close` waits for the block that is under way.
 */
export async function* fileBytes(
  handle: FileHandle,
  from: number,
  size: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const blockAt = (at: number): Promise<Buffer> | undefined => {
    if (at >= size) return undefined
    const block = readBlock(handle, at, Math.min(blockBytes, size - at))
    block.catch(() => {}) // told to whoever asks for it, and nobody may
    return block
  }
  let at = from
  for (let next = blockAt(at); next !== undefined; ) {
    signal.throwIfAborted()
    const block = await next
    if (block.length === 0) return // it became shorter, which the check after the read finds
    at += block.length
    next = blockAt(at)
    yield block
  }
}

async function readBlock(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  // A fresh buffer each: what is cut out of it lives on.
  const { bytesRead, buffer } = await handle.read({ buffer: Buffer.allocUnsafeSlow(length), position })
  return buffer.subarray(0, bytesRead)
}

const decompressors = {
  gzip: createGunzip,
  zstd: createZstdDecompress,
  brotli: createBrotliDecompress,
} as const satisfies Record<Exclude<Compression, 'none'>, (options: { chunkSize: number }) => Decompressor>

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
  const restOf = { gzip: withoutZeros, zstd: (left: Buffer) => left, brotli: refuseMore }[compression]
  try {
    yield* partsOf(remember(bytes, failed), () => decompressors[compression]({ chunkSize: blockBytes }), restOf)
  } catch (error) {
    if ('source' in failed) throw failed.source
    throw new FileRefusedError(`${path}: expected a whole ${compression} file, found ${describeError(error)}`, {
      cause: error,
    })
  }
}

/** gzip pads with zeros, which are nothing. */
function withoutZeros(left: Buffer): Buffer {
  const from = left.findIndex((byte) => byte !== 0)
  return left.subarray(from < 0 ? left.length : from)
}

function refuseMore(left: Buffer): Buffer {
  if (left.length > 0) throw new Error('something else behind its end')
  return left
}

async function* remember(bytes: AsyncIterable<Buffer>, failed: { source?: unknown }): AsyncGenerator<Buffer> {
  try {
    yield* bytes
  } catch (error) {
    failed.source = error
    throw error
  }
}
