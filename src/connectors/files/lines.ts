import { FileRefusedError } from '../../errors.ts'

/** Whole lines, and where they begin in the (uncompressed) file. Each ends with `\n`, but for a last one that has no end. */
export interface LineBlock {
  readonly bytes: Buffer
  readonly offset: number
}

/** Which lines: those whose first byte lies in `[from, to)`. So slices that tile a file have each line once, wherever they cut it. */
export interface LineRange {
  readonly from: number
  readonly to: number
  /** A longer line, in bytes, is an error. */
  readonly longest: number
  /** For the error. */
  readonly path: string
}

const newline = 0x0a
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** Where the bytes for a slice begin: one byte earlier tells whether a line begins at its first. */
export function firstByte(from: number): number {
  return Math.max(0, from - 1)
}

/**
 * Cuts bytes at the ends of lines. `\n` is never a part of another character in UTF-8, so no text is needed for it.
 * A byte order mark at the beginning of the file is left out.
 * @param bytes from {@link firstByte} on.
 * @throws FileRefusedError for a line that is too long.
 */
export async function* lineBlocks(
  bytes: AsyncIterable<Buffer>,
  { from, to, longest, path }: LineRange,
): AsyncGenerator<LineBlock> {
  let skipping = from > 0
  let held: Buffer[] = []
  let heldBytes = 0
  /** Of the first byte that is held, or of the next one. */
  let offset = firstByte(from)

  for await (let chunk of bytes) {
    if (skipping) {
      const end = chunk.indexOf(newline)
      offset += end < 0 ? chunk.length : end + 1
      if (end < 0) {
        if (offset - from > longest) throw tooLong(path, from, longest)
        continue
      }
      skipping = false
      chunk = chunk.subarray(end + 1)
    }
    if (heldBytes === 0 && offset >= to) return
    // The last line of the slice ends at the first end of a line from the slice's last byte on.
    const last = to - 1 - offset - heldBytes
    const atEnd = last < chunk.length ? chunk.indexOf(newline, Math.max(0, last)) : -1
    const end = atEnd >= 0 ? atEnd : chunk.lastIndexOf(newline)
    if (end >= 0) {
      const whole = chunk.subarray(0, end + 1)
      yield { bytes: held.length === 0 ? whole : Buffer.concat([...held, whole]), offset }
      offset += heldBytes + whole.length
      if (atEnd >= 0) return
      chunk = chunk.subarray(end + 1)
      held = []
      heldBytes = 0
    }
    if (chunk.length > 0) {
      held.push(chunk)
      heldBytes += chunk.length
      if (heldBytes > longest) throw tooLong(path, offset, longest)
    }
  }
  if (heldBytes > 0 && !skipping && offset < to) yield { bytes: Buffer.concat(held), offset }
}

/** The block without a byte order mark. */
export function withoutMark({ bytes, offset }: LineBlock): LineBlock {
  const marked = offset === 0 && bytes.subarray(0, 3).equals(byteOrderMark)
  return marked ? { bytes: bytes.subarray(3), offset: 3 } : { bytes, offset }
}

function tooLong(path: string, offset: number, longest: number): FileRefusedError {
  return new FileRefusedError(
    `${path}: expected lines of at most ${longest} bytes (option "maxLineBytes"), found a longer one at byte ${offset}`,
  )
}
