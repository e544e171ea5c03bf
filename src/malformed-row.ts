/** The column that keeps what a row was, where the mode is `permissive`. The name is Spark's. */
export const corruptRecordColumn = '_corrupt_record'

/**
 * Stands in a chunk for a record that a source couldn't make a row of, until the check of the rows: `failFast` fails with its reason, `dropMalformed`
 * hands it to the dead-letter sink, `permissive` makes a row of nulls of it.
 */
export class MalformedRow {
  /** The record as it was written. */
  readonly raw: string
  /** Why, without a value of the record. */
  readonly reason: string
  /** What could be made of it, to be held against the schema column by column. */
  readonly row: object | undefined

  constructor(raw: string, reason: string, row?: object) {
    this.raw = raw
    this.reason = reason
    this.row = row
  }
}
