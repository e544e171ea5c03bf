import { OptionError, PortError } from '../../../errors.ts'
import type { Extract } from './slicing.ts'

type Bound = number | bigint

/**
 * Holds the rows of a slice against its range. Without a column they go as they are.
 * @param sortedAndOpen the API knows no end: rows come in order, and those from the end on belong to the next slice.
 * @throws OptionError for a column that the schema doesn't have.
 */
export function rowsInRange<Row extends object>(
  owner: string,
  { resource }: Extract<Row>,
  field: string | undefined,
  { sortedAndOpen = false }: { readonly sortedAndOpen?: boolean } = {},
): (
  chunks: AsyncIterable<readonly Row[]>,
  range: { readonly from: Bound; readonly to: Bound },
) => AsyncIterable<readonly Row[]> {
  if (field === undefined) return (chunks) => chunks
  if (!resource.schema.fields.some((column) => column.name === field))
    throw new OptionError(
      `${owner}: option "field" must be a column of the schema, and there is no ${JSON.stringify(field)}`,
    )

  const boundOf = (row: Row): Bound => {
    const value = (row as Readonly<Record<string, unknown>>)[field]
    if (typeof value === 'number' || typeof value === 'bigint') return value
    if (value instanceof Date) return value.getTime()
    throw new PortError(
      `${owner}: column "${field}" must have a value in every row, and one has ${value === null ? 'null' : `a ${typeof value}`}`,
    )
  }
  return async function* (chunks, { from, to }) {
    const show = (bound: Bound): string => String(bound)
    let last = from
    for await (const rows of chunks) {
      for (const [index, row] of rows.entries()) {
        const value = boundOf(row)
        if (sortedAndOpen && value >= to) {
          if (index > 0) yield rows.slice(0, index)
          return
        }
        if (value < from || value >= to) {
          throw new PortError(
            `${owner}: rows from ${show(from)} to ${show(to)} (without it) were asked for, and one has the ${field} ${show(value)}; does the API know the parameters, and is its convention the stated one?`,
          )
        }
        if (sortedAndOpen && value < last)
          throw new PortError(`${owner}: rows must be sorted by ${field}, and ${show(value)} comes after ${show(last)}`)
        last = value
      }
      yield rows
    }
  }
}
