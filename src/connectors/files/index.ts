// Folders as sources
export type { Compression } from './bytes.ts'
export type { FileMetadata } from './metadata.ts'
export type { CsvFileOptions, FileFormat, FilesOptions } from './options.ts'
export type { FilesOffset } from './reader.ts'
export type { FileSlice, FilesPartition } from './slices.ts'
export { type FilesSource, files } from './source.ts'

// Folders as sinks
export type { PartFile } from '../manifest/entry.ts'
export { type DuckDbWriterOptions, duckdbWriter } from '../parquet/duckdb-engine.ts'
export type { ParquetCompression, ParquetEngine } from '../parquet/port.ts'
export { type FilesSinkOptions, filesSink, type ParquetSinkOptions } from './sink.ts'

// Errors
export { FileError, FileRefusedError } from '../../errors.ts'
