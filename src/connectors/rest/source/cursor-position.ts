import { OffsetError } from '../../../errors.ts'
import type { Scalar } from '../../../offsets/order.ts'
import type { CursorValues, Value } from './cursor-values.ts'

/**
 * A cut in rows that are ordered by a value which ties, and of which some may appear late: everything before `since` is read, and from there on what is in `seen`.
 * `value` is the greatest that was read. `{ value }` lies before all rows of that value, `{}` before all rows. It grows with the rows from `since` on.
 */
export type CursorOffset = {
  readonly value?: Scalar
  /** Absent where it is `value`: nothing is looked back for. */
  readonly since?: Scalar
  /** By value, the keys that were read. */
  readonly seen?: { readonly [value: string]: { readonly [key: string]: true } }
}

/** More keys than this in an offset are a look-back window in the wrong unit: the offset is written with every batch. */
const maxSeen = 100_000

/** A {@link CursorOffset} on its way: rows are added one by one. */
export class CursorPosition {
  readonly #values: CursorValues
  readonly #seen = new Map<Value, Set<string>>()
  #value: Value | undefined
  #since: Value | undefined
  #pruned = 64

  constructor(values: CursorValues, { value, since = value, seen = {} }: CursorOffset) {
    this.#values = values
    if (value === undefined) return
    this.#value = values.fromOffset(value)
    this.#since = since === undefined ? this.#value : values.fromOffset(since)
    for (const [text, keys] of Object.entries(seen)) this.#seen.set(values.fromOffset(text), new Set(Object.keys(keys)))
  }

  /** The greatest value that was read, or where reading begins. */
  get value(): Value | undefined {
    return this.#value
  }

  /** What to ask for next: rows from this value on. `undefined`: all rows. */
  get since(): Value | undefined {
    return this.#since
  }

  /** Whether rows of a value are taken for read, whichever they are. */
  isBehind(value: Value): boolean {
    return this.#since !== undefined && value < this.#since
  }

  /** Whether a row lies before this position. */
  has(value: Value, key: string): boolean {
    return this.isBehind(value) || this.#seen.get(value)?.has(key) === true
  }

  /** How many rows this position remembers that aren't before another one. */
  countAfter(before: CursorPosition): number {
    let count = 0
    for (const [value, keys] of this.#seen) for (const key of keys) if (!before.has(value, key)) count++
    return count
  }

  /** Moves past a row. @returns whether it was after the position. */
  take(value: Value, key: string): boolean {
    if (this.has(value, key)) return false
    if (this.#value === undefined || value > this.#value) this.#advance(value)
    const keys = this.#seen.get(value)
    if (keys === undefined) this.#seen.set(value, new Set([key]))
    else keys.add(key)
    return true
  }

  /** @throws OffsetError when too many keys would have to be remembered. */
  toOffset(): CursorOffset {
    if (this.#value === undefined || this.#since === undefined) return {}
    this.#prune(this.#since)
    const { toOffset } = this.#values
    const sorted = [...this.#seen].sort(([a], [b]) => (a < b ? -1 : 1))
    const count = sorted.reduce((sum, [, keys]) => sum + keys.size, 0)
    if (count > maxSeen) {
      throw new OffsetError(
        `cursor: ${count} rows have to be remembered in the offset, those from ${toOffset(this.#since)} on; at most ${maxSeen} are; shorten "lookback", or narrow the source with partitions`,
      )
    }
    const [value, since] = [toOffset(this.#value), toOffset(this.#since)]
    const seen = Object.fromEntries(sorted.map(([of, keys]) => [String(toOffset(of)), keySet(keys)]))
    return { value, ...(since === value ? {} : { since }), ...(count === 0 ? {} : { seen }) }
  }

  #advance(value: Value): void {
    this.#value = value
    const since = this.#values.since(value)
    // Never back: what fell out of the window is not remembered.
    if (this.#since === undefined || since > this.#since) this.#since = since
    if (this.#since === value) this.#seen.clear()
    else if (this.#seen.size >= 2 * this.#pruned) this.#prune(this.#since)
  }

  #prune(since: Value): void {
    for (const value of this.#seen.keys()) if (value < since) this.#seen.delete(value)
    this.#pruned = Math.max(64, this.#seen.size)
  }
}

/** Negative when `a` lacks a row that `b` has. */
export function compareCursors(values: CursorValues, a: CursorOffset, b: CursorOffset): number {
  if (a.value === undefined || b.value === undefined)
    return Number(a.value !== undefined) - Number(b.value !== undefined)
  const [left, right] = [values.fromOffset(a.value), values.fromOffset(b.value)]
  if (left !== right) return left < right ? -1 : 1
  const position = new CursorPosition(values, a)
  const lacks = Object.entries(b.seen ?? {}).some(([value, keys]) =>
    Object.keys(keys).some((key) => !position.has(values.fromOffset(value), key)),
  )
  return lacks ? -1 : seenCount(a) - seenCount(b)
}

function seenCount({ seen = {} }: CursorOffset): number {
  return Object.values(seen).reduce((sum, keys) => sum + Object.keys(keys).length, 0)
}

function keySet(keys: ReadonlySet<string>): { readonly [key: string]: true } {
  return Object.fromEntries([...keys].sort().map((key) => [key, true as const]))
}
