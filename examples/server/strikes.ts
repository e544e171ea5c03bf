import { type Api, BadRequest, hourMs, integer, json, jsonError } from './api.ts'
import { lazy, parseCsv, readDataset } from './data.ts'

/** A reported bird strike (FAA, 1990–2002, `birdstrikes.csv`): the file's own columns and values, null for an empty field, with an id in front. */
export type Strike = Readonly<Record<string, string | number | null>> & { readonly id: number }

/** A page never has more rows, whatever `_limit` says. */
export const maxPage = 100

/** Row 1 is there from this moment on, and one more with each hour of the server's clock. */
export const firstStrike = Date.UTC(2026, 0, 1)

export interface StrikesApi extends Api {
  /** Rows that are there at a time of the server's clock: ids 1 to this. */
  readonly count: (now: number) => number
  /** Adds rows at once, beside those that come with time; a negative number takes them away again. */
  readonly add: (rows: number) => void
}

/**
 * `GET /strikes?_start=&_limit=`, in the manner of JSONPlaceholder and json-server: rows in the order of their ids from position `_start`
 * (from 0), and how many there are in the header `x-total-count`.
 *
 * Other than there: the table grows, and a page is capped. The file's 10,000 records come in its own order; after the last one they come
 * again under new ids: row n holds record (n − 1) mod 10,000.
 */
export function strikesApi(): StrikesApi {
  let added = 0
  const count = (now: number) => Math.max(0, Math.floor((now - firstStrike) / hourMs) + 1 + added)
  return {
    count,
    add: (rows) => {
      if (!Number.isSafeInteger(rows)) throw new RangeError(`rows must be an integer, and it is ${rows}`)
      added += rows
    },
    answer: (query, now) => {
      for (const name of query.keys()) {
        if (name !== '_start' && name !== '_limit') throw new BadRequest(`unknown parameter ${name}`)
      }
      const total = count(now)
      const start = integer(query, '_start', 0)
      const limit = Math.min(integer(query, '_limit', maxPage), maxPage)
      const length = Math.max(0, Math.min(limit, total - start))
      const rows = Array.from({ length }, (_, index) => strike(start + index + 1))
      const headers = { 'x-total-count': String(total), 'access-control-expose-headers': 'X-Total-Count' }
      return { ...json(200, rows, headers), pastEnd: start + limit > total }
    },
    refuse: jsonError,
  }
}

const numeric = new Set(['Cost Other', 'Cost Repair', 'Cost Total $', 'Speed IAS in knots'])

const records = lazy(() =>
  parseCsv(readDataset('birdstrikes.csv')).map((record) =>
    Object.fromEntries(Object.entries(record).map(([name, text]) => [name, valueIn(name, text)])),
  ),
)

function valueIn(name: string, text: string): string | number | null {
  if (text === '') return null
  return numeric.has(name) ? Number(text) : text
}

function strike(id: number): Strike {
  return { id, ...records()[(id - 1) % records().length] }
}
