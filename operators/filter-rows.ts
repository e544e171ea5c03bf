import { defer, filter, map, type Observable, type OperatorFunction } from 'rxjs'
import { currentPartition } from '../src/partition-scope.ts'
import { rowOperator } from '../src/row-operator.ts'

/**
 * Keeps the rows for which the predicate holds.
 *
 * Order is kept; chunks get smaller, and a chunk that has become empty is not passed on.
 *
 * ```
 * [{ n: 1 }, { n: 2 }], [{ n: 3 }]  →  filterRows((row) => row.n % 2 === 0)  →  [{ n: 2 }]
 * ```
 *
 * @param predicate called synchronously, once a row; a type guard narrows the rows' type. An error it throws fails the partition.
 */
export function filterRows<In extends object, Out extends In>(
  predicate: (row: In) => row is Out,
): OperatorFunction<readonly In[], readonly Out[]>
export function filterRows<In extends object>(
  predicate: (row: In) => boolean,
): OperatorFunction<readonly In[], readonly In[]>
export function filterRows<In extends object>(
  predicate: (row: In) => boolean,
): OperatorFunction<readonly In[], readonly In[]> {
  const operator = (source: Observable<readonly In[]>): Observable<readonly In[]> => {
    const applied = currentPartition() // what stands before it may put off the subscription
    return defer(() => {
      const filtered = (applied ?? currentPartition())?.filtered
      return source.pipe(
        map((rows) => {
          // A list that grows row by row is copied again and again (test/bench/pipeline-operators.ts).
          const kept = new Array<In>(rows.length)
          let count = 0
          for (let i = 0; i < rows.length; i++) {
            const row = rows[i] as In
            if (predicate(row)) kept[count++] = row
          }
          kept.length = count
          filtered?.(rows.length - count)
          return kept
        }),
        filter((rows) => rows.length > 0),
      )
    })
  }
  return rowOperator(operator, { kind: 'filter', apply: predicate })
}
