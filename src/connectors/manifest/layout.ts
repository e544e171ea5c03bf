import { join } from 'node:path'

/** The folders of one query's sink below the sink's folder. */
export interface Layout {
  /** Whole, committed files, for everybody. */
  readonly data: string
  /** Files that aren't committed, or not yet moved. */
  readonly staging: string
  /** One entry for each committed batch. */
  readonly entries: string
  /** An empty file named after each epoch whose writer started and wasn't replaced. */
  readonly epochs: string
}

export const manifestFolder = '_manifest'
export const stagingFolder = '_staging'
const epochFolder = '_epochs'

/** `queryId` and `sinkId` as they stand in {@link Layout} paths. */
export function layoutOf(path: string, queryId: string, sinkId: string): Layout {
  const key = join(segment(queryId), segment(sinkId))
  const entries = join(path, manifestFolder, key)
  return { data: path, staging: join(path, stagingFolder, key), entries, epochs: join(entries, epochFolder) }
}

/** Names sort by batch, then partition, so `cat *.jsonl` keeps the order of a query's rows. */
export function partName(batchId: number, partitionId: number, unique: string, extension: string): string {
  return `part-${String(batchId).padStart(10, '0')}-${String(partitionId).padStart(5, '0')}-${unique}.${extension}`
}

export function entryName(batchId: number): string {
  return `${batchId}.json`
}

export function entryDraftName(batchId: number, unique: string): string {
  return `entry-${batchId}-${unique}.json`
}

/** The batch of an entry, or `undefined` for other names. */
export function batchOfEntry(name: string): number | undefined {
  return numberIn(/^(\d+)\.json$/, name)
}

/** The batch of a file in {@link Layout.staging}, or `undefined` for other names. */
export function batchOfStaged(name: string): number | undefined {
  return numberIn(/^(?:part|entry)-(\d+)-/, name)
}

function numberIn(pattern: RegExp, name: string): number | undefined {
  const digits = pattern.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** A name that is safe as one part of a path on any system; the empty one too. */
function segment(name: string): string {
  if (name === '') return '%'
  return encodeURIComponent(name).replace(
    /[.*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
