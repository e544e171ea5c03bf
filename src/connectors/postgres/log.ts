import type { BatchOutcome } from '../../batch.ts'
import { decodeJournal } from '../../checkpoint/journal.ts'
import type { LogEntry } from '../../checkpoint/log.ts'
import { formatOffset, parseOffset } from '../../checkpoint/offset-text.ts'
import { decodePlan, encodePlan } from '../../checkpoint/plan-text.ts'
import { assertSources, type Log, parseSources, recover } from '../../checkpoint/recovery.ts'
import type { OpenLog } from '../../checkpoint/session.ts'
import { CheckpointCorruptError, LeaseLostError } from '../../errors.ts'
import type { Bookkeeping } from './bookkeeping.ts'
import type { PostgresClient } from './client.ts'
import type { JoinedLog } from './joined-log.ts'
import { postgresError } from './postgres-error.ts'

interface QueryRow {
  readonly query_id: string
  readonly epoch: string
  readonly sources: string | null
  readonly initial: string | null
}

interface PlanRow {
  readonly batch_id: string
  readonly plan: string
  readonly outcome: BatchOutcome | null
}

/** The log of one query in its tables, for whoever has its lease. */
export class PostgresLog {
  readonly #client: PostgresClient
  readonly #tables: Bookkeeping
  readonly #name: string
  readonly #retain: number
  readonly #joined: JoinedLog
  readonly #where: string
  #epoch = 0

  constructor(client: PostgresClient, tables: Bookkeeping, name: string, retain: number, joined: JoinedLog) {
    this.#client = client
    this.#tables = tables
    this.#name = name
    this.#retain = retain
    this.#joined = joined
    this.#where = `checkpoint ${JSON.stringify(name)}`
  }

