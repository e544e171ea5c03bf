import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import type { StreamWriter } from '../../sink.ts'
import { bookkeepingIn } from './bookkeeping.ts'
import { postgresCheckpoint } from './checkpoint.ts'
import { JoinedLog } from './joined-log.ts'
import type { PostgresReceipt } from './partition-rows.ts'
import { type PostgresTableOptions, tableSettings } from './sink-options.ts'
import { tableWriter } from './writer.ts'

/** A table as a sink, and the log beside it. */
export interface PostgresTable {
  readonly name: 'postgres_table'
  readonly streamWriter: () => StreamWriter<object, PostgresReceipt>
  /**
   * The query's log in the sink's own database. When it is the query's checkpoint, and the table its only sink, the rows of a batch and its end in the log are one
   * transaction. Its lease is a lock of the session at the server: a process that dies leaves it as soon as the server sees its connection end.
   */
  readonly checkpoint: Checkpoint
}

/**
 * A table of PostgreSQL, to which each batch is added whole and once: **transactional**. A batch is one transaction on one connection, fed by all of its
 * partitions: the rows, and an entry in a ledger that knows the batch by query, sink and id, with a digest of its range. A batch that comes again after it was committed is
 * recognised by its entry and skipped unread; under the same id another range is refused; so is a commit of a process that another one has replaced.
 * A connection that is cut during COMMIT is resolved by the ledger.
 *
 * Rows get there by COPY (`append`), or with a `key` by `insert … select from unnest(…) on conflict` (`upsert`, `insertOnly`), ten thousand rows a statement.
 * Of several rows with one key in a batch the last of a partition stays (of an insert-only batch the first); between partitions there is no order, so the changes of one key
 * belong into one partition. With a key no other table may refer to rows in a way that forbids their change.
 *
 * Deadlocks, serialization failures, lost connections and time-outs take the batch back, and the engine begins it again within the query's retry policy.
 * A partition that fails by itself is tried again by itself, as long as its rows are held here (`maxBuffered`).
 *
 * Needs the rows' schema, and PostgreSQL 13 or newer; no pooler that gives each transaction another session (the lease of `checkpoint` is the session's).
 * @throws OptionError
 */
export function postgresTable(options: PostgresTableOptions): PostgresTable {
  const settings = tableSettings(options)
  const log = new JoinedLog(bookkeepingIn(settings.bookkeeping))
  return {
    name: 'postgres_table',
    streamWriter: () => tableWriter(settings, log),
    checkpoint: postgresCheckpoint(settings, log),
  }
}
