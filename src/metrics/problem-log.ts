import { redact } from '../redact.ts'
import type { QueryProblem } from './query-snapshot.ts'

const kept = 30

/** The latest problems of a query. */
export class ProblemLog {
  readonly #problems: QueryProblem[] = []

  /** Latest first. */
  get latest(): readonly QueryProblem[] {
    return this.#problems.toReversed()
  }

  add(
    what: QueryProblem['what'],
    message: string,
    { at, batchId, partition }: { readonly at: number; readonly batchId?: number; readonly partition?: string },
  ): void {
    const place = { ...(batchId === undefined ? {} : { batchId }), ...(partition === undefined ? {} : { partition }) }
    this.#problems.push({ at, what, message: shortText(message), ...place })
    if (this.#problems.length > kept) this.#problems.shift()
  }
}

/** Without secrets, and no longer than anybody reads. */
export function shortText(message: string): string {
  const text = redact(message)
  return text.length > 500 ? `${text.slice(0, 500)}…` : text
}
