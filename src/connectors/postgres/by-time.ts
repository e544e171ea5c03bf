import type { ReadLimit } from '../../source.ts'
import type { Connections } from './connections.ts'
import { quoted, quotedTable } from './names.ts'
import type { TimeOffset } from './offsets.ts'
import { settledTime } from './settled.ts'
import type { Place, TimeSlice } from './slice.ts'
import type { PostgresRowsSettings } from './source-options.ts'
import { compareTimes, parseTime, timestampWriter } from './time-text.ts'

/** Positions by (updatedAt, id): a row lies after another one when its time does, or of the same time its id. */
export class ByTime {
  readonly #connections: Connections
  readonly #settings: PostgresRowsSettings
  readonly #time: string
  readonly #id: string
  readonly #table: string

  constructor(connections: Connections, settings: PostgresRowsSettings, updatedAt: string) {
    this.#connections = connections
    this.#settings = settings
    this.#time = quoted(updatedAt)
    this.#id = quoted(settings.id)
    this.#table = quotedTable(settings.table)
  }

  initialOffset(): Promise<TimeOffset> | TimeOffset {
    return this.#settings.from === 'latest' ? this.reportLatestOffset() : {}
  }

  async latestOffset(start: TimeOffset, { maxRows }: Pick<ReadLimit, 'maxRows'>): Promise<TimeOffset> {
    const limited = maxRows === Infinity ? undefined : await this.#row(start, 'ASC', maxRows - 1)
    return limited ?? (await this.#row(start, 'DESC', 0)) ?? start
  }

  async reportLatestOffset(): Promise<TimeOffset> {
    return (await this.#row({}, 'DESC', 0)) ?? {}
  }

  /** Equal spans of time: a boundary lies before all rows of its time. */
  async partitions(start: TimeOffset, end: TimeOffset): Promise<readonly TimeSlice[]> {
    if (end.time === undefined || ByTime.compare(start, end) === 0) return []
    const first = start.time ?? (await this.#row({}, 'ASC', 0))?.time ?? end.time
    const [fromMs, toMs] = [first, end.time].map((text) => parseTime(text)?.getTime() ?? Number.NaN) as [number, number]
    const count = this.#settings.partitions
    const cuts = Array.from({ length: count - 1 }, (_, index) =>
      Math.ceil(fromMs + ((toMs - fromMs) * (index + 1)) / count),
    )
    const text = timestampWriter()
    const inner = [...new Set(cuts)].filter((ms) => ms > fromMs && ms <= toMs).map((ms) => text(new Date(ms)))
    const places: (Place | undefined)[] = [
      start.time === undefined ? undefined : start,
      ...inner.map((time): Place => ({ time })),
      end,
    ]
    return places.slice(1).map((to, index) => {
      const from = places[index]
      return { times: { ...(from && { from }), to: to as Place } }
    })
  }

  static compare(a: TimeOffset, b: TimeOffset): number {
    if (a.time === undefined || b.time === undefined) return Number(a.time !== undefined) - Number(b.time !== undefined)
    if (a.time !== b.time) return compareTimes(a.time, b.time)
    if (/^-?\d+$/.test(a.id) && /^-?\d+$/.test(b.id))
      return Number(BigInt(a.id) > BigInt(b.id)) - Number(BigInt(a.id) < BigInt(b.id))
    return a.id < b.id ? -1 : Number(a.id > b.id)
  }

  /** A settled row after a place, counted from that end. */
  async #row(start: TimeOffset, order: 'ASC' | 'DESC', offset: number): Promise<TimeOffset | undefined> {
    const after = start.time === undefined ? 'true' : `(${this.#time}, ${this.#id}) > ($2, $3)`
    // By its table: a bare name would mean the text that is selected under it, and "14" stands before "7".
    const place = [this.#time, this.#id].map((column) => `held.${column} ${order}`).join(', ')
    const { rows } = await this.#connections.with((client) =>
      client.ask<{ time: string; id: string }>(
        `SELECT ${this.#time}::text AS time, ${this.#id}::text AS id FROM ${this.#table} AS held
         WHERE ${after} AND ${this.#time} < (${settledTime(this.#settings)}) ORDER BY ${place} OFFSET $1 LIMIT 1`,
        start.time === undefined ? [offset] : [offset, start.time, start.id],
      ),
    )
    return rows[0]
  }
}
