import { nodeFs } from '../builtins.ts'
import { CheckpointLockedError, LeaseLostError, OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import type { Checkpoint, CheckpointSession } from './checkpoint.ts'
import { defaultRetain, type RetainOption, retainRule } from './options.ts'
import { startSession } from './session.ts'
import {
  createIfMissing,
  nodeSqlite,
  openLocked,
  type SqliteDatabase,
  type SqliteFactory,
  translated,
} from './sqlite-database.ts'
import { SqliteLog } from './sqlite-log.ts'

/** Options of {@link sqliteCheckpoint}. */
export interface SqliteCheckpointOptions extends RetainOption {
  /**
   * Opens the database, e.g. `(file) => new Database(file)` of better-sqlite3. Called at each open of the checkpoint; the session closes it.
   * @default `node:sqlite`
   */
  readonly database?: SqliteFactory
}

/**
 * A checkpoint in an SQLite database (WAL, synchronous FULL): one transaction for each write, a fraction of a millisecond. For queues,
 * journals and small batches. Everything is synchronous. On a local disk only: its lock is the lease.
 *
 * That a batch is done is written when its sink has committed, and goes onto the disk together with the next plan where a query can bear that a power failure undoes it:
 * from a queue (the batch then counts as abandoned; its messages were acknowledged), or into a transactional sink from a source without `commit` (the replay is
 * skipped). Of the latter, one whose `latestOffset` answers at once and has more is written with the next plan, in one transaction.
 *
 * A second session, in this process or another, gets a `CheckpointLockedError` at once; what a killed process held is free.
 * @param file made when it is missing, readable by the user only.
 */
export function sqliteCheckpoint(file: string, options: SqliteCheckpointOptions = {}): Checkpoint {
  if (typeof file !== 'string' || file === '')
    throw new OptionError('sqliteCheckpoint: the file must be a string that is not empty')
  validateOptions('sqliteCheckpoint', options, { retain: retainRule, database: rules.function })
  const retain = options.retain ?? defaultRetain
  const factory = options.database ?? nodeSqlite

  return {
    open: ({ sources }): CheckpointSession => {
      createIfMissing(file, factory)
      const identity = identityOf(file)
      if (identity === undefined)
        throw new CheckpointLockedError(`checkpoint ${file} was removed by another process at the same moment`)
      if (openFiles.has(identity))
        throw new CheckpointLockedError(`checkpoint ${file} is in use by another session of this process`)
      const database = openLocked(file, factory)
      try {
        const log = new SqliteLog(database, file, retain)
        const session = startSession(
          { name: `checkpoint ${file}`, ...log.open([...sources]) },
          {
            append: (entries, sync) => {
              // The lock is on the file that was opened, whatever has its name now.
              if (identityOf(file) !== identity)
                throw new LeaseLostError(
                  `checkpoint ${file}: the file was removed or replaced; nothing more is written`,
                )
              log.append(entries, sync)
            },
            release: () => {
              openFiles.delete(identity)
              database.close()
            },
          },
        )
        openFiles.set(identity, database)
        return { ...session, retain, readJournal: (batchId) => log.journal(batchId) }
      } catch (error) {
        database.close()
        throw translated(file, error)
      }
    },
  }
}

/**
 * The system's locks are the process's, not the connection's: two copies of SQLite in one process (`node:sqlite` and better-sqlite3)
 * don't keep each other out, and the one that closes first frees the other's lock. The connection is kept as well: while it is open,
 * no other file gets the same number.
 */
const openFiles = new Map<string, SqliteDatabase>()

function identityOf(file: string): string | undefined {
  const found = nodeFs().statSync(file, { throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev}:${found.ino}`
}
