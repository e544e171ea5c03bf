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
  const [version, body = '', sum] = text.split('\n')
  if (version !== 'v1' || sum !== crc32(body).toString(16))
    throw new CheckpointCorruptError(
      `${where}: expected a whole list of seen files, version v1, found ${version === 'v1' ? 'another CRC-32' : 'something else, or a newer version'}`,
    )
  const { count, files } = JSON.parse(body) as { readonly count: number; readonly files: readonly Line[] }
  return {
    count,
    files: files.map(([ordinal, path, size, modified]) => ({ ordinal, path, size, modified })),
    gone: new Map(files.flatMap(([ordinal, , , , gone]) => (gone === null ? [] : [[ordinal, gone] as const]))),
  }
}