  /** Checks everything, and takes the next epoch. A refusal changes nothing. @param queryId for a log that is new. */
  open(sources: readonly string[], queryId: string): Promise<Omit<OpenLog, 'name'>> {
    const { queries, plans, journals } = this.#tables
    return this.#transaction(async () => {
      await this.#client.ask(`INSERT INTO ${queries} VALUES ($1, $2, 0) ON CONFLICT DO NOTHING`, [this.#name, queryId])
      const { rows } = await this.#client.ask<QueryRow>(
        `SELECT query_id, epoch, sources, initial FROM ${queries} WHERE name = $1 FOR UPDATE`,
        [this.#name],
      )
      const [row] = rows
      if (row === undefined) throw new CheckpointCorruptError(`${this.#where}: its row in ${queries} is gone`)
      const recovery = recover(await this.#read(row, sources))
      const { pending } = recovery.recovered
      if (pending !== undefined) await this.#checkJournal(pending.batchId, recovery.position.last?.plan?.journal ?? 0)
      this.#epoch = Number(row.epoch) + 1
      await this.#client.ask(`UPDATE ${queries} SET epoch = $2, sources = $3 WHERE name = $1`, [
        this.#name,
        this.#epoch,
        JSON.stringify(sources),
      ])
      // Journals of a batch that was never planned: its rows come again.
      await this.#client.ask(
        `DELETE FROM ${journals} WHERE name = $1 AND batch_id NOT IN (SELECT batch_id FROM ${plans} WHERE name = $1)`,
        [this.#name],
      )
      return { queryId: row.query_id, epoch: this.#epoch, ...recovery }
    })
  }

  async append(entries: readonly LogEntry[]): Promise<void> {
    const left = entries.filter((entry) => entry.kind !== 'done' || !this.#joined.holdsDone(entry.batchId))
    if (left.length === 0) return
    try {
      await this.#transaction(async () => {
        const { rowCount } = await this.#client.ask(
          `SELECT FROM ${this.#tables.queries} WHERE name = $1 AND epoch = $2 FOR SHARE`,
          [this.#name, this.#epoch],
        )
        if (rowCount === 0)
          throw new LeaseLostError(`${this.#where}: another session has taken it over; nothing more is written`)
        for (const entry of left) await this.#append(entry)
      })
    } catch (error) {
      throw postgresError(`${this.#where}: a log entry could not be written`, error)
    }
  }

  async *journal(batchId: number): AsyncGenerator<readonly unknown[], void> {
    for (let chunk = 0; ; chunk++) {
      const { rows } = await this.#client.ask<{ rows: Uint8Array }>(
        `SELECT rows FROM ${this.#tables.journals} WHERE name = $1 AND batch_id = $2 AND chunk = $3`,
        [this.#name, batchId, chunk],
      )
      const [row] = rows
      if (row === undefined) return
      yield decodeJournal(row.rows, `${this.#where}: journal ${batchId}-${chunk}`)
    }
  }

  async #append(entry: LogEntry): Promise<void> {
    const { queries, plans, journals } = this.#tables
    switch (entry.kind) {
      case 'initial': {
        const text = formatOffset(entry.offset, 'initial offset')
        await this.#client.ask(`UPDATE ${queries} SET initial = $2 WHERE name = $1`, [this.#name, text])
        return
      }
      case 'journal': {
        const values = [this.#name, entry.batchId, entry.chunk, Buffer.from(entry.rows)]
        await this.#client.ask(`INSERT INTO ${journals} VALUES ($1, $2, $3, $4)`, values)
        return
      }
      case 'plan': {
        const { batchId } = entry.plan
        const oldest = batchId - this.#retain
        await this.#client.ask(
          `WITH old AS (DELETE FROM ${journals} WHERE name = $1 AND batch_id < $4), older AS (DELETE FROM ${plans} WHERE name = $1 AND batch_id < $4)
           INSERT INTO ${plans} (name, batch_id, plan) VALUES ($1, $2, $3)`,
          [this.#name, batchId, encodePlan(entry.plan, entry.text), oldest],
        )
        return
      }
      case 'done':
        await this.#client.ask(`UPDATE ${plans} SET outcome = $3 WHERE name = $1 AND batch_id = $2`, [
          this.#name,
          entry.batchId,
          entry.outcome,
        ])
    }
  }

  async #read(row: QueryRow, sources: readonly string[]): Promise<Log> {
    assertSources(this.#where, row.sources === null ? sources : parseSources(row.sources, this.#where), sources)
    const { rows } = await this.#client.ask<PlanRow>(
      `SELECT batch_id, plan, outcome FROM ${this.#tables.plans} WHERE name = $1 ORDER BY batch_id`,
      [this.#name],
    )
    const name = (batchId: number) => `${this.#where}: batch ${batchId}`
    const batches = rows.map(({ batch_id, plan: text }) => {
      const plan = decodePlan(text, name(Number(batch_id)), Number(batch_id))
      return { batchId: plan.batchId, end: plan.end, plan }
    })
    const outcomes = rows.flatMap(({ batch_id, outcome }) =>
      outcome === null ? [] : [[Number(batch_id), outcome] as const],
    )
    return {
      queryId: row.query_id,
      sources,
      initial: row.initial === null ? undefined : parseOffset(row.initial, `${this.#where}: initial offset`),
      batches,
      outcomes: new Map(outcomes),
      name: { initial: `${this.#where}: initial offset`, plan: name, done: (batchId) => `${name(batchId)}: outcome` },
    }
  }

  async #checkJournal(batchId: number, records: number): Promise<void> {
    let found = 0
    for await (const _ of this.journal(batchId)) found++ // reading checks
    if (found === records) return
    throw new CheckpointCorruptError(
      `${this.#where}: batch ${batchId}: expected ${records} journal records, found ${found}`,
    )
  }

  async #transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.#client.run('BEGIN')
    try {
      const result = await work()
      await this.#client.run('COMMIT')
      return result
    } catch (error) {
      // Whatever that comes to: the first error is the one that matters.
      await this.#client.run('ROLLBACK').catch(() => {})
      throw error
    }
  }
}
