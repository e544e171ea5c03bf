import type { DeadLetter } from '../../../dead-letter.ts'

/** A row that the receiver refuses, as the sink's `deadLetters` gets it. */
export interface RefusedRow extends DeadLetter {
  /** Where the row stood in its partition, from 0. */
  readonly ordinal: number
  /** The status it was refused with; null where it was never sent. */
  readonly status: number | null
  /** The attempt at the partition that it was refused in, from 0. */
  readonly attempt: number
}

/** Why a row is refused. */
export interface Refusal {
  /** Without secrets. */
  readonly reason: string
  /** `undefined` for a row that was never sent. */
  readonly status: number | undefined
}
