import { defer, filter, map, type Observable, type OperatorFunction } from 'rxjs'
import { deterministic } from '../src/deterministic.ts'
import { currentPartition } from '../src/partition-scope.ts'

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
  return deterministic((source: Observable<readonly In[]>) => {
    const applied = currentPartition() // what stands before it may put off the subscription
    return defer(() => {
      const filtered = (applied ?? currentPartition())?.filtered
      return source.pipe(
        map((rows) => {
          const kept: In[] = []
          for (const row of rows) if (predicate(row)) kept.push(row)
          filtered?.(rows.length - kept.length)
          return kept
        }),
        filter((rows) => rows.length > 0),
      )
    })
  })
}
