import { crc32 } from 'node:zlib'
import { CheckpointCorruptError } from '../../errors.ts'
import type { FoundFile } from './listing.ts'

/** A file that was seen. Files are counted in the order in which they were found; a new version of a file counts anew. */
export interface SeenFile extends FoundFile {
  readonly ordinal: number
}

/** What a file of the log holds: an entry the files that were found at once, a snapshot all that aren't forgotten. */
export interface SeenText {
  /** How many files there were before: in a snapshot, with those in it. */
  readonly count: number
  readonly files: readonly SeenFile[]
  /** By ordinal, since when a file is gone (milliseconds since 1970). Snapshots only. */
  readonly gone: ReadonlyMap<number, number>
}

type Line = readonly [ordinal: number, path: string, size: number, modified: number, gone: number | null]

/** Three lines: the version, JSON, the CRC-32 of that line. */
export function encodeSeen({ count, files, gone }: SeenText): string {
  const lines = files.map(
    ({ ordinal, path, size, modified }): Line => [ordinal, path, size, modified, gone.get(ordinal) ?? null],
  )
  const body = JSON.stringify({ count, files: lines })
  return `v1\n${body}\n${crc32(body).toString(16)}\n`
}

/** @throws CheckpointCorruptError naming the file. */
export function decodeSeen(text: string, where: string): SeenText {
  const refuse = (found: string, cause?: unknown) =>
    new CheckpointCorruptError(`${where}: expected a whole list of seen files, version v1, found ${found}`, { cause })
  const [version, body = '', sum] = text.split('\n')
  if (version !== 'v1') throw refuse('something else, or a newer version')
  if (sum !== crc32(body).toString(16)) throw refuse('another CRC-32')
  let seen: unknown
  try {
    seen = JSON.parse(body)
  } catch (cause) {
    throw refuse('what is no JSON', cause)
  }
  if (!isSeen(seen)) throw refuse('another shape')
  return {
    count: seen.count,
    files: seen.files.map(([ordinal, path, size, modified]) => ({ ordinal, path, size, modified })),
    gone: new Map(seen.files.flatMap(([ordinal, , , , gone]) => (gone === null ? [] : [[ordinal, gone] as const]))),
  }
}

function isSeen(value: unknown): value is { readonly count: number; readonly files: readonly Line[] } {
  if (typeof value !== 'object' || value === null || !('count' in value) || !('files' in value)) return false
  return isCount(value.count) && Array.isArray(value.files) && value.files.every(isLine)
}

function isLine(value: unknown): value is Line {
  if (!Array.isArray(value) || value.length !== 5) return false
  const [ordinal, path, size, modified, gone] = value as readonly unknown[]
  const isKnown = isCount(ordinal) && typeof path === 'string' && isCount(size)
  return isKnown && Number.isFinite(modified) && (gone === null || Number.isFinite(gone))
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
