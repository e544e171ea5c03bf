import type { Batch } from '../../batch.ts'
import { isRetryable, PostgresError } from '../../errors.ts'
import type { PartitionWriter, WriteContext } from '../../sink.ts'
import type { PostgresClient } from './client.ts'
import type { Feed, RowBuffer } from './feed.ts'
import { type PostgresReceipt, partitionRows, type RowsOfBatch } from './partition-rows.ts'
import { isInDoubt, postgresError, sqlStateOf } from './postgres-error.ts'

/** How rows get into the table: what is held of a partition, and the way within a transaction. */
export interface FeedMaker<Buffer extends RowBuffer> {
  readonly buffer: () => Buffer
  /** Begins in an open transaction. */
  readonly feed: (client: PostgresClient) => Feed<Buffer>
}

/** {@link OpenBatch}, whatever its rows are held in. */
export interface BatchInTable {
  readonly batch: Batch
  /** What the COMMIT came to. */
  readonly outcome: 'open' | 'committed' | 'in doubt'
  /** @throws what the transaction was lost by. */
  readonly partition: (maxBuffered: number, report: WriteContext['report']) => PartitionWriter<object, PostgresReceipt>
  /** @param before what else is in the transaction; with it the rows become visible, or don't. */
  readonly commit: (before: BeforeCommit) => Promise<void>
  readonly rollBack: () => Promise<void>
}

/** What happens in the transaction besides the rows, just before it ends. */
export type BeforeCommit = (client: PostgresClient, rows: number) => Promise<void>

/**
 * One batch in one transaction, fed by all its partitions. It begins with the first rows that leave. Once it has failed, whatever is asked of it fails with
 * an error by which the engine begins the batch again.
 */
export class OpenBatch<Buffer extends RowBuffer> implements BatchInTable, RowsOfBatch<Buffer> {
  readonly batch: Batch
  readonly #client: PostgresClient
  readonly #way: FeedMaker<Buffer>
  #feed: Promise<Feed<Buffer>> | undefined
  #lost: { readonly error: unknown } | undefined
  #rows = 0
  held = 0
  outcome: 'open' | 'committed' | 'in doubt' = 'open'

  constructor(batch: Batch, client: PostgresClient, way: FeedMaker<Buffer>) {
    this.batch = batch
    this.#client = client
    this.#way = way
  }

  partition(maxBuffered: number, report: WriteContext['report']): PartitionWriter<object, PostgresReceipt> {
    this.assertOpen()
    return partitionRows(this, maxBuffered, report)
  }

  buffer(): Buffer {
    return this.#way.buffer()
  }

  assertOpen(): void {
    if (this.#lost !== undefined) throw this.#lost.error
  }

  async send(buffer: Buffer): Promise<void> {
    this.assertOpen()
    this.#rows += buffer.rows
    await this.#orLost('writing rows failed', async () => (await this.#begun()).send(buffer))
  }

  takeBack(): void {
    const message = 'a partition failed after some of its rows had been sent; the batch is begun again'
    this.#lost ??= { error: new PostgresError(message, { restartsBatch: true }) }
  }

  async commit(before: BeforeCommit): Promise<void> {
    this.assertOpen()
    await this.#orLost('the end of the transaction failed', async () => {
      const feed = await this.#begun()
      await feed.end()
      await before(this.#client, this.#rows)
    })
    this.outcome = 'in doubt' // from here on
    try {
      await this.#client.run('COMMIT')
      this.outcome = 'committed'
    } catch (error) {
      const failure = postgresError('COMMIT failed', error)
      if (isInDoubt(error)) throw failure
      this.outcome = 'open'
      throw this.#lose(failure)
    }
  }

  /** Rolls back what was begun. A connection on which that fails is given up. */
  async rollBack(): Promise<void> {
    if (this.outcome === 'committed') return
    const begun = this.#feed
    this.#feed = undefined
    this.#lost ??= { error: new PostgresError('the batch was rolled back', { restartsBatch: true }) }
    if (begun === undefined) return
    try {
      await (await begun).abandon()
      await this.#client.run('ROLLBACK')
    } catch {
      this.#client.destroy()
    }
  }

  #begun(): Promise<Feed<Buffer>> {
    this.#feed ??= this.#client.run('BEGIN').then(() => this.#way.feed(this.#client))
    return this.#feed
  }

  async #orLost(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      throw this.#lose(postgresError(what, error))
    }
  }

  // Of several that fail by the same thing all say so.
  #lose(failure: unknown): unknown {
    const error = isRetryable(failure)
      ? new PostgresError(failure instanceof Error ? failure.message : String(failure), {
          cause: failure,
          sqlState: sqlStateOf(failure),
          restartsBatch: true,
        })
      : failure
    this.#lost ??= { error }
    return this.#lost.error
  }
}
