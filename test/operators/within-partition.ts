import { Observable, type OperatorFunction } from 'rxjs'
import { Demand } from '../../src/demand.ts'
import { inPartition, type PartitionScope } from '../../src/partition-scope.ts'

/** The operator as it is in a query: subscribed to inside of a partition. */
export function withinPartition<In, Out>(
  scope: Partial<PartitionScope>,
  operator: OperatorFunction<In, Out>,
): OperatorFunction<In, Out> {
  const whole: PartitionScope = { demand: new Demand(2), reject: undefined, ...scope }
  return (source) => new Observable((subscriber) => inPartition(whole, () => operator(source).subscribe(subscriber)))
}
