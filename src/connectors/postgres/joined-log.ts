import { LeaseLostError } from '../../errors.ts'
import type { Bookkeeping } from './bookkeeping.ts'
import type { PostgresClient } from './client.ts'

/** Whose log it is, while it is open. */
interface OpenLog {
  readonly name: string
  readonly queryId: string
  readonly epoch: number
}

/**
 * What a sink and the log in its database know of each other: while the log is open, the sink of the same query notes the end of a batch in it,
 * in the transaction of the batch's rows; the log then knows it already when the engine says so.
 */
export class JoinedLog {
  readonly #tables: Bookkeeping
  #open: OpenLog | undefined
  #done = -1

  constructor(tables: Bookkeeping) {
    this.#tables = tables
  }

  opened(log: OpenLog): void {
    this.#open = log
    this.#done = -1
  }

  closed(): void {
    this.#open = undefined
  }

  isOf(queryId: string): boolean {
    return this.#open?.queryId === queryId
  }

  /** Adds the end of a batch to the open transaction. @throws LeaseLostError when the log has another holder by now. */
  async enterDone(client: PostgresClient, batchId: number): Promise<void> {
    const { name, epoch } = this.#open ?? { name: '', epoch: -1 }
    const { rowCount } = await client.ask(
      `WITH held AS (SELECT FROM ${this.#tables.queries} WHERE name = $1 AND epoch = $2 FOR SHARE)
       UPDATE ${this.#tables.plans} SET outcome = 'committed' FROM held WHERE name = $1 AND batch_id = $3`,
      [name, epoch, batchId],
    )
    if (rowCount === 0)
      throw new LeaseLostError(
        `checkpoint ${JSON.stringify(name)}: another session has it by now, and this one is of epoch ${epoch}; nothing is committed`,
      )
  }

  /** The transaction was committed. */
  noteDone(batchId: number): void {
    this.#done = batchId
  }

  /** Whether the log has the end of this batch already. */
  holdsDone(batchId: number): boolean {
    return this.#done === batchId
  }
}
