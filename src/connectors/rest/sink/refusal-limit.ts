import { RowError } from '../../../errors.ts'

const lastRows = 1_000

/**
 * Counts the rows that are refused among the last thousand, of all partitions.
 * It forgets with the run: a query that is started again may refuse as many once more.
 */
export class RefusalLimit {
  readonly #max: number
  #outcomes: { readonly rows: number; readonly refused: boolean }[] = []
  #rows = 0
  #refused = 0

  /** @param max may be Infinity. */
  constructor(max: number) {
    this.#max = max
  }

  taken(rows: number): void {
    this.#note(rows, false)
  }

  /** @param what says which row, and why. @throws RowError when this is one too many. */
  refused(what: string): void {
    this.#note(1, true)
    if (this.#refused <= this.#max) return
    throw new RowError(
      `httpSink: more than ${this.#max} of the last ${lastRows} rows were refused (option "maxDeadLetters"); the last one: ${what}`,
    )
  }

  #note(rows: number, refused: boolean): void {
    if (rows === 0 || this.#max === Infinity) return
    this.#outcomes.push({ rows, refused })
    this.#rows += rows
    if (refused) this.#refused += rows
    let gone = 0
    for (const outcome of this.#outcomes) {
      if (this.#rows - outcome.rows < lastRows) break
      this.#rows -= outcome.rows
      if (outcome.refused) this.#refused -= outcome.rows
      gone++
    }
    if (gone > 0) this.#outcomes.splice(0, gone)
  }
}
