import { defer, type MonoTypeOperatorFunction, map, type Observable } from 'rxjs'
import { deterministic } from '../src/deterministic.ts'
import { OptionError, RowError } from '../src/errors.ts'
import { currentPartition, type RejectedRow } from '../src/partition-scope.ts'
import { rowChecker, type Schema } from '../src/schema.ts'

/** What becomes of a row that doesn't fit its schema. */
export type RowMode = 'failFast' | 'dropMalformed'

/**
 * Holds rows against a schema.
 *
 * With `failFast` the first row that doesn't fit fails the partition. With `dropMalformed` such rows go to the query's dead-letter sink, with the reason,
 * and the others go on; in a pipeline without a dead-letter sink that is an error, because nothing is ever only dropped.
 *
 * @param mode @default 'failFast'
 * @returns the chunks; those that lost rows get smaller. Fails with `RowError`, which names the column and never its value.
 */
export function checkRows<Row extends object>(
  schema: Schema,
  mode: RowMode = 'failFast',
): MonoTypeOperatorFunction<readonly Row[]> {
  const misfit = rowChecker(schema)
  const failFast = (rows: readonly Row[]): readonly Row[] => {
    for (const row of rows) {
      const reason = misfit(row)
      if (reason !== undefined) throw new RowError(`a row does not fit its schema: ${reason}`)
    }
    return rows
  }
  if (mode === 'failFast') return deterministic(map(failFast))

  return deterministic((source: Observable<readonly Row[]>) => {
    const applied = currentPartition()
    return defer(() => {
      const reject = (applied ?? currentPartition())?.reject
      if (reject === undefined)
        throw new OptionError('mode "dropMalformed" needs a dead-letter sink: option "deadLetters"')
      return source.pipe(
        map((rows) => {
          const rejected: RejectedRow[] = []
          const kept = rows.filter((row) => {
            const reason = misfit(row)
            if (reason !== undefined) rejected.push({ row, reason })
            return reason === undefined
          })
          if (rejected.length === 0) return rows
          reject(rejected)
          return kept
        }),
      )
    })
  })
}
