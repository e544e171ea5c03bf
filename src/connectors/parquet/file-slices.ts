import { open } from 'node:fs/promises'
import type { AsyncBuffer } from 'hyparquet'

/** A file as the reader of Parquet wants it, over one handle. */
export async function openParquet(
  path: string,
): Promise<{ readonly buffer: AsyncBuffer; readonly close: () => Promise<void> }> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    const slice = async (start: number, end = size): Promise<ArrayBuffer> => {
      const from = start < 0 ? Math.max(0, size + start) : start
      const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - from))
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, at, bytes.length - at, from + at)
        if (bytesRead === 0) throw new Error(`${path}: it ends after ${from + at} bytes, and has had ${size}`)
        at += bytesRead
      }
      return bytes.buffer
    }
    return { buffer: { byteLength: size, slice }, close: () => handle.close() }
  } catch (error) {
    await handle.close()
    throw error
  }
}
