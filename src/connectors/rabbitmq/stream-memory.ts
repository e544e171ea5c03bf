import type { ConsumeMessage } from 'amqplib'
import { offsetOf } from './stream-survey.ts'

/** How much may be in memory before no more is asked for. What is under way still comes. */
export interface StreamMemoryBounds {
  readonly readAheadRows: number
  readonly readAheadBytes: number
}

/** How much of what is in memory may be taken. */
export interface StreamLimit {
  readonly maxRows: number
  readonly maxBytes: number
}

/** What may be taken: up to the offset `end`, exclusive. */
export interface StreamExtent {
  readonly end: number
  readonly rows: number
  readonly bytes: number
}

/** A piece of a stream that is in memory: every message of `[from, next)` that the stream has, in order. Without input and output. */
export class StreamMemory {
  readonly #bounds: StreamMemoryBounds
  #kept: ConsumeMessage[] = []
  #bytes = 0
  #from: number
  #next: number

  constructor(from: number, bounds: StreamMemoryBounds) {
    this.#bounds = bounds
    this.#from = from
    this.#next = from
  }

  /** The offset after the last message. */
  get next(): number {
    return this.#next
  }

  get rows(): number {
    return this.#kept.length
  }

  /** Whether it has as much as it may. */
  get full(): boolean {
    return this.#kept.length >= this.#bounds.readAheadRows || this.#bytes >= this.#bounds.readAheadBytes
  }

  /** Whether all of `[from, to)` is here. */
  holds(from: number, to: number): boolean {
    return from >= this.#from && to <= this.#next
  }

  /** Takes the next message, at its offset; offsets in between have none. */
  add(message: ConsumeMessage, offset: number): void {
    this.#kept.push(message)
    this.#bytes += message.content.length
    this.#next = offset + 1
  }

  /** The offset of the message that was added as the `index`th of those that are here; `undefined` when there is none. */
  offsetAt(index: number): number | undefined {
    const message = this.#kept[index]
    return message === undefined ? undefined : positionOf(message)
  }

  /** As much from `position` on as may be taken: at least one message, if there is one. */
  upTo(position: number, { maxRows, maxBytes }: StreamLimit): StreamExtent {
    const first = this.#indexOf(position)
    let rows = 0
    let bytes = 0
    for (; first + rows < this.#kept.length && rows < maxRows; rows++) {
      const size = (this.#kept[first + rows] as ConsumeMessage).content.length
      if (rows > 0 && bytes + size > maxBytes) break
      bytes += size
    }
    return { end: rows === 0 ? position : positionOf(this.#kept[first + rows - 1] as ConsumeMessage) + 1, rows, bytes }
  }

  /** What is here of `[from, to)`. */
  between(from: number, to: number): readonly ConsumeMessage[] {
    return this.#kept.slice(this.#indexOf(from), this.#indexOf(to))
  }

  /**
   * Forgets what is before `position`.
   * @returns whether that made room.
   */
  forget(position: number): boolean {
    const gone = this.#drop(0, this.#indexOf(position))
    this.#from = Math.max(this.#from, Math.min(position, this.#next))
    return gone > 0
  }

  /** Back to where it was: `rows` messages, and `next`. */
  undo(rows: number, next: number): void {
    this.#drop(rows, this.#kept.length - rows)
    this.#next = next
  }

  #drop(first: number, count: number): number {
    const gone = this.#kept.splice(first, count)
    for (const { content } of gone) this.#bytes -= content.length
    return gone.length
  }

  /** Of the first message at or behind `position`. */
  #indexOf(position: number): number {
    let [low, high] = [0, this.#kept.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (positionOf(this.#kept[middle] as ConsumeMessage) < position) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Only messages that have one are kept. */
function positionOf(message: ConsumeMessage): number {
  return offsetOf(message) as number
}
