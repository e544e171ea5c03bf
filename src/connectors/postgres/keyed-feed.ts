import type { PostgresClient } from './client.ts'
import type { Feed } from './feed.ts'
import { lastOfKeyStatement } from './key-equality.ts'
import { type KeyedBuffer, type KeyedRows, lastOfEach, pick } from './keyed-buffer.ts'
import { list, quoted, quotedTable, type TableName } from './names.ts'
import type { TableColumn } from './table.ts'

/** Rows a statement: beyond ten thousand it gets no faster, and shorter ones hold fewer locks at a time. */
const statementRows = 10_000
/** Characters a statement, so that long rows don't pile up. */
const statementSize = 4 * 1024 * 1024

/** What happens to a row whose key is there already. */
export type OnConflict = 'update' | 'nothing'

/** The statements for rows in arrays. */
export interface KeyedStatements {
  readonly insert: string
  readonly delete: string
  /** Asks which rows are the last of their key, where their texts don't tell. */
  readonly last: string | undefined
  /** Which of the columns are the key. */
  readonly keyIndexes: readonly number[]
}

/**
 * `insert … select from unnest($1, $2, …) on conflict`: as fast as a COPY into a staging table and a merge up to ten thousand rows, and
 * nothing to be cleaned up. An array of arrays would be taken apart by `unnest`, so these travel as texts.
 * @param exactKey whether equal keys have equal texts.
 */
export function keyedStatements(
  table: TableName,
  columns: readonly TableColumn[],
  key: readonly string[],
  onConflict: OnConflict,
  exactKey: boolean,
): KeyedStatements {
  const others = columns.filter(({ name }) => !key.includes(name))
  const rows = (some: readonly TableColumn[], numbered = false) => {
    const parameters = some.map(({ type, isArray }, index) => `$${index + 1}::${isArray ? 'text' : type}[]`)
    const names = some.map((_, index) => `c${index}`).join(', ')
    return `unnest(${parameters.join(', ')}) ${numbered ? `WITH ORDINALITY AS r(${names}, n)` : `AS r(${names})`}`
  }
  const values = columns.map(({ type, isArray }, index) => (isArray ? `r.c${index}::${type}` : `r.c${index}`))
  const set = others.map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`)
  const action = onConflict === 'nothing' || set.length === 0 ? 'NOTHING' : `UPDATE SET ${set.join(', ')}`
  const keyColumns = columns.filter(({ name }) => key.includes(name))
  const same = keyColumns.map(({ name, stored }, index) => `t.${quoted(name)} = r.c${index}::${stored}`)
  return {
    insert: `INSERT INTO ${quotedTable(table)} (${list(columns.map(({ name }) => name))}) SELECT ${values.join(', ')} FROM ${rows(columns)} ON CONFLICT (${list(key)}) DO ${action}`,
    delete: `DELETE FROM ${quotedTable(table)} AS t USING ${rows(keyColumns)} WHERE ${same.join(' AND ')}`,
    last: exactKey || onConflict === 'nothing' ? undefined : lastOfKeyStatement(keyColumns, rows(keyColumns, true)),
    keyIndexes: keyColumns.map((column) => columns.indexOf(column)),
  }
}

/** Statements one after the other; rows of several partitions share one. */
export class KeyedFeed implements Feed<KeyedBuffer> {
  readonly #client: PostgresClient
  readonly #statements: KeyedStatements
  readonly #onConflict: OnConflict
  readonly #waiting: KeyedBuffer[] = []
  #under: Promise<void> = Promise.resolve()
  readonly #merged: () => KeyedRows
  #rows = 0
  #size = 0

  constructor(client: PostgresClient, statements: KeyedStatements, onConflict: OnConflict, empty: () => KeyedRows) {
    this.#client = client
    this.#statements = statements
    this.#onConflict = onConflict
    this.#merged = () =>
      merge(
        this.#waiting.splice(0).map((buffer) => buffer.take()),
        empty,
      )
  }

  async send(buffer: KeyedBuffer): Promise<void> {
    this.#rows += buffer.rows
    this.#size += buffer.size
    this.#waiting.push(buffer)
    if (this.#rows >= statementRows || this.#size >= statementSize) await this.#flush()
    else await this.#under
  }

  async end(): Promise<void> {
    await this.#flush()
  }

  async abandon(): Promise<void> {
    this.#waiting.length = 0
    await this.#under.catch(() => {})
  }

  #flush(): Promise<void> {
    const rows = this.#merged()
    this.#rows = 0
    this.#size = 0
    const sent = this.#under.then(() => this.#send(rows))
    this.#under = sent
    sent.catch(() => {}) // heard by whoever waits, and by whoever sends next
    return sent
  }

  async #send(all: KeyedRows): Promise<void> {
    // Insert-only keeps the first one, as the server does where the key is there already.
    const rows = this.#onConflict === 'nothing' ? all : await this.#lastOfEach(lastOfEach(all))
    for (let from = 0; from < rows.keys.length; from += statementRows) {
      const slice = rows.keys.length <= statementRows ? rows : sliceOf(rows, from, from + statementRows)
      const { deletes } = slice
      if (deletes?.includes(true) === true) {
        await this.#delete(pick(slice, (index) => deletes[index] === true))
        await this.#insert(pick(slice, (index) => deletes[index] !== true))
      } else await this.#insert(slice)
    }
  }

  /** A statement can't change a row twice, and a deletion must not pass by a later row: so the server says which keys are equal. */
  async #lastOfEach(rows: KeyedRows): Promise<KeyedRows> {
    const { last, keyIndexes } = this.#statements
    if (last === undefined || rows.keys.length < 2) return rows
    const answer = await this.#client.ask<{ readonly n: number }>(
      last,
      keyIndexes.map((index) => arrayText(rows.cells[index] ?? [])),
    )
    if (answer.rows.length === rows.keys.length) return rows
    const stay = new Set(answer.rows.map(({ n }) => n - 1))
    return pick(rows, (index) => stay.has(index))
  }

  async #insert({ cells, keys }: KeyedRows): Promise<void> {
    if (keys.length > 0) await this.#client.ask(this.#statements.insert, cells.map(arrayText))
  }

  async #delete({ cells, keys }: KeyedRows): Promise<void> {
    const { keyIndexes } = this.#statements
    if (keys.length > 0)
      await this.#client.ask(
        this.#statements.delete,
        keyIndexes.map((index) => arrayText(cells[index] ?? [])),
      )
  }
}

function arrayText(cells: readonly string[]): string {
  return `{${cells.join(',')}}`
}

function sliceOf({ cells, keys, deletes }: KeyedRows, from: number, to: number): KeyedRows {
  return {
    cells: cells.map((column) => column.slice(from, to)),
    keys: keys.slice(from, to),
    deletes: deletes?.slice(from, to),
  }
}

function merge(parts: readonly KeyedRows[], empty: () => KeyedRows): KeyedRows {
  const [first] = parts
  if (first !== undefined && parts.length === 1) return first
  const none = empty()
  return {
    cells: none.cells.map((_, index) => parts.flatMap(({ cells }) => cells[index] ?? [])),
    keys: parts.flatMap(({ keys }) => keys),
    deletes: none.deletes && parts.flatMap(({ deletes }) => deletes ?? []),
  }
}
