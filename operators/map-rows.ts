import { map, type OperatorFunction } from 'rxjs'
import type { RowShape } from '../src/row.ts'
import { rowOperator } from '../src/row-operator.ts'

/**
 * Turns each row into another one.
 *
 * Chunks keep their size and order. The function is called synchronously, once a row; for slow or asynchronous work see `mapChunks`.
 *
 * ```
 * [{ n: 1 }, { n: 2 }]  →  mapRows((row) => ({ ...row, twice: row.n * 2 }))  →  [{ n: 1, twice: 2 }, { n: 2, twice: 4 }]
 * ```
 *
 * @param project must give a plain object; an array is no row. An error it throws fails the partition.
 */
export function mapRows<In extends object, Out extends RowShape>(
  project: (row: In) => Out,
): OperatorFunction<readonly In[], readonly Out[]> {
  return rowOperator(
    map((rows) => {
      const out = new Array<Out>(rows.length)
      for (let i = 0; i < rows.length; i++) out[i] = project(rows[i] as In)
      return out
    }),
    { kind: 'map', apply: project },
  )
}
