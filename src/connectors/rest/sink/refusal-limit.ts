import { RowError } from '../../../errors.ts'

const lastRows = 1_000

/** What became of the rows of one attempt at a partition. */
export interface CountedAttempt {
  readonly taken: (rows: number) => void
  /** @param what says which row, and why. @throws RowError when this is one too many. */
  readonly refused: (what: string) => void
  /** The attempt failed: another one brings the same rows, and counts them. */
  readonly forget: () => void
}

interface Outcome {
  readonly rows: number
  readonly refused: boolean
  readonly attempt: CountedAttempt
}

/**
 * Counts the rows that are refused among the last thousand, of all partitions; each row once, however often its partition is tried.
 * It forgets with the run: a query that is started again may refuse as many once more.
 */
export class RefusalLimit {
  readonly #max: number
  #outcomes: Outcome[] = []
  #rows = 0
  #refused = 0

  /** @param max may be Infinity. */
  constructor(max: number) {
    this.#max = max
  }

  attempt(): CountedAttempt {
    const attempt: CountedAttempt = {
      taken: (rows) => this.#note({ rows, refused: false, attempt }),
      refused: (what) => {
        this.#note({ rows: 1, refused: true, attempt })
        if (this.#refused <= this.#max) return
        throw new RowError(
          `httpSink: more than ${this.#max} of the last ${lastRows} rows were refused (option "maxDeadLetters"); the last one: ${what}`,
        )
      },
      forget: () => {
        for (const outcome of this.#outcomes) if (outcome.attempt === attempt) this.#count(outcome, -1)
        this.#outcomes = this.#outcomes.filter((outcome) => outcome.attempt !== attempt)
      },
    }
    return attempt
  }

  #note(outcome: Outcome): void {
    if (outcome.rows === 0 || this.#max === Infinity) return
    this.#outcomes.push(outcome)
    this.#count(outcome, 1)
    let gone = 0
    for (const oldest of this.#outcomes) {
      if (this.#rows - oldest.rows < lastRows) break
      this.#count(oldest, -1)
      gone++
    }
    if (gone > 0) this.#outcomes.splice(0, gone)
  }

  #count({ rows, refused }: Outcome, sign: 1 | -1): void {
    this.#rows += sign * rows
    if (refused) this.#refused += sign * rows
  }
}
