import { addSettlements, noSettlements, zipSettlements } from '../settlement-counts.ts'
import type { SettlementCounts } from '../source.ts'

/**
 * What became of a query's deliveries, over all its runs. A source counts since it was made: over a restart it may go on, or another one begins at nothing.
 * It is told once before a run's first batch, so which of the two it was is known.
 */
export class SettlementTotals {
  /** Of the sources before this one. */
  #before = noSettlements
  #latest = noSettlements
  #told = false

  /** `undefined` before anything was told. */
  get counts(): SettlementCounts | undefined {
    return this.#told ? addSettlements(this.#before, this.#latest) : undefined
  }

  tell(counts: SettlementCounts): void {
    this.#told = true
    // What is no count is as it was.
    const sound = zipSettlements(counts, this.#latest, (now, last) => (now >= 0 && now < Infinity ? now : last))
    const isAnother = kinds.some((kind) => sound[kind] < this.#latest[kind])
    if (isAnother) this.#before = addSettlements(this.#before, this.#latest)
    this.#latest = sound
  }
}

const kinds = Object.keys(noSettlements) as readonly (keyof SettlementCounts)[]
