import { nodeV8, nodeZlib } from '../builtins.ts'
import { CheckpointCorruptError, describeError } from '../errors.ts'

const magic = 0x736c6a31 // "slj1"
const headerBytes = 12

/**
 * Rows as bytes: a header of twelve bytes (mark, length and CRC-32 of the rest, big-endian) and V8's structured-clone format,
 * which keeps dates, bigints, byte arrays, maps and `undefined` as they are and is readable by later versions of Node.
 */
export function encodeJournal(rows: readonly unknown[]): Uint8Array {
  const body = nodeV8().serialize(rows)
  const bytes = Buffer.allocUnsafe(headerBytes + body.length)
  bytes.writeUInt32BE(magic, 0)
  bytes.writeUInt32BE(body.length, 4)
  bytes.writeUInt32BE(nodeZlib().crc32(body), 8)
  body.copy(bytes, headerBytes)
  return bytes
}

/**
 * The rows of one journal record.
 * @param where named in the error: a file, a table row.
 * @throws CheckpointCorruptError when the bytes are cut short, changed, or not a journal.
 */
export function decodeJournal(bytes: Uint8Array, where: string): readonly unknown[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const whole =
    view.length >= headerBytes && view.readUInt32BE(0) === magic && view.readUInt32BE(4) === view.length - headerBytes
  const body = view.subarray(headerBytes)
  if (!whole || view.readUInt32BE(8) !== nodeZlib().crc32(body)) {
    throw new CheckpointCorruptError(
      `${where}: expected a whole journal record (mark, length and CRC-32), found ${view.length} other bytes`,
    )
  }
  const rows = rowsOf(body, where)
  if (!Array.isArray(rows)) throw new CheckpointCorruptError(`${where}: expected an array of rows`)
  return rows
}

/** Whole bytes may still be of a format that this version of Node doesn't know. */
function rowsOf(body: Uint8Array, where: string): unknown {
  try {
    return nodeV8().deserialize(body)
  } catch (cause) {
    throw new CheckpointCorruptError(
      `${where}: expected rows in a format of V8 that this version of Node reads, found: ${describeError(cause)}`,
      { cause },
    )
  }
}
