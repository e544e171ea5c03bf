import { randomUUID } from 'node:crypto'
import { firstValueFrom, timer } from 'rxjs'
import type { Checkpoint, CheckpointSession } from '../../checkpoint/checkpoint.ts'
import { startSession } from '../../checkpoint/session.ts'
import { CheckpointLockedError } from '../../errors.ts'
import { type Bookkeeping, bookkeepingIn, ensureBookkeeping } from './bookkeeping.ts'
import { PostgresClient } from './client.ts'
import type { JoinedLog } from './joined-log.ts'
import { PostgresLog } from './log.ts'
import { postgresError } from './postgres-error.ts'
import type { PostgresTableSettings } from './sink-options.ts'

/** How long a lease that is held is waited for: a process that was killed a moment ago is still in the server's list. Milliseconds. */
const leaseWaitMs = 1_000
const leasePollMs = 50

/** @param joined is told when the log is open, so that the sink can end batches in it. */
export function postgresCheckpoint(
  settings: Pick<PostgresTableSettings, 'connection' | 'bookkeeping' | 'checkpoint'>,
  joined: JoinedLog,
): Checkpoint {
  const { name, retain } = settings.checkpoint
  const where = `checkpoint ${JSON.stringify(name)}`
  const tables = bookkeepingIn(settings.bookkeeping)
  return {
    open: async ({ sources }): Promise<CheckpointSession> => {
      const client = await PostgresClient.connect(settings.connection)
      try {
        await ensureBookkeeping(client, tables)
        await takeLease(client, tables, name)
        const log = new PostgresLog(client, tables, name, retain, joined)
        const opened = await log.open([...sources], randomUUID())
        joined.opened({ name, queryId: opened.queryId, epoch: opened.epoch })
        const session = startSession(
          { name: where, ...opened },
          {
            append: (entries) => log.append(entries),
            release: async () => {
              joined.closed()
              await client.close()
            },
          },
        )
        return { ...session, retain, readJournal: (batchId) => log.journal(batchId) }
      } catch (error) {
        await client.close()
        throw postgresError(`${where} can't be opened`, error)
      }
    },
  }
}

/** A lock of the session: the server frees it when the connection ends, however it ends. @throws CheckpointLockedError */
async function takeLease(client: PostgresClient, tables: Bookkeeping, name: string): Promise<void> {
  for (let waited = 0; ; waited += leasePollMs) {
    const { rows } = await client.ask<{ taken: boolean }>(
      'SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS taken',
      [`${tables.schema} lease ${name}`],
    )
    if (rows[0]?.taken === true) return
    if (waited >= leaseWaitMs)
      throw new CheckpointLockedError(
        `checkpoint ${JSON.stringify(name)} is in use by another session; for another query on this table set option checkpoint.name`,
      )
    await firstValueFrom(timer(leasePollMs))
  }
}
