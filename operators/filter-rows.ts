import { filter, map, type OperatorFunction, pipe } from 'rxjs'
import { deterministic } from '../src/deterministic.ts'

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
  return deterministic(
    pipe(
      map((rows: readonly In[]) => {
        const kept: In[] = []
        for (const row of rows) if (predicate(row)) kept.push(row)
        return kept
      }),
      filter((rows) => rows.length > 0),
    ),
  )
}
