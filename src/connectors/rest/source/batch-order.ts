import type { Cursor } from './cursor.ts'
import type { Value } from './cursor-values.ts'

interface Placed<Row> {
  readonly row: Row
  readonly value: Value
  readonly key: string
}

/**
 * The order of a batch's rows: by value and key, whatever order the API gave them in. A replay has the same, whether its rows were held or are asked for again.
 * What comes later than a row is at least what is looked back for from there: what is older is given at once.
 */
export class BatchOrder<Row extends object> {
  readonly #cursor: Pick<Cursor<Row>, 'values' | 'valueOf' | 'keyOf'>
  #held: Placed<Row>[] = []
  #greatest: Value | undefined

  constructor(cursor: Pick<Cursor<Row>, 'values' | 'valueOf' | 'keyOf'>) {
    this.#cursor = cursor
  }

  /** Takes rows as they come. @returns those that none can come before any more, in order. */
  add(rows: readonly Row[]): readonly Row[] {
    for (const row of rows) {
      const value = this.#cursor.valueOf(row)
      if (this.#greatest === undefined || value > this.#greatest) this.#greatest = value
      this.#held.push({ row, value, key: this.#cursor.keyOf(row) })
    }
    if (this.#greatest === undefined) return []
    const since = this.#cursor.values.since(this.#greatest)
    const kept = this.#sorted().findIndex(({ value }) => value >= since)
    return this.#given(kept)
  }

  /** No more rows come. @returns the others, in order. */
  end(): readonly Row[] {
    return this.#given(this.#sorted().length)
  }

  #sorted(): readonly Placed<Row>[] {
    return this.#held.sort((a, b) => order(a.value, b.value) || order(a.key, b.key))
  }

  #given(count: number): readonly Row[] {
    return this.#held.splice(0, count).map(({ row }) => row)
  }
}

/** All rows of a batch, in its order. */
export function inOrder<Row extends object>(
  cursor: Pick<Cursor<Row>, 'values' | 'valueOf' | 'keyOf'>,
  rows: readonly Row[],
): readonly Row[] {
  const batch = new BatchOrder(cursor)
  return [...batch.add(rows), ...batch.end()]
}

function order<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0
}
