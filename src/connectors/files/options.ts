import { resolve } from 'node:path'
import { type Duration, durationMs, durationRule } from '../../duration.ts'
import { OptionError } from '../../errors.ts'
import { type OptionRule, oneOf, required, rules, validateOptions } from '../../options.ts'
import type { Schema } from '../../schema.ts'
import { type Compression, compressionOf } from './bytes.ts'
import { compileGlob, type Glob } from './glob.ts'

/** How the rows stand in the files. */
export type FileFormat = 'jsonLines' | 'csv' | 'parquet'

/** How CSV is written. */
export interface CsvFileOptions {
  /** @default ',' */
  readonly delimiter?: string
  /** Whether the first row names the columns. `false`: they are the schema's, in its order. @default true */
  readonly header?: boolean
}

/** Options of `files`. */
export interface FilesOptions<Row extends object = object, Metadata extends boolean = boolean> {
  /** The folder. It must be there. */
  readonly path: string
  /**
   * Which files, by their paths below `path`: `*`, `**`, `?`, `{a,b}`, `[a-z]`; sub-folders are looked into as deep as the pattern goes.
   * @default '*': the files in the folder itself
   */
  readonly glob?: string
  readonly format: FileFormat
  /** Of the rows. What isn't in it is left out; what a nullable column lacks is null. With a column `_corrupt_record string`, rows that don't fit keep their text there in mode `permissive`. */
  readonly schema: Schema<Row>
  /** Where the stream keeps which files it has seen: a folder for this query alone, best beside its checkpoint. Needed by `readStream`. */
  readonly state?: string
  /** Whether `path` is a folder that `filesSink` or `jsonLines` writes: then its manifest says which files there are, a batch at a time, and `glob`, `settle` and `cleanUp` don't apply. @default false */
  readonly manifest?: boolean
  /** Adds the column `_metadata`. @default false */
  readonly metadata?: Metadata
  /** @default 'infer': by the names' endings `.gz`, `.zst`, `.br` */
  readonly compression?: 'infer' | Compression
  readonly csv?: CsvFileOptions
  /** A stream takes a file only when it wasn't changed for so long, by its time or as far as was watched. @default '2 seconds' */
  readonly settle?: Duration
  /** What a new stream does with the files that are there: `read` them, or `skip` them. @default 'read' */
  readonly existing?: 'read' | 'skip'
  /**
   * A file that was seen has changed: `fail`; `read` the new version, whole, as a file of its own; or `ignore` it, and versions that came and went unseen.
   * @default 'fail'
   */
  readonly overwritten?: 'fail' | 'read' | 'ignore'
  /** A file is gone (or changed) before it was read: `fail`, or `skip` it; then a batch that is read again may have fewer rows. @default 'fail' */
  readonly missing?: 'fail' | 'skip'
  /** How long a file must be gone until a new one of its name counts as new. @default '7 days' */
  readonly forgetAfter?: Duration
  /** What becomes of files after their batch was committed. `moveTo`: a folder on the same disk, outside of `path` or hidden in it. @default 'keep' */
  readonly cleanUp?: 'keep' | 'delete' | { readonly moveTo: string }
  /** Uncompressed JSON lines are read in slices of so many bytes; smaller files share a slice. @default 32 MiB */
  readonly splitBytes?: number
  /** A longer line (CSV: record) is an error. @default 16 MiB */
  readonly maxLineBytes?: number
  /** The time in milliseconds since 1970. @default Date.now */
  readonly now?: () => number
}

export interface CsvSettings {
  readonly delimiter: string
  readonly header: boolean
}

/** The options with their defaults. */
export interface FilesSettings {
  readonly path: string
  readonly glob: Glob
  readonly format: FileFormat
  readonly schema: Schema
  readonly state: string | undefined
  readonly manifest: boolean
  readonly metadata: boolean
  readonly compression: (path: string) => Compression
  readonly csv: CsvSettings
  readonly settleMs: number
  readonly existing: 'read' | 'skip'
  readonly overwritten: 'fail' | 'read' | 'ignore'
  readonly missing: 'fail' | 'skip'
  readonly forgetAfterMs: number
  readonly cleanUp: 'keep' | 'delete' | { readonly moveTo: string }
  readonly splitBytes: number
  readonly maxLineBytes: number
  readonly now: () => number
}

const filesRules = {
  path: required(rules.string),
  glob: rules.string,
  format: required(oneOf('jsonLines', 'csv', 'parquet')),
  schema: required({
    expected: "the rows' schema: schema('id bigint not null, name string')",
    accepts: (value) => typeof value === 'object' && value !== null && 'fields' in value,
  }),
  state: rules.string,
  manifest: rules.boolean,
  metadata: rules.boolean,
  compression: oneOf('infer', 'none', 'gzip', 'zstd', 'brotli'),
  csv: rules.object,
  settle: durationRule,
  existing: oneOf('read', 'skip'),
  overwritten: oneOf('fail', 'read', 'ignore'),
  missing: oneOf('fail', 'skip'),
  forgetAfter: durationRule,
  cleanUp: {
    expected: '"keep", "delete" or { moveTo: "folder" }',
    accepts: (value) =>
      value === 'keep' ||
      value === 'delete' ||
      (typeof value === 'object' && value !== null && 'moveTo' in value && rules.string.accepts(value.moveTo)),
  },
  splitBytes: rules.positiveInteger,
  maxLineBytes: rules.positiveInteger,
  now: rules.function,
} as const satisfies Record<keyof FilesOptions, OptionRule>

/** @throws OptionError */
export function filesSettings<Row extends object>(options: FilesOptions<Row>): FilesSettings {
  validateOptions('files', options, filesRules)
  const { format, compression = 'infer', csv, state, cleanUp = 'keep' } = options
  if (csv !== undefined) {
    if (format !== 'csv') throw new OptionError('files: option "csv" needs format "csv"')
    validateOptions('files: csv', csv, {
      delimiter: { expected: 'one character', accepts: (value) => typeof value === 'string' && value.length === 1 },
      header: rules.boolean,
    })
  }
  if (options.manifest === true) {
    const idle = (['glob', 'settle', 'cleanUp'] as const).find((name) => options[name] !== undefined)
    if (idle !== undefined) throw new OptionError(`files: option "${idle}" has no meaning with "manifest"`)
  }
  return {
    path: resolve(options.path),
    glob: compileGlob(options.glob ?? '*'),
    format,
    schema: options.schema,
    state: state === undefined ? undefined : resolve(state),
    manifest: options.manifest ?? false,
    metadata: options.metadata ?? false,
    compression: compression === 'infer' ? compressionOf : () => compression,
    csv: { delimiter: csv?.delimiter ?? ',', header: csv?.header ?? true },
    settleMs: options.manifest === true ? 0 : durationMs(options.settle ?? '2 seconds', 'files', 'settle'),
    existing: options.existing ?? 'read',
    overwritten: options.overwritten ?? 'fail',
    missing: options.missing ?? 'fail',
    forgetAfterMs: durationMs(options.forgetAfter ?? '7 days', 'files', 'forgetAfter'),
    cleanUp: typeof cleanUp === 'string' ? cleanUp : { moveTo: resolve(cleanUp.moveTo) },
    splitBytes: options.splitBytes ?? 32 * 1024 * 1024,
    maxLineBytes: options.maxLineBytes ?? 16 * 1024 * 1024,
    now: options.now ?? Date.now,
  }
}
