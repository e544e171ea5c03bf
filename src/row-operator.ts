import type { OperatorFunction } from 'rxjs'
import { deterministic } from './deterministic.ts'

const known = new WeakSet<object>()

/**
 * Declares an operator over chunks that does no more than something to their rows: deterministic, and by itself it neither completes nor fails early
 * nor subscribes twice, so that nobody has to guard it.
 */
export function rowOperator<In, Out>(operator: OperatorFunction<In, Out>): OperatorFunction<In, Out> {
  known.add(operator)
  return deterministic(operator)
}

export function isRowOperator(operator: object): boolean {
  return known.has(operator)
}
