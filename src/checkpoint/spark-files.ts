import { CheckpointCorruptError } from '../errors.ts'
import { excerpt, formatOffset, parseOffset } from './offset-text.ts'

/** The text of `metadata`: no newline. */
export function formatMetadata(queryId: string): string {
  return JSON.stringify({ id: queryId })
}

export function parseMetadata(text: string, where: string): string {
  const metadata = parseObject(text, where, 'the query\'s id ({"id":"…"})')
  if ('id' in metadata && typeof metadata.id === 'string' && metadata.id !== '') return metadata.id
  throw new CheckpointCorruptError(`${where}: expected the query's id ({"id":"…"}), found ${excerpt(text)}`)
}

/**
 * The text of `offsets/N`: version, batch metadata, one line for each source. No newline at the end.
 * The metadata line is never empty: Spark would not survive it.
 * @param timestampMs when the batch was planned.
 */
export function formatOffsets(timestampMs: number, sources: readonly string[], end: object): string {
  const byName = end as Readonly<Record<string, object>>
  const offsets = sources.length === 1 ? [end] : sources.map((name) => byName[name] as object)
  const metadata = JSON.stringify({ batchWatermarkMs: 0, batchTimestampMs: timestampMs, conf: {} })
  return ['v1', metadata, ...offsets.map((offset) => formatOffset(offset, 'offset'))].join('\n')
}

/** The end offset of a batch: for one source its offset, for several an object by source name. */
export function parseOffsets(text: string, where: string, sources: readonly string[]): object {
  const [version, metadata, ...lines] = text.split('\n')
  assertVersion(version, where)
  if (metadata === undefined)
    throw new CheckpointCorruptError(`${where}: expected the batch's metadata on line 2, found the end of the file`)
  if (metadata !== '') parseObject(metadata, `${where}, line 2`, "the batch's metadata")
  if (lines.length !== sources.length) {
    throw new CheckpointCorruptError(
      `${where}: expected one offset for each source (${sources.join(', ')}), found ${lines.length}`,
    )
  }
  const offsets = lines.map((line, index) => {
    const name = `${where}, line ${index + 3}`
    if (line === '-')
      throw new CheckpointCorruptError(
        `${name}: expected an offset of ${sources[index]}, found "-" (none yet), from which only Spark can go on`,
      )
    return parseOffset(line, name)
  })
  return sources.length === 1
    ? (offsets[0] as object)
    : Object.fromEntries(sources.map((name, index) => [name, offsets[index]]))
}

/** Line 2 of `offsets/N`. Two texts that agree in it were written by the same hand at the same moment. */
export function metadataLine(text: string): string | undefined {
  return text.split('\n')[1]
}

/** The text of `commits/N`. */
export const commitText = 'v1\n{"nextBatchWatermarkMs":0}'

export function checkCommit(text: string, where: string): void {
  const [version, metadata, ...rest] = text.split('\n')
  assertVersion(version, where)
  if (rest.length > 0) throw new CheckpointCorruptError(`${where}: expected two lines, found ${rest.length + 2}`)
  if (metadata !== undefined) parseObject(metadata, `${where}, line 2`, "the commit's metadata") // Spark may leave it out
}

export function assertVersion(line: string | undefined, where: string): void {
  if (line === 'v1') return
  if (line !== undefined && /^v[1-9]\d*$/.test(line)) {
    throw new CheckpointCorruptError(
      `${where}: expected version v1, found ${line}, which is newer than this release reads`,
    )
  }
  throw new CheckpointCorruptError(`${where}: expected version v1 on line 1, found ${excerpt(line ?? '')}`)
}

function parseObject(text: string, where: string, expected: string): object {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new CheckpointCorruptError(`${where}: expected ${expected}, found ${excerpt(text)}`, { cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new CheckpointCorruptError(`${where}: expected ${expected}, found ${excerpt(text)}`)
}
