import type { BatchOutcome } from '../batch.ts'
import { CheckpointCorruptError } from '../errors.ts'
import { decodeJournal } from './journal.ts'
import type { LogEntry } from './log.ts'
import { formatOffset, parseOffset } from './offset-text.ts'
import { decodePlan, encodePlan } from './plan-text.ts'
import { assertSources, type Log, parseSources, recover } from './recovery.ts'
import type { OpenLog } from './session.ts'
import type { SqliteDatabase, SqliteStatement } from './sqlite-database.ts'

/** What a table has in its rows. SQLite keeps no checksum of a page: a damaged one may hold anything. */
interface QueryRow {
  readonly query_id: unknown
  readonly epoch: unknown
  readonly sources: unknown
  readonly initial: unknown
}

interface BatchRow {
  readonly batch_id: unknown
  readonly plan: unknown
  readonly outcome: unknown
}

/** The tables of an open, locked database. */
export class SqliteLog {
  readonly #database: SqliteDatabase
  readonly #file: string
  readonly #retain: number
  #synced = true
  /** No batch before it is kept. */
  #oldest = 0
  readonly #statements = new Map<string, SqliteStatement>()

  constructor(database: SqliteDatabase, file: string, retain: number) {
    this.#database = database
    this.#file = file
    this.#retain = retain
  }

  /** Checks everything, and takes the next epoch. A refusal changes nothing. */
  open(sources: readonly string[]): Omit<OpenLog, 'name'> {
    return this.#transaction(() => {
      const row = this.#sql(selectQuery).get() as QueryRow | undefined
      if (row === undefined)
        throw new CheckpointCorruptError(`${this.#file}: expected the query's row in table query, found none`)
      const recovery = recover(this.#read(row, sources))
      const { pending } = recovery.recovered
      if (pending !== undefined) this.#checkJournal(pending.batchId, recovery.position.last?.plan?.journal ?? 0)
      const epoch = countOf(row.epoch, `${this.#file}: epoch`) + 1
      this.#sql('UPDATE query SET epoch = ?, sources = ?').run(epoch, JSON.stringify(sources))
      // Journals of a batch that was never planned: its rows come again.
      this.#sql('DELETE FROM journals WHERE batch_id NOT IN (SELECT batch_id FROM batches)').run()
      return { queryId: recovery.position.queryId, epoch, ...recovery }
    })
  }

  /** @param sync `false`: the entries are in the file and not on the disk yet; the next ones that are synced take them along, as does closing. */
  append(entries: readonly LogEntry[], sync: boolean): void {
    if (entries.length === 0) return
    if (sync !== this.#synced) {
      // Of the WAL. Before its pages go into the database it is synced in either mode.
      this.#database.exec(`PRAGMA synchronous = ${sync ? 'FULL' : 'NORMAL'}`)
      this.#synced = sync
    }
    this.#transaction(() => {
      for (const entry of entries) this.#append(entry)
    })
  }

  *journal(batchId: number): Generator<readonly unknown[], void> {
    for (let chunk = 0; ; chunk++) {
      const row = this.#sql('SELECT rows AS rows FROM journals WHERE batch_id = ? AND chunk = ?').get(batchId, chunk) as
        | { readonly rows: unknown }
        | undefined
      if (row === undefined) return
      const where = `${this.#file}: journal ${batchId}-${chunk}`
      if (!(row.rows instanceof Uint8Array)) throw unexpected(where, 'bytes')
      yield decodeJournal(row.rows, where)
    }
  }

  #append(entry: LogEntry): void {
    switch (entry.kind) {
      case 'initial':
        this.#sql('UPDATE query SET initial = ?').run(formatOffset(entry.offset, 'initial offset'))
        return
      case 'journal':
        this.#sql('INSERT INTO journals VALUES (?, ?, ?)').run(entry.batchId, entry.chunk, entry.rows)
        return
      case 'plan': {
        const { batchId } = entry.plan
        this.#sql('INSERT INTO batches VALUES (?, ?, NULL)').run(batchId, encodePlan(entry.plan, entry.text))
        this.#purge(batchId - this.#retain)
        return
      }
      case 'done':
        this.#sql('UPDATE batches SET outcome = ? WHERE batch_id = ?').run(entry.outcome, entry.batchId)
    }
  }

  #purge(end: number): void {
    if (end <= this.#oldest) return
    this.#sql('DELETE FROM journals WHERE batch_id < ?').run(end)
    this.#sql('DELETE FROM batches WHERE batch_id < ?').run(end)
    this.#oldest = end
  }

  #read(row: QueryRow, sources: readonly string[]): Log {
    const where = `${this.#file}: table query`
    const logged = row.sources === null ? sources : parseSources(textOf(row.sources, where), where)
    assertSources(where, logged, sources)
    const name = (batchId: number) => `${this.#file}: batch ${batchId}`
    const rows = (this.#sql(selectBatches).all() as BatchRow[]).map(({ batch_id, ...rest }) => ({
      ...rest,
      batchId: countOf(batch_id, `${this.#file}: table batches`),
    }))
    const batches = rows.map(({ batchId, plan: text }) => {
      const plan = decodePlan(textOf(text, name(batchId)), name(batchId), batchId)
      return { batchId: plan.batchId, end: plan.end, plan }
    })
    const outcomes = rows.flatMap(({ batchId, outcome }) =>
      outcome === null ? [] : [[batchId, outcomeOf(outcome, name(batchId))] as const],
    )
    const initial = `${this.#file}: initial offset`
    return {
      queryId: textOf(row.query_id, where),
      sources,
      initial: row.initial === null ? undefined : parseOffset(textOf(row.initial, initial), initial),
      batches,
      outcomes: new Map(outcomes),
      name: { initial, plan: name, done: (batchId) => `${name(batchId)}: outcome` },
    }
  }

  #checkJournal(batchId: number, records: number): void {
    const found = [...this.journal(batchId)].length // reading checks
    if (found === records) return
    throw new CheckpointCorruptError(
      `${this.#file}: batch ${batchId}: expected ${records} journal records, found ${found}`,
    )
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.#database.exec('COMMIT')
      return result
    } catch (error) {
      try {
        this.#database.exec('ROLLBACK')
      } catch {
        // SQLite has rolled back already, or will on closing; the first error is the one that matters.
      }
      throw error
    }
  }

  #sql(text: string): SqliteStatement {
    const statement = this.#statements.get(text) ?? this.#database.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }
}

// By an alias each: the columns of a damaged schema may be spelled otherwise.
const selectQuery = 'SELECT query_id AS query_id, epoch AS epoch, sources AS sources, initial AS initial FROM query'
const selectBatches = 'SELECT batch_id AS batch_id, plan AS plan, outcome AS outcome FROM batches ORDER BY batch_id'

function unexpected(where: string, expected: string): CheckpointCorruptError {
  return new CheckpointCorruptError(`${where}: expected ${expected}, found something else`)
}

function textOf(value: unknown, where: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw unexpected(where, 'a text')
}

function countOf(value: unknown, where: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw unexpected(where, 'a count')
}

/** A batch that only looks finished would be lost. */
function outcomeOf(value: unknown, where: string): BatchOutcome {
  if (value === 'committed' || value === 'abandoned') return value
  throw unexpected(where, '"committed", "abandoned" or no outcome')
}
