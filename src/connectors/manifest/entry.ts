import type { Batch } from '../../batch.ts'
import { CheckpointCorruptError, describeError, PortError } from '../../errors.ts'
import { canonicalOffset } from '../../offset.ts'

/** A file of whole lines, by its name in the sink's folder. */
export interface PartFile {
  readonly name: string
  readonly rows: number
  readonly bytes: number
}

/** What the manifest says of one batch. There is never a second entry for the same query, sink and batch. */
export interface Entry {
  readonly version: 1
  readonly queryId: string
  readonly sinkId: string
  readonly batchId: number
  /** Whose writer made the entry. */
  readonly epoch: number
  /** `abandoned`: the query went on without this batch, whose id is not used again. */
  readonly outcome: 'committed' | 'abandoned'
  readonly start?: object
  readonly end?: object
  /** In the order of the partitions; those without rows have none. */
  readonly files: readonly PartFile[]
}

/**
 * @param where the entry's file, named in the error.
 * @param expected what its place in the folder says it is.
 * @throws CheckpointCorruptError
 */
export function parseEntry(text: string, where: string, expected: Partial<Entry>): Entry {
  const refuse = (found: string, cause?: unknown) =>
    new CheckpointCorruptError(`${where}: expected a manifest entry of version 1, found ${found}`, { cause })
  let entry: unknown
  try {
    entry = JSON.parse(text)
  } catch (error) {
    throw refuse(describeError(error), error)
  }
  if (!isEntry(entry)) throw refuse('another shape or a newer version')
  for (const [name, value] of Object.entries(expected)) {
    if (entry[name as keyof Entry] !== value)
      throw refuse(
        `${name} ${JSON.stringify(entry[name as keyof Entry])} where its place says ${JSON.stringify(value)}`,
      )
  }
  return entry
}

/**
 * Two histories under one id: the checkpoint is older than the folder (restored from a copy?), and taking the entry for this batch would lose rows.
 * @throws PortError
 */
export function refuseOtherRange(entry: Entry, batch: Batch, where: string): void {
  if (entry.outcome === 'abandoned') {
    throw new PortError(
      `${where}: batch ${batch.batchId} was closed without rows when a later batch committed; the checkpoint is older than the folder`,
    )
  }
  const range = (start: unknown, end: unknown) => `${canonicalOffset(start, where)} to ${canonicalOffset(end, where)}`
  const [held, asked] = [range(entry.start, entry.end), range(batch.start, batch.end)]
  if (held !== asked)
    throw new PortError(
      `${where}: batch ${batch.batchId} was committed as ${held}, and comes again as ${asked}; the checkpoint is older than the folder`,
    )
}

function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null) return false
  const entry: Partial<Record<keyof Entry, unknown>> = value
  const idsFit =
    typeof entry.queryId === 'string' &&
    typeof entry.sinkId === 'string' &&
    isCount(entry.batchId) &&
    isCount(entry.epoch)
  const outcomeFits =
    entry.outcome === 'abandoned' ||
    (entry.outcome === 'committed' && typeof entry.start === 'object' && typeof entry.end === 'object')
  return entry.version === 1 && idsFit && outcomeFits && Array.isArray(entry.files) && entry.files.every(isPartFile)
}

function isPartFile(value: unknown): value is PartFile {
  if (typeof value !== 'object' || value === null) return false
  const file: Partial<Record<keyof PartFile, unknown>> = value
  return (
    typeof file.name === 'string' &&
    /^part-[\w-]+\.(?:jsonl|parquet)$/.test(file.name) &&
    isCount(file.rows) &&
    isCount(file.bytes)
  )
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
