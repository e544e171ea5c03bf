import { quoted, quotedTable } from './names.ts'
import type { PostgresRowsSettings } from './source-options.ts'

/** Ids `[from, to)`, decimal texts. */
export interface IdSlice {
  readonly ids: { readonly from: string; readonly to: string }
}

/** A place in the order of (updatedAt, id): after that row; without an id: at that time, before all of its rows. */
export interface Place {
  readonly time: string
  readonly id?: string
}

/** Rows between two places; without a start from the first one on. */
export interface TimeSlice {
  readonly times: { readonly from?: Place; readonly to: Place }
}

/** All rows. */
export interface WholeTable {
  readonly all: true
}

/** A part of a batch, as the plan keeps it. */
export type PostgresSlice = IdSlice | TimeSlice | WholeTable

/** The query for a slice's rows. A COPY takes no parameters, so what differs stands in it as literals. */
export function sliceQuery(
  { table, id, updatedAt = id }: Pick<PostgresRowsSettings, 'table' | 'id' | 'updatedAt'>,
  expressions: readonly string[],
  slice: PostgresSlice,
): string {
  const select = `SELECT ${expressions.join(', ')} FROM ${quotedTable(table)}`
  if ('all' in slice) return select
  const [time, key] = [quoted(updatedAt), quoted(id)]
  if ('ids' in slice) {
    // The last id of all has no next one.
    const id = (value: bigint) => `'${value}'::bigint` // a bare -2⁶³ would be a numeric, which no index of integers knows
    return `${select} WHERE ${key} >= ${id(BigInt(slice.ids.from))} AND ${key} <= ${id(BigInt(slice.ids.to) - 1n)}`
  }
  const { from, to } = slice.times
  const pair = (place: Place) => `(${literal(place.time)}, ${literal(place.id ?? '')})`
  const conditions = [
    from && (from.id === undefined ? `${time} >= ${literal(from.time)}` : `(${time}, ${key}) > ${pair(from)}`),
    to.id === undefined ? `${time} < ${literal(to.time)}` : `(${time}, ${key}) <= ${pair(to)}`,
  ]
  return `${select} WHERE ${conditions.filter((condition) => condition !== undefined).join(' AND ')}`
}

/** Of unknown type, so that it takes the column's. */
function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
