import { createHash } from 'node:crypto'
import type { Batch } from '../../batch.ts'
import { LeaseLostError, PortError } from '../../errors.ts'
import { canonicalOffset } from '../../offset.ts'
import { warnOfNewSink } from '../../sink-gap.ts'
import type { Bookkeeping } from './bookkeeping.ts'
import type { PostgresClient } from './client.ts'
import { sqlStateOf } from './postgres-error.ts'

/** Whose entries they are. */
export interface LedgerOwner {
  readonly queryId: string
  readonly sinkId: string
  readonly epoch: number
}

const insufficientPrivilege = '42501'

/** How many of the latest entries of each sink of a query stay. */
const retain = 100

/**
 * The entries of one sink of a query: which batches the table holds. An entry stands in the same transaction as its rows.
 *
 * A writer claims its epoch before it reads or writes here. The claim waits for a commit of the writer before that is under way, and later ones
 * of that writer are refused: so what is read after the claim is final.
 */
export class Ledger {
  readonly #tables: Bookkeeping
  readonly #owner: LedgerOwner
  #isFirst = true

  constructor(tables: Bookkeeping, owner: LedgerOwner) {
    this.#tables = tables
    this.#owner = owner
  }

  /** @throws LeaseLostError when a writer of a later epoch has claimed it. */
  async claim(client: PostgresClient): Promise<void> {
    const { queryId, sinkId, epoch } = this.#owner
    await this.#endFormer(client)
    const { rowCount } = await client.ask(
      `INSERT INTO ${this.#tables.sinks} AS held
       SELECT $1, $2, $3, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
       ON CONFLICT (query_id, sink_id) DO UPDATE
       SET epoch = excluded.epoch, process_id = excluded.process_id, process_start = excluded.process_start
       WHERE held.epoch <= excluded.epoch`,
      [queryId, sinkId, epoch],
    )
    if (rowCount === 0) throw this.#replaced()
  }

  /** The batch's entry, if it has one. @throws PortError when the batch was committed as another one, or is older than the ledger. */
  async holds(client: PostgresClient, batch: Batch): Promise<boolean> {
    const { queryId, sinkId } = this.#owner
    const { rows } = await client.ask<{ digest: string | null; last: string | null }>(
      `SELECT (SELECT digest FROM ${this.#tables.ledger} WHERE query_id = $1 AND sink_id = $2 AND batch_id = $3) AS digest,
              (SELECT max(batch_id) FROM ${this.#tables.ledger} WHERE query_id = $1 AND sink_id = $2)::text AS last`,
      [queryId, sinkId, batch.batchId],
    )
    const { digest, last } = rows[0] ?? { digest: null, last: null }
    if (this.#isFirst && last === null && batch.batchId > 0)
      warnOfNewSink(`ledger ${this.#tables.ledger}, sink ${JSON.stringify(sinkId)}:`, batch.batchId)
    this.#isFirst = false
    if (digest === digestOf(batch)) return true
    const where = `ledger ${this.#tables.ledger}, sink ${JSON.stringify(sinkId)}: batch ${batch.batchId}`
    if (digest !== null)
      throw new PortError(`${where} was committed with another range; the checkpoint is older than the table`)
    if (last !== null && Number(last) > batch.batchId)
      throw new PortError(`${where} comes after batch ${last} was committed; the checkpoint is older than the table`)
    return false
  }

  /**
   * Adds the batch's entry to the open transaction, and from here to its end keeps other claims waiting.
   * @throws LeaseLostError when another writer has taken over.
   */
  async enter(client: PostgresClient, batch: Batch, count: number): Promise<void> {
    const { queryId, sinkId, epoch } = this.#owner
    const { rowCount } = await client.ask(
      `WITH held AS (SELECT FROM ${this.#tables.sinks} WHERE query_id = $1 AND sink_id = $2 AND epoch = $3 FOR SHARE),
            purged AS (DELETE FROM ${this.#tables.ledger} WHERE query_id = $1 AND sink_id = $2 AND batch_id <= $4::bigint - ${retain})
       INSERT INTO ${this.#tables.ledger} (query_id, sink_id, batch_id, digest, epoch, rows)
       SELECT $1, $2, $4, $5, $3, $6 FROM held`,
      [queryId, sinkId, epoch, batch.batchId, digestOf(batch), count],
    )
    if (rowCount === 0) throw this.#replaced()
  }

  /** What the former writer has open is rolled back at once; without the right to do so its locks last until the server finds it gone. */
  async #endFormer(client: PostgresClient): Promise<void> {
    const { queryId, sinkId, epoch } = this.#owner
    try {
      await client.ask(
        `SELECT pg_terminate_backend(process.pid)
         FROM ${this.#tables.sinks} AS former JOIN pg_stat_activity AS process ON pid = process_id AND backend_start = process_start
         WHERE former.query_id = $1 AND sink_id = $2 AND epoch <= $3 AND pid <> pg_backend_pid()`,
        [queryId, sinkId, epoch],
      )
    } catch (error) {
      if (sqlStateOf(error) !== insufficientPrivilege) throw error
    }
  }

  #replaced(): LeaseLostError {
    const { sinkId, epoch } = this.#owner
    return new LeaseLostError(
      `ledger ${this.#tables.ledger}: a writer of a later epoch writes to sink ${JSON.stringify(sinkId)}, and this one is of epoch ${epoch}; it commits nothing more`,
    )
  }
}

/** Tells a batch from another one under the same id. */
function digestOf({ start, end }: Batch): string {
  const range = `${canonicalOffset(start, 'start')}\n${canonicalOffset(end, 'end')}`
  return createHash('sha256').update(range).digest('hex')
}
