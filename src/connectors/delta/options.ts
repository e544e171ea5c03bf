import { resolve } from 'node:path'
import { OptionError } from '../../errors.ts'
import { given, type OptionRule, oneOf, required, rules, validateOptions } from '../../options.ts'
import type { Schema } from '../../schema.ts'
import { hyparquetWriter } from '../parquet/hyparquet-engine.ts'
import type { ParquetCompression, ParquetEngine } from '../parquet/port.ts'
import { serializerOf } from './partition-values.ts'

/** Options of `deltaTable`. */
export interface DeltaTableOptions<Row extends object = object> {
  /** The table's folder, made when it isn't there. Its file system must have hard links. */
  readonly path: string
  /** The columns of the rows. @default what the pipeline states (`.as(schema)`, or the source's). Reading: what the table says; a column that it lacks is null. */
  readonly schema?: Schema<Row>
  /** Columns by whose values the files are put apart. Taken when the table is made; one that is there must have the same. @default none, or the table's */
  readonly partitionBy?: readonly string[]
  /**
   * What happens to columns that the rows have and the table doesn't: `strict` refuses them, `merge` adds them to the table, nullable.
   * @default 'strict'
   */
  readonly schemaMode?: 'strict' | 'merge'
  /** Reads this version instead of the last one. A sink can't have it. */
  readonly version?: number
  /** What writes Parquet: `hyparquetWriter()`, or `duckdbWriter(duckdb)`. @default hyparquetWriter() */
  readonly parquet?: ParquetEngine
  /** @default 'snappy' */
  readonly compression?: ParquetCompression
  /** A file about as large as this, in MiB, is finished and the next one begun. @default 128 */
  readonly targetFileMb?: number
  /** Rows a row group. @default 10_000 */
  readonly rowGroupRows?: number
  /** Files that one partition of a batch keeps open at once; beyond, the one with the most rows is finished. @default 32 */
  readonly maxOpenFiles?: number
  /**
   * The name under which the table remembers the last batch. It must be the writer's alone: two with one name skip each other's batches.
   * @default the query's id, as Spark has it; for a sink id other than `main` (a child of `tee`) `<query id>/<sink id>`
   */
  readonly appId?: string
}

/** The options with their defaults. */
export interface DeltaSettings {
  readonly path: string
  readonly schema: Schema | undefined
  readonly partitionBy: readonly string[] | undefined
  readonly schemaMode: 'strict' | 'merge'
  readonly version: number | undefined
  readonly parquet: ParquetEngine
  readonly compression: ParquetCompression
  readonly targetFileBytes: number
  readonly rowGroupRows: number
  readonly maxOpenFiles: number
  readonly appId: string | undefined
}

const deltaRules = {
  path: required(rules.string),
  schema: rules.object,
  partitionBy: {
    expected: 'a list of different column names',
    accepts: (value) =>
      Array.isArray(value) &&
      value.every((name) => typeof name === 'string' && name !== '') &&
      new Set(value).size === value.length,
  },
  schemaMode: oneOf('strict', 'merge'),
  version: rules.nonNegativeInteger,
  parquet: {
    expected: 'a Parquet writer such as hyparquetWriter() or duckdbWriter(duckdb)',
    accepts: (value) =>
      typeof value === 'object' && value !== null && 'open' in value && typeof value.open === 'function',
  },
  compression: oneOf('snappy', 'zstd'),
  targetFileMb: {
    expected: 'a number greater than 0',
    accepts: (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
  },
  rowGroupRows: rules.positiveInteger,
  maxOpenFiles: rules.positiveInteger,
  appId: rules.string,
} as const satisfies Record<keyof DeltaTableOptions, OptionRule>

/** @throws OptionError */
export function deltaSettings(options: DeltaTableOptions): DeltaSettings {
  validateOptions('deltaTable', options, deltaRules)
  const { targetFileMb = 128, ...rest } = given(options)
  const { path, schema, partitionBy, version, appId } = rest
  if (schema !== undefined && partitionBy !== undefined) checkPartitioning(schema, partitionBy)
  return {
    parquet: hyparquetWriter(),
    compression: 'snappy',
    schemaMode: 'strict',
    rowGroupRows: 10_000,
    maxOpenFiles: 32,
    ...rest,
    ...{ schema, partitionBy, version, appId },
    path: resolve(path),
    targetFileBytes: targetFileMb * 2 ** 20,
  }
}

/** @throws OptionError for a column that isn't there or can't part a table, and when no column is left for the files. */
export function checkPartitioning({ fields }: Pick<Schema, 'fields'>, partitionBy: readonly string[]): void {
  for (const name of partitionBy) {
    const field = fields.find((one) => one.name === name)
    if (field === undefined)
      throw new OptionError(
        `deltaTable: option "partitionBy" names ${JSON.stringify(name)}, which is none of the columns`,
      )
    if (serializerOf(field.type) === undefined)
      throw new OptionError(
        `deltaTable: column ${JSON.stringify(name)} can't part a table: its type is ${field.type.kind}`,
      )
  }
  if (partitionBy.length === fields.length)
    throw new OptionError('deltaTable: option "partitionBy" names all columns; at least one must be left for the files')
}
