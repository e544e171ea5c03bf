import { firstValueFrom, timer } from 'rxjs'
import { byIdRange } from '../../partition.ts'
import type { ReadLimit } from '../../source.ts'
import type { PostgresClient } from './client.ts'
import type { Connections } from './connections.ts'
import { quoted, quotedTable } from './names.ts'
import type { IdOffset } from './offsets.ts'
import { settledTime } from './settled.ts'
import type { IdSlice } from './slice.ts'
import type { PostgresRowsSettings } from './source-options.ts'

/** Before any bigint. */
const lowest = -(2n ** 63n)

/** What was the head at some time. */
interface Sample {
  readonly atMs: number
  readonly head: bigint
}

/**
 * Positions by id. A plan asks for the smallest and the greatest id and counts nothing; with `maxRows` it walks the index over the rows of one batch.
 *
 * With a safety lag the head is one that was seen so long ago: ids are given before their rows appear.
 */
export class ById {
  readonly #connections: Connections
  readonly #settings: PostgresRowsSettings
  readonly #column: string
  readonly #table: string
  #samples: Sample[] = []

  constructor(connections: Connections, settings: PostgresRowsSettings) {
    this.#connections = connections
    this.#settings = settings
    this.#column = quoted(settings.id)
    this.#table = quotedTable(settings.table)
  }

  async initialOffset(): Promise<IdOffset> {
    // Not the least id that is there: a smaller one may be in a transaction that is still open.
    if (this.#settings.from === 'earliest') return { id: String(lowest) }
    return { id: String((await this.#connections.with((client) => this.#look(client))).head ?? lowest) }
  }

  async latestOffset({ id }: IdOffset, { maxRows }: Pick<ReadLimit, 'maxRows'>): Promise<IdOffset> {
    const start = BigInt(id)
    const head = await this.#settledHead()
    if (head === undefined || head <= start) return { id }
    if (maxRows === Infinity) return { id: String(head) }
    const { rows } = await this.#connections.with((client) =>
      client.ask<{ next: string }>(
        `SELECT ${this.#column}::text AS next FROM ${this.#table} AS held WHERE ${this.#column} >= $1::bigint ORDER BY held.${this.#column} OFFSET $2 LIMIT 1`,
        [id, maxRows],
      ),
    )
    const next = rows[0]?.next
    return { id: String(next !== undefined && BigInt(next) < head ? BigInt(next) : head) }
  }

  async reportLatestOffset(): Promise<IdOffset> {
    return { id: String((await this.#settledHead()) ?? lowest) }
  }

  /** Equal spans of ids: how many rows are in one doesn't matter, they are read as they come. */
  async partitions(start: IdOffset, end: IdOffset): Promise<readonly IdSlice[]> {
    const to = BigInt(end.id)
    if (BigInt(start.id) >= to) return []
    const first = await this.#connections.with((client) => this.#least(client, BigInt(start.id)))
    if (first === undefined || first >= to) return []
    // Cut where there are rows; the first one begins where the batch does all the same.
    return byIdRange(first, to, this.#settings.partitions).map((ids, index) => ({
      ids: index === 0 ? { ...ids, from: start.id } : ids,
    }))
  }

  /** All that is there, for reading it once. */
  async all(): Promise<readonly IdSlice[]> {
    const { head } = await this.#connections.with((client) => this.#look(client))
    return head === undefined ? [] : this.partitions({ id: String(lowest) }, { id: String(head) })
  }

  static compare(a: IdOffset, b: IdOffset): number {
    const difference = BigInt(a.id) - BigInt(b.id)
    return difference < 0n ? -1 : difference > 0n ? 1 : 0
  }

  /** At most so many rows lie between. */
  async distance(from: IdOffset, to: IdOffset): Promise<number> {
    const least = await this.#connections.with((client) => this.#least(client, BigInt(from.id)))
    return least === undefined ? 0 : Math.max(0, Number(BigInt(to.id) - least))
  }

  async #settledHead(): Promise<bigint | undefined> {
    const { lagMs, waitsForTransactions } = this.#settings
    const look = () => this.#connections.with((client) => this.#look(client))
    const first = await look()
    if (lagMs === 0 && !waitsForTransactions) return first.head
    const settled = this.#settledOf(first)
    if (settled !== undefined || first.head === undefined) return settled
    // Nothing was looked at so long ago: this process has just begun.
    await firstValueFrom(timer(lagMs))
    return this.#settledOf(await look())
  }

  #settledOf({ atMs, settledMs, head }: Look): bigint | undefined {
    if (head !== undefined && head !== this.#samples.at(-1)?.head) this.#samples.push({ atMs, head })
    const index = this.#samples.findLastIndex((sample) => sample.atMs <= settledMs)
    if (index > 0) this.#samples = this.#samples.slice(index)
    return index < 0 ? undefined : this.#samples[0]?.head
  }

  /**
   * The time of a look is one after its snapshot was taken: a transaction that begins while the statement is planned may have given an id below the head that the
   * snapshot shows. Whichever was open when the snapshot was taken is told by the server as open, or its rows are there by now.
   */
  async #look(client: PostgresClient): Promise<Look> {
    const { rows } = await client.ask<{ head: string | null; at: number; settled: number }>(
      `SELECT head, extract(epoch FROM at)::float8 * 1000 AS at, extract(epoch FROM ${settledTime(this.#settings, 'at')})::float8 * 1000 AS settled
       FROM (SELECT (max(${this.#column})::numeric + 1)::text AS head, clock_timestamp() AS at FROM ${this.#table}) AS looked`,
    )
    const { head, at, settled } = rows[0] ?? { head: null, at: 0, settled: 0 }
    return { head: head === null ? undefined : BigInt(head), atMs: at, settledMs: settled }
  }

  async #least(client: PostgresClient, from: bigint): Promise<bigint | undefined> {
    const { rows } = await client.ask<{ least: string | null }>(
      `SELECT min(${this.#column})::text AS least FROM ${this.#table} WHERE ${this.#column} >= $1::bigint`,
      [String(from)],
    )
    const least = rows[0]?.least
    return typeof least === 'string' ? BigInt(least) : undefined
  }
}

/** One look at the table, in times of the server's clock. */
interface Look {
  readonly head: bigint | undefined
  readonly atMs: number
  readonly settledMs: number
}
