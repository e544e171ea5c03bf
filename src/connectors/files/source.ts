import type { BatchSource, StreamSource } from '../../data-source.ts'
import type { Schema } from '../../schema.ts'
import type { BatchReader, ReplayableReader } from '../../source.ts'
import { type FileMetadata, withMetadata } from './metadata.ts'
import { type FilesOptions, filesSettings } from './options.ts'
import { partitionReader } from './read-slice.ts'
import { allPartitions, type FilesOffset, filesReader } from './reader.ts'
import { rowPlan } from './row-maker.ts'
import type { FilesPartition } from './slices.ts'

/** A folder as a source: of a stream of the files that come, and of a batch of those that are there. */
export interface FilesSource<Row extends object>
  extends StreamSource<FilesOffset, FilesPartition, Row>,
    BatchSource<FilesPartition, Row> {
  readonly name: 'files'
  readonly schema: Schema<Row>
}

/**
 * The files of a folder, JSON lines or CSV, as rows.
 *
 * As a stream each file is read once, **replayable**: a batch that is read again has the same files, and each is held against the size and time that it was planned with.
 * Files are taken in the order of their times, then paths; each batch takes up to `maxFiles` (1,000 without a limit) and `maxBytes` (as they lie there, one file at
 * least). How many rows a file has isn't known before it is read, so `maxRows` has no effect, which a warning of the
 * process says once, and there is no lag, which counts rows.
 *
 * Which files were seen is the source's own state, in the folder `state`: a log that is durable before any offset that counts on it. The offset is the number of files
 * seen before it. Nothing there goes by a time, so a file that appears late with an old time is read like any other.
 *
 * - Uncompressed JSON lines are read in slices (`splitBytes`), each line once. CSV isn't cut: a newline may stand in quotes. Neither is what is compressed.
 * - A row's column that doesn't fit is for the query's `mode`, as is a line that isn't JSON or not UTF-8. What makes the rest of a file unreadable (a quote in the wrong
 *   place, a compressed file that is cut short, a line beyond `maxLineBytes`) fails the batch.
 * - Files whose names begin with `.` or `_`, or end like those of unfinished downloads, are left out, as is what lies in folders of such names.
 * - Links to files are followed, links to folders are not.
 *
 * As a batch it reads what is there, without `state`, and without waiting for files to settle.
 * @throws OptionError at once for a bad option; at start, for a stream without `state`.
 */
export function files<Row extends object>(
  options: FilesOptions<Row, true> & { readonly metadata: true },
): FilesSource<Row & { _metadata: FileMetadata }>
export function files<Row extends object>(options: FilesOptions<Row, false>): FilesSource<Row>
export function files<Row extends object>(options: FilesOptions<Row>): FilesSource<Row> {
  const settings = filesSettings(options)
  const schema = settings.metadata ? (withMetadata(options.schema) as Schema<Row>) : options.schema
  const plan = rowPlan(options.schema, settings.metadata)
  return {
    name: 'files',
    schema,
    streamReader: () => filesReader(settings, plan) as ReplayableReader<FilesOffset, FilesPartition, Row>,
    reader: () =>
      ({
        partitions: () => allPartitions(settings),
        read: partitionReader(settings, plan),
      }) as BatchReader<FilesPartition, Row>,
  }
}
