import type { OperatorFunction } from 'rxjs'
import { deterministic } from './deterministic.ts'

/** What an operator does to a row by itself, for those who do several such things in one pass. */
export interface RowStep {
  /** Whether `apply` answers with another row, with whether the row stays, or with any number of rows. An operator that filters or spreads passes no empty chunk on. */
  readonly kind: 'map' | 'filter' | 'spread'
  readonly apply: (row: never) => unknown
}

const known = new WeakMap<object, RowStep | undefined>()

/**
 * Declares an operator over chunks that does no more than something to their rows: deterministic, and by itself it neither completes nor fails early
 * nor subscribes twice, so that nobody has to guard it.
 *
 * @param step all that it does, where it looks at one row at a time.
 */
export function rowOperator<In, Out>(operator: OperatorFunction<In, Out>, step?: RowStep): OperatorFunction<In, Out> {
  known.set(operator, step)
  return deterministic(operator)
}

export function isRowOperator(operator: object): boolean {
  return known.has(operator)
}

export function rowStepOf(operator: object): RowStep | undefined {
  return known.get(operator)
}
