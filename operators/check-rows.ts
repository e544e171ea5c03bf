import { defer, type MonoTypeOperatorFunction, map, type Observable } from 'rxjs'
import { rowText } from '../src/dead-letter.ts'
import { OptionError, RowError } from '../src/errors.ts'
import { corruptRecordColumn, MalformedRow } from '../src/malformed-row.ts'
import { currentPartition, type RejectedRow } from '../src/partition-scope.ts'
import { rowOperator } from '../src/row-operator.ts'
import { rowChecker, type Schema } from '../src/schema.ts'

/** What becomes of a row that doesn't fit its schema. */
export type RowMode = 'failFast' | 'dropMalformed' | 'permissive'

type Reject = (rejected: readonly RejectedRow[]) => void

/**
 * Holds rows against a schema.
 *
 * - `failFast`: the first row that doesn't fit fails the partition.
 * - `dropMalformed`: such rows go to the query's dead-letter sink, with the reason, and the others go on; in a pipeline without a dead-letter sink that is an error,
 *   because nothing is ever only dropped.
 * - `permissive`: the columns that don't fit become null, columns that the schema doesn't know are left out, and the row as it was, as JSON text or as the source
 *   found it written, stands in the schema's column `_corrupt_record string`. A row whose `not null` column doesn't fit goes to the dead-letter sink, or fails the
 *   partition where there is none. A schema without that column is held as with `failFast`.
 *
 * @param mode @default 'failFast'
 * @returns the chunks; those that lost rows get smaller. Fails with `RowError`, which names the column and never its value.
 */
export function checkRows<Row extends object>(
  schema: Schema,
  mode: RowMode = 'failFast',
): MonoTypeOperatorFunction<readonly Row[]> {
  const misfit = reasonBy(schema)
  const failFast = (rows: readonly Row[]): readonly Row[] => {
    for (const row of rows) {
      const reason = misfit(row)
      if (reason !== undefined) throw new RowError(`a row does not fit its schema: ${reason}`)
    }
    return rows
  }
  if (mode === 'failFast' || (mode === 'permissive' && !keepsCorruptRecords(schema))) return rowOperator(map(failFast))

  const rescued = mode === 'permissive' ? rescuer(schema) : () => undefined
  return rowOperator((source: Observable<readonly Row[]>) => {
    const applied = currentPartition()
    return defer(() => {
      const reject = (applied ?? currentPartition())?.reject
      if (reject === undefined && mode === 'dropMalformed')
        throw new OptionError('mode "dropMalformed" needs a dead-letter sink: option "deadLetters"')
      return source.pipe(map((rows) => sorted(rows, misfit, rescued, reject ?? refuse)))
    })
  })
}

/** Whether the schema has the column that keeps rows that don't fit. */
export function keepsCorruptRecords({ fields }: Schema): boolean {
  return fields.some(({ name, type, nullable }) => name === corruptRecordColumn && type.kind === 'string' && nullable)
}

/** The rows that go on; the same chunk where all of them do. */
function sorted<Row extends object>(
  rows: readonly Row[],
  misfit: (row: Row) => string | undefined,
  rescued: (row: Row) => object | undefined,
  reject: Reject,
): readonly Row[] {
  const first = rows.findIndex((row) => misfit(row) !== undefined)
  if (first === -1) return rows
  const rejected: RejectedRow[] = []
  const kept = rows.slice(0, first)
  for (const row of rows.slice(first)) {
    const reason = misfit(row)
    const rescue = reason === undefined ? row : rescued(row)
    if (rescue !== undefined) kept.push(rescue as Row)
    else rejected.push({ row: row instanceof MalformedRow ? row.raw : row, reason: reason as string })
  }
  if (rejected.length > 0) reject(rejected)
  return kept
}

function refuse([first]: readonly RejectedRow[]): void {
  throw new RowError(
    `a row does not fit its schema, and a column that is not null can't be left empty (mode "permissive"): ${first?.reason}`,
  )
}

function reasonBy(schema: Schema): (row: unknown) => string | undefined {
  const misfit = rowChecker(schema)
  return (row) => misfit(row) && (row instanceof MalformedRow ? row.reason : misfit(row))
}

/** Makes of a row what fits of it, column by column; `undefined` where a column that is not null doesn't. */
function rescuer(schema: Schema): (row: object) => object | undefined {
  const columns = schema.fields
    .filter(({ name }) => name !== corruptRecordColumn)
    .map((field) => ({ ...field, misfit: rowChecker({ fields: [{ ...field, nullable: true }] }) }))
  return (row) => {
    const found: unknown = row instanceof MalformedRow ? row.row : row
    const values = isObject(found) ? found : {}
    const made: Record<string, unknown> = Object.create(null)
    for (const { name, nullable, misfit } of columns) {
      const value = Object.hasOwn(values, name) ? values[name] : null
      const fits = misfit({ [name]: value }) === undefined
      if (!nullable && (!fits || value === null || value === undefined)) return undefined
      made[name] = fits ? (value ?? null) : null
    }
    made[corruptRecordColumn] = row instanceof MalformedRow ? row.raw : rowText(row)
    return { ...made }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
