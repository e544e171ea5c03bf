import { type Api, BadRequest, instant, integer, json, jsonError } from './api.ts'

/** Order 0 was made at this moment, and a further one every 50 milliseconds: twenty of them bear the same time. */
export const firstOrder = Date.UTC(2020, 0, 1)
export const orderEveryMs = 50

const branches = ['Lagos', 'Oslo', 'Quito'] as const

/** The order of a number from 0, as the API gives it. */
export function order(id: number) {
  return {
    id,
    branch: branches[id % branches.length]!,
    /** Counts the orders of the branch. */
    number: Math.floor(id / branches.length),
    /** Cut to whole seconds. */
    created_at: `${new Date(firstOrder + id * orderEveryMs).toISOString().slice(0, 19)}Z`,
    total: ((id * 7_919) % 100_000) / 100,
  }
}

/**
 * `GET /orders?created_since=&limit=&page_token=`: orders made at or after a time, in the order of their times, a page at a time. The token of the next
 * page is in the body, `next_page_token`; on the last page it is null. Times are whole seconds, so that many orders tie.
 */
export const ordersApi: Api = {
  answer: (query, now) => {
    const limit = Math.min(integer(query, 'limit', 100), 500)
    const since = Math.ceil((instant(query, 'created_since') ?? firstOrder) / 1_000) * 1_000
    const from = tokenIn(query) ?? Math.max(0, Math.ceil((since - firstOrder) / orderEveryMs))
    const end = Math.floor((now - firstOrder) / orderEveryMs) + 1
    const items = Array.from({ length: Math.max(0, Math.min(limit, end - from)) }, (_, index) => order(from + index))
    const next = from + items.length
    return json(200, {
      data: { items },
      next_page_token: next < end ? Buffer.from(`${next}`).toString('base64url') : null,
    })
  },
  refuse: jsonError,
}

function tokenIn(query: URLSearchParams): number | undefined {
  const token = query.get('page_token')
  if (token === null) return undefined
  const text = Buffer.from(token, 'base64url').toString()
  if (/^\d{1,15}$/.test(text)) return Number(text)
  throw new BadRequest('page_token is none that this API gave')
}
