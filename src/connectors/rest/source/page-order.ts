import { isDeepStrictEqual } from 'node:util'
import type { Cursor } from './cursor.ts'
import type { Value } from './cursor-values.ts'

/**
 * The rows of this page and of the one before. A row that appears while pages are read pushes the others on, so that a page repeats the end of the one before:
 * that is no disorder.
 */
export class PageOrder<Row extends object> {
  readonly #cursor: Pick<Cursor<Row>, 'valueOf' | 'keyOf'>
  #before: SeenRows<Row>
  #page: SeenRows<Row>
  /** The value that came last. */
  last: Value | undefined

  constructor(cursor: Pick<Cursor<Row>, 'valueOf' | 'keyOf'>) {
    this.#cursor = cursor
    this.#before = new SeenRows(cursor)
    this.#page = new SeenRows(cursor)
  }

  nextPage(): void {
    this.#before = this.#page
    this.#page = new SeenRows(this.#cursor)
  }

  /** The run begins again at the first page. */
  reset(): void {
    this.nextPage()
    this.nextPage()
    this.last = undefined
  }

  note(value: Value, row: Row): void {
    this.last = value
    this.#page.add(row)
  }

  /** Whether another row with this value and key stood on this very page. On the one before it may have been changed since. */
  hasTwin(value: Value, key: string, row: Row): boolean {
    const twin = this.#page.rowOf(value, key)
    return twin !== undefined && !isDeepStrictEqual(twin, row)
  }

  /** Whether a row stood on this page, or on the one before. */
  repeats(value: Value, key: string): boolean {
    return this.#page.rowOf(value, key) !== undefined || this.#before.rowOf(value, key) !== undefined
  }
}

/**
 * As many rows of a page are remembered at least: a page has any length, and is read as it arrives. What is pushed to the next page stood at the end,
 * and rows that tie stand next to each other.
 */
const rememberedRows = 10_000

/** Rows that are put in order only when one is looked for, which is seldom. */
class SeenRows<Row extends object> {
  readonly #cursor: Pick<Cursor<Row>, 'valueOf' | 'keyOf'>
  #rows: Row[] = []
  readonly #byValue = new Map<Value, Map<string, Row>>()
  #placed = 0

  constructor(cursor: Pick<Cursor<Row>, 'valueOf' | 'keyOf'>) {
    this.#cursor = cursor
  }

  add(row: Row): void {
    this.#rows.push(row)
    if (this.#rows.length < 2 * rememberedRows) return
    this.#rows = this.#rows.slice(-rememberedRows)
    this.#byValue.clear()
    this.#placed = 0
  }

  /** The first row with this value and key. */
  rowOf(value: Value, key: string): Row | undefined {
    for (; this.#placed < this.#rows.length; this.#placed++) this.#place(this.#rows[this.#placed] as Row)
    return this.#byValue.get(value)?.get(key)
  }

  #place(row: Row): void {
    const [value, key] = [this.#cursor.valueOf(row), this.#cursor.keyOf(row)]
    const ofValue = this.#byValue.get(value)
    if (ofValue === undefined) this.#byValue.set(value, new Map([[key, row]]))
    else if (!ofValue.has(key)) ofValue.set(key, row)
  }
}
