import type { Field } from '../../schema/data-type.ts'

/** How pages are compressed. All readers know both; zstd makes smaller files, snappy is read faster. */
export type ParquetCompression = 'snappy' | 'zstd'

/** What a new Parquet file is like. */
export interface ParquetFileOptions {
  /** Where it is written. Nothing may be there. */
  readonly path: string
  /** Its columns. */
  readonly fields: readonly Field[]
  readonly compression: ParquetCompression
  /** Rows a row group at most: what a reader holds at once, and with the JavaScript writer also what the writer holds. */
  readonly rowGroupRows: number
}

/** The bounds of one column in one file, in the form that a row has. Absent where they aren't known, or can't be relied on (NaN). */
export interface ParquetColumnSummary {
  /** The names from the outside in; one for a column that is no struct. Only leaves; nothing in arrays and maps. */
  readonly path: readonly string[]
  readonly nullCount: number
  readonly min?: unknown
  readonly max?: unknown
}

/** What a finished file holds. */
export interface ParquetSummary {
  readonly rows: number
  readonly bytes: number
  readonly columns: readonly ParquetColumnSummary[]
}

/**
 * Writes one file: `write` … `finish`, or `discard`, also after a call that failed.
 * Each call comes after the one before it has settled. Rows are expected to fit the fields: `rowChecker` before it.
 */
export interface ParquetFile {
  /** About how large the file would be if it were finished now. */
  readonly bytes: number
  readonly rows: number
  readonly write: (rows: readonly object[]) => Promise<void>
  /** The content is durable after it; the name is once its folder was synced. */
  readonly finish: () => Promise<ParquetSummary>
  /** Closes and removes it. */
  readonly discard: () => Promise<void>
}

/** A way of writing Parquet: `hyparquetWriter()` or `duckdbWriter(duckdb)`. */
export interface ParquetEngine {
  readonly name: string
  readonly open: (options: ParquetFileOptions) => Promise<ParquetFile>
  /** Frees what the engine shares between its files; it may be used again after that. */
  readonly close?: () => Promise<void>
}
