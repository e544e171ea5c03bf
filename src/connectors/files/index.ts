// Folders as sources
export type { Compression } from './bytes.ts'
export type { FileMetadata } from './metadata.ts'
export type { CsvFileOptions, FileFormat, FilesOptions } from './options.ts'
export type { FilesOffset } from './reader.ts'
export type { FileSlice, FilesPartition } from './slices.ts'
export { type FilesSource, files } from './source.ts'

// Errors
export { FileError, FileRefusedError } from '../../errors.ts'
