import { resolve } from 'node:path'
import type { BoundSink } from '../../data-source.ts'
import { OptionError } from '../../errors.ts'
import { type OptionRule, oneOf, required, rules, validateOptions } from '../../options.ts'
import type { PartFile } from '../manifest/entry.ts'
import { nodeFiles } from '../manifest/files.ts'
import { folderWriter } from '../manifest/folder-writer.ts'
import { jsonLinesPart } from '../manifest/json-lines-part.ts'
import type { ParquetCompression, ParquetEngine } from '../parquet/port.ts'
import { parquetPart } from './parquet-part.ts'

/** How Parquet files are written. */
export interface ParquetSinkOptions {
  /** @default 'snappy' */
  readonly compression?: ParquetCompression
  /** Rows a row group at most. @default 10_000 */
  readonly rowGroupRows?: number
  /** `duckdbWriter(duckdb)` is two to three times as fast, and native code. @default the package hyparquet-writer */
  readonly engine?: ParquetEngine
}

/** Options of {@link filesSink}. */
export interface FilesSinkOptions {
  /** The folder, made when it isn't there. Its file system must have hard links. */
  readonly path: string
  readonly format: 'jsonLines' | 'parquet'
  /** A file that has grown so large, about, is finished, and the next rows of the partition go into another one. @default 128 MiB */
  readonly maxFileBytes?: number
  readonly parquet?: ParquetSinkOptions
}

const sinkRules = {
  path: required(rules.string),
  format: required(oneOf('jsonLines', 'parquet')),
  maxFileBytes: rules.limit,
  parquet: rules.object,
} as const satisfies Record<keyof FilesSinkOptions, OptionRule>

const parquetRules = {
  compression: oneOf('snappy', 'zstd'),
  rowGroupRows: rules.positiveInteger,
  engine: {
    expected: 'a writer of Parquet: duckdbWriter(duckdb)',
    accepts: (value) => typeof value === 'object' && value !== null && 'open' in value,
  },
} as const satisfies Record<keyof ParquetSinkOptions, OptionRule>

/**
 * A folder of JSON lines or Parquet files, to which each batch is added whole and once: **transactional**.
 *
 * The layout is that of `jsonLines`: whole files of committed batches in the folder, a manifest beside them whose entries are the commits. A reader that knows nothing of it
 * (`cat`, DuckDB's `read_parquet('data/*.parquet')`) sees whole, committed files, each once, and of the last batch perhaps a part. A reader that goes by the
 * manifest, `files({ path, manifest: true, … })`, sees all of a batch or nothing, so pipelines can be chained exactly-once.
 *
 * Parquet needs the schema of the rows. JSON lines have dates as ISO 8601, bigints as strings of digits, bytes as base64.
 * Each partition of each batch with rows makes a file at least: many small batches make many small files, and nothing here merges them.
 * @throws OptionError
 */
export function filesSink(options: FilesSinkOptions): BoundSink<object, readonly PartFile[]> {
  validateOptions('filesSink', options, sinkRules)
  const { path, format, maxFileBytes = 128 * 1024 * 1024, parquet = {} } = options
  if (options.parquet !== undefined && format !== 'parquet')
    throw new OptionError('filesSink: option "parquet" needs format "parquet"')
  validateOptions('filesSink: parquet', parquet, parquetRules)
  const { compression = 'snappy', rowGroupRows = 10_000, engine } = parquet
  const make = format === 'parquet' ? parquetPart({ compression, rowGroupRows, engine }) : () => jsonLinesPart
  return {
    name: 'files',
    streamWriter: () => folderWriter({ path: resolve(path), format: make, maxFileBytes }, nodeFiles),
  }
}
