import { filter, map, type OperatorFunction, pipe } from 'rxjs'
import type { RowShape } from '../src/row.ts'
import { rowOperator } from '../src/row-operator.ts'

/**
 * Turns each row into any number of rows.
 *
 * Order is kept. What one chunk gives stays one chunk; a chunk that gives nothing is not passed on.
 *
 * ```
 * [{ words: ['a', 'b'] }]  →  flatMapRows((row) => row.words.map((word) => ({ word })))  →  [{ word: 'a' }, { word: 'b' }]
 * ```
 *
 * @param project called synchronously, once a row. **Hazard**: all that it gives for a chunk is in memory at once. An error it throws fails the partition.
 */
export function flatMapRows<In extends object, Out extends RowShape>(
  project: (row: In) => Iterable<Out>,
): OperatorFunction<readonly In[], readonly Out[]> {
  return rowOperator(
    pipe(
      map((rows: readonly In[]) => {
        const out: Out[] = []
        for (const row of rows) for (const one of project(row)) out.push(one)
        return out
      }),
      filter((rows) => rows.length > 0),
    ),
    { kind: 'spread', apply: project },
  )
}
