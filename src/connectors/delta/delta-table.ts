import type { BatchSource, BoundSink } from '../../data-source.ts'
import type { Schema } from '../../schema.ts'
import type { DeltaFile } from './data-files.ts'
import { type DeltaTableOptions, deltaSettings } from './options.ts'
import { deltaWriter } from './sink.ts'
import { type DeltaPartition, deltaReader } from './source.ts'

/** A table as a sink, and as a source that is read once. */
export interface BoundDeltaTable<Row extends object, Needed extends object>
  extends BoundSink<Needed, readonly DeltaFile[]>,
    BatchSource<DeltaPartition, Row> {
  readonly name: 'delta_table'
}

/**
 * A Delta Lake table in a folder: a sink to which each batch is added whole and once (**transactional**), and a source for `read`.
 *
 * A batch's files and `txn { appId, version: batchId }` stand in one entry of the table's log, as Spark's Delta sink writes them: a batch that the log has is
 * skipped, whoever wrote it. Entries are put by a link that never overwrites; when another writer was faster, the batch is looked for again, the table
 * is looked at again, and the entry gets the next number. Several queries, and several sinks of one (each with an id of its own), can share a table.
 *
 * - Columns of the rows that the table lacks are refused, or added (`schemaMode: 'merge'`); columns that only the table has are null.
 * - In a column of `partitionBy` an empty text becomes null: the format has no other.
 * - Features of the table that would have to be honoured and can't be are refused by name: deletion vectors, column mapping, constraints, generated columns,
 *   change data feed, and whatever asks for more than reader version 1 and writer version 2.
 * - Every ten versions a checkpoint of the log is written. Nothing is ever removed from a table: small files, old versions and old entries are Spark's
 *   (`optimize`, `vacuum`) or delta-rs's to tidy.
 *
 * **Hazard**: on a local disk Spark's own log store excludes only writers of its own process. Don't let Spark and sluice write at the same time;
 * one after the other is fine, and sluice's writers among themselves are, too.
 *
 * @throws OptionError
 * @example
 * readStream(comments({ url })).writeStream(deltaTable({ path: 'data/comments', partitionBy: ['day'] }), { name: 'comments', checkpoint })
 * read(deltaTable({ path: 'data/comments' })).write(console())
 */
export function deltaTable(
  options: Omit<DeltaTableOptions, 'schema'> & { readonly schema?: never },
): BoundDeltaTable<Record<string, unknown>, object>
export function deltaTable<Row extends object>(
  options: DeltaTableOptions<Row> & { readonly schema: Schema<Row> },
): BoundDeltaTable<Row, Row>
export function deltaTable(options: DeltaTableOptions): BoundDeltaTable<Record<string, unknown>, object> {
  const settings = deltaSettings(options)
  return {
    name: 'delta_table',
    ...(options.schema === undefined ? {} : { schema: options.schema as Schema<Record<string, unknown>> }),
    streamWriter: () => deltaWriter(settings),
    reader: () => deltaReader(settings),
  }
}
