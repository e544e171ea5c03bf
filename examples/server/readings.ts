import { type Api, BadRequest, integer, json, jsonError, scatter } from './api.ts'

/**
 * A table of 100 million rows that nobody stored: each is computed from its id. Ids begin at 1,000,000. The first 90 million have no gap; then 409 million
 * ids were never given out; of the last ones only every tenth was.
 */
export const tableRows = 100_000_000

const runs = [
  { firstId: 1_000_000, step: 1, rows: 90_000_000 },
  { firstId: 500_000_000, step: 10, rows: 10_000_000 },
] as const

export const minId = runs[0].firstId
export const maxId = runs[1].firstId + (runs[1].rows - 1) * runs[1].step

/** The id of row `row`, from 0. */
export function idOf(row: number): number {
  const [dense, sparse] = runs
  return row < dense.rows ? dense.firstId + row * dense.step : sparse.firstId + (row - dense.rows) * sparse.step
}

/** The number of rows before an id: that of the first row at or after it. */
export function rowAt(id: number): number {
  const before = runs.map(({ firstId, step, rows }) => Math.min(rows, Math.max(0, Math.ceil((id - firstId) / step))))
  return before.reduce((sum, rows) => sum + rows)
}

const pageSize = 10_000

/**
 * `GET /readings?id_from=&id_to=&every=&after=`: rows with `id_from <= id < id_to`, by id, 10,000 a page; in `next` what is to be given as `after` for the
 * next one. With `every=100` one row in a hundred of the table.
 */
export const readingsApi: Api = {
  answer: (query) => {
    const every = integer(query, 'every', 1)
    if (every === 0) throw new BadRequest('every must be an integer from 1, and it is 0')
    const from = Math.max(integer(query, 'id_from', 0), integer(query, 'after', -1) + 1)
    const end = rowAt(integer(query, 'id_to', Number.MAX_SAFE_INTEGER))
    const first = Math.ceil(rowAt(from) / every) * every
    const length = Math.min(pageSize, Math.max(0, Math.ceil((end - first) / every)))
    const rows = Array.from({ length }, (_, index) => reading(first + index * every))
    return json(200, { rows, next: length === pageSize ? rows.at(-1)?.id : null })
  },
  refuse: jsonError,
}

/** `GET /readings/bounds`: the least and the greatest id. */
export const boundsApi: Api = {
  answer: () => json(200, { min_id: minId, max_id: maxId }),
  refuse: jsonError,
}

function reading(row: number) {
  return { id: idOf(row), sensor: row % 1_000, celsius: Math.round(scatter(4, row) * 400 - 100) / 10 }
}
