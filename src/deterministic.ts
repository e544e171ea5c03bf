import type { OperatorFunction } from 'rxjs'

const known = new WeakSet<object>()

/**
 * Declares that an operator turns the same chunks into the same rows, however often it runs: no clock, no random numbers, no memory
 * beyond one partition. The guarantee of a query with an idempotent sink rests on it.
 */
export function deterministic<In, Out>(operator: OperatorFunction<In, Out>): OperatorFunction<In, Out> {
  known.add(operator)
  return operator
}

export function isDeterministic(operator: object): boolean {
  return known.has(operator)
}
