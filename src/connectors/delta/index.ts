// Tables
export type { DeltaFile } from './data-files.ts'
export { type BoundDeltaTable, deltaTable } from './delta-table.ts'
export type { DeltaTableOptions } from './options.ts'
export type { DeltaPartition } from './source.ts'

// Writers of Parquet
export type { DuckDb, DuckDbAppender, DuckDbChunk, DuckDbConnection, DuckDbInstance } from '../parquet/duckdb-module.ts'
export { type DuckDbWriterOptions, duckdbWriter } from '../parquet/duckdb-engine.ts'
export { hyparquetWriter } from '../parquet/hyparquet-engine.ts'
export type {
  ParquetColumnSummary,
  ParquetCompression,
  ParquetEngine,
  ParquetFile,
  ParquetFileOptions,
  ParquetSummary,
} from '../parquet/port.ts'

// Errors
export { DeltaStorageError, DeltaTableError } from '../../errors.ts'
