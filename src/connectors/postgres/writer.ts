import type { Batch } from '../../batch.ts'
import { OptionError, PortError, PostgresError } from '../../errors.ts'
import type { StreamWriter } from '../../sink.ts'
import { bookkeepingIn, ensureBookkeeping } from './bookkeeping.ts'
import { PostgresClient } from './client.ts'
import type { JoinedLog } from './joined-log.ts'
import { Ledger } from './ledger.ts'
import type { BatchInTable } from './open-batch.ts'
import type { PostgresReceipt } from './partition-rows.ts'
import { postgresError } from './postgres-error.ts'
import type { PostgresTableSettings } from './sink-options.ts'
import { type Way, wayInto } from './way.ts'

/** What a run has once it was started. */
interface Run {
  readonly ledger: Ledger
  readonly way: Way
  /** The log of this very query, when a commit here ends the batch. */
  readonly log: JoinedLog | undefined
}

/** @param log the log in the same database, as far as it is open. */
export function tableWriter(settings: PostgresTableSettings, log: JoinedLog): StreamWriter<object, PostgresReceipt> {
  const tables = bookkeepingIn(settings.bookkeeping)
  let client: PostgresClient | undefined
  let run: Run | undefined
  let open: BatchInTable | undefined

  const started = (): Run => {
    if (run === undefined) throw new PortError('postgresTable: the writer is used before it was started')
    return run
  }
  /** The connection, or a new one, which has then claimed the ledger: what is read from it is final. */
  const connected = async ({ ledger }: Pick<Run, 'ledger'>): Promise<PostgresClient> => {
    if (client !== undefined && !client.isBroken) return client
    client?.destroy()
    const made = await PostgresClient.connect(settings.connection)
    try {
      await ledger.claim(made)
    } catch (error) {
      await made.close()
      throw error
    }
    client = made
    return made
  }
  const leave = async (): Promise<void> => {
    await open?.rollBack()
    open = undefined
  }
  const openBatch = (batchId: number): BatchInTable => {
    if (open?.batch.batchId === batchId) return open
    throw new PortError(`postgresTable: batch ${batchId} is written to before it was begun`)
  }

  return {
    guarantee: 'transactional',
    start: ({ queryId, sinkId, epoch, schema, onlySink }) =>
      translated('start of postgresTable failed', async () => {
        if (schema === undefined)
          throw new OptionError(
            'postgresTable: the rows have no schema; state it with .as(schema("…")) before writeStream',
          )
        const ledger = new Ledger(tables, { queryId, sinkId, epoch })
        const made = await PostgresClient.connect(settings.connection)
        try {
          await ensureBookkeeping(made, tables)
          const way = await wayInto(made, settings, schema)
          await ledger.claim(made)
          client?.destroy()
          client = made
          run = { ledger, way, log: onlySink === true && log.isOf(queryId) ? log : undefined }
        } catch (error) {
          await made.close()
          throw error
        }
      }),
    begin: (batch) =>
      translated(`begin of batch ${batch.batchId} failed`, async () => {
        await leave()
        const { ledger, way } = started()
        const asked = await connected({ ledger })
        if (await ledger.holds(asked, batch)) return 'committed'
        open = way.open(batch, asked)
        return 'write'
      }),
    open: ({ batchId, report }) => openBatch(batchId).partition(settings.maxBuffered, report),
    commit: (_messages, batch) =>
      translated(`commit of batch ${batch.batchId} failed`, async () => {
        const { ledger, log: joined } = started()
        const current = openBatch(batch.batchId)
        if (current.outcome === 'open') {
          await current.commit(async (asked, rows) => {
            await ledger.enter(asked, batch, rows)
            await joined?.enterDone(asked, batch.batchId)
          })
        } else if (current.outcome === 'in doubt' && !(await resolved(batch))) throw gone()
        joined?.noteDone(batch.batchId)
      }),
    abort: leave,
    stop: async () => {
      await leave()
      await client?.close()
      client = undefined
    },
  }

  /** A COMMIT that nobody answered: a new connection waits for its end, and the ledger says what became of it. */
  async function resolved(batch: Batch): Promise<boolean> {
    const { ledger } = started()
    client?.destroy()
    return ledger.holds(await connected({ ledger }), batch)
  }
}

function gone(): PostgresError {
  return new PostgresError('the COMMIT that was in doubt did not take effect; the batch is begun again', {
    restartsBatch: true,
  })
}

async function translated<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw postgresError(what, error)
  }
}
