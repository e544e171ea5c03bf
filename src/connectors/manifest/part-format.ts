import type { Schema } from '../../schema.ts'
import type { Files } from './files.ts'

/** How rows become a file. */
export interface PartFormat {
  /** Of the files' names, without a dot. One of those that the manifest knows. */
  readonly extension: string
  /** Makes a file; fails where one is. */
  readonly open: (path: string, files: Files) => Promise<PartOutput>
  readonly close?: () => Promise<void>
}

/** Makes the format for the rows of a run. @throws OptionError where it needs a schema, and there is none. */
export type MakePartFormat = (schema: Schema | undefined) => PartFormat | Promise<PartFormat>

/** A file that is being written: `write` … `finish`, or `discard`, also after a call that failed. */
export interface PartOutput {
  /** About how large the file is by now. */
  readonly bytes: number
  readonly write: (rows: readonly object[]) => Promise<void>
  /** The content is durable after it. */
  readonly finish: () => Promise<{ readonly rows: number; readonly bytes: number }>
  /** Removes the file. */
  readonly discard: () => Promise<void>
}
