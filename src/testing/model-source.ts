import { concat, type Observable, of } from 'rxjs'
import type { AckedReader, ReadLimit, ReplayableReader } from '../source.ts'
import type { Process } from './crash-world.ts'

/** A row of a model source: `id` counts from 0. */
export interface ModelRow {
  readonly id: number
}

/** The position of a row in a table; how many messages a queue has delivered. */
export interface ModelOffset {
  readonly position: number
}

/** Rows `[from, to)` of the model source. */
export interface ModelRange {
  readonly from: number
  readonly to: number
}

const rowsOf = ({ from, to }: ModelRange, first: number): readonly ModelRow[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => ({ id: first + from + i }))

function slices(from: number, to: number, count: number): readonly ModelRange[] {
  const size = Math.ceil((to - from) / count)
  const cuts: ModelRange[] = []
  for (let at = from; at < to; at += size) cuts.push({ from: at, to: Math.min(to, at + size) })
  return cuts
}

/** A table that grows: rows by position, readable at any time until they are committed. Half of them are there at first, one more comes with every look. */
export class ModelTable {
  readonly rows: number
  readonly partitions: number
  readonly #first: number
  #head: number
  #forgotten = 0

  /** @param first the id of the row at position 0. */
  constructor(rows: number, partitions: number, first = 0) {
    this.rows = rows
    this.partitions = partitions
    this.#first = first
    this.#head = Math.ceil(rows / 2)
  }

  /** Nothing will come that isn't there. */
  get exhausted(): boolean {
    return this.#head === this.rows
  }

  reader(process: Process): ReplayableReader<ModelOffset, ModelRange, ModelRow> {
    return {
      initialOffset: () => process.ask(() => ({ position: 0 })),
      latestOffset: ({ position }, { maxRows }: ReadLimit) =>
        process.ask(() => {
          this.#head = Math.min(this.rows, this.#head + 1)
          return { position: Math.max(position, Math.min(position + maxRows, this.#head)) }
        }),
      partitions: (start, end) => process.ask(() => slices(start.position, end.position, this.partitions)),
      read: (range, { attempt }) => {
        const there = rowsOf({ from: Math.max(range.from, this.#forgotten), to: range.to }, this.#first)
        return chunked(process, attempt, `read [${range.from}, ${range.to})`, there)
      },
      compare: (a, b) => a.position - b.position,
      distance: (a, b) => b.position - a.position,
      commit: ({ position }) =>
        process.effect(`source commit ${position}`, () => {
          this.#forgotten = Math.max(this.#forgotten, position)
        }),
    }
  }
}

/** A queue: what was delivered to a process and not acknowledged comes again when the process has died. */
export class ModelQueue {
  readonly #partitions: number
  #ready: number[]
  #unacked = new Set<number>()
  #generation = 0

  /** @param first the id of its first message. */
  constructor(rows: number, partitions: number, first = 0) {
    this.#partitions = partitions
    this.#ready = Array.from({ length: rows }, (_, id) => first + id)
  }

  /** Everything was delivered to somebody. */
  get exhausted(): boolean {
    return this.#ready.length === 0
  }

  reader(process: Process): AckedReader<ModelOffset, ModelRange, ModelRow> {
    this.#requeue([...this.#unacked])
    const generation = ++this.#generation
    const delivered = new Map<number, number>() // position → message
    const current = (): boolean => generation === this.#generation
    const within = (from: number, to: number): [number, number][] =>
      [...delivered].filter(([at]) => at >= from && at < to)
    return {
      kind: 'acked',
      initialOffset: () => process.ask(() => ({ position: 0 })),
      latestOffset: (start, { maxRows }) =>
        process.ask(() => {
          let end = start.position
          while (delivered.has(end)) end++
          // Who was replaced has no connection any more, and gets nothing.
          while (current() && end - start.position < Math.min(maxRows, 100) && this.#ready.length > 0) {
            const message = this.#ready.shift() as number
            this.#unacked.add(message)
            delivered.set(end++, message)
          }
          return { position: Math.min(end, start.position + maxRows) }
        }),
      partitions: (start, end) => process.ask(() => slices(start.position, end.position, this.#partitions)),
      read: ({ from, to }, { attempt }) =>
        chunked(
          process,
          attempt,
          `receive [${from}, ${to})`,
          within(from, to).map(([, id]) => ({ id })),
        ),
      compare: (a, b) => a.position - b.position,
      commit: (end) =>
        process.effect(`ack up to ${end.position}`, () => {
          for (const [at, message] of within(0, end.position)) {
            if (current()) this.#unacked.delete(message)
            delivered.delete(at)
          }
        }),
      release: (start, end) =>
        process.effect(`release [${start.position}, ${end.position})`, () => {
          const back = within(start.position, end.position)
          for (const [at] of back) delivered.delete(at)
          if (current()) this.#requeue(back.map(([, message]) => message))
        }),
    }
  }

  #requeue(messages: readonly number[]): void {
    for (const message of messages) this.#unacked.delete(message)
    this.#ready = [...messages, ...this.#ready]
  }
}

/**
 * Chunks of a few rows, each an effect, so that a crash may come between them. Where a chunk ends is nobody's business,
 * so it is another place in each process and attempt.
 */
function chunked(
  process: Process,
  attempt: number,
  text: string,
  rows: readonly ModelRow[],
): Observable<readonly ModelRow[]> {
  const size = [2, 3, 1][(process.number + attempt) % 3] as number
  const chunks: Observable<readonly ModelRow[]>[] = []
  for (let i = 0; i < rows.length; i += size) {
    const chunk = rows.slice(i, i + size)
    chunks.push(process.effect(`${text}: ${chunk.map(({ id }) => id).join(' ')}`, () => chunk))
  }
  return chunks.length === 0 ? of([]) : concat(...chunks)
}
