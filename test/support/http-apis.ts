import type { Answer, ReceivedRequest, Route } from './http-server.ts'

/**
 * How a {@link collection} is paged:
 *
 * | | the request says | the answer says |
 * |---|---|---|
 * | `cursor` | `?cursor=`, `?limit=` | `{ items, next_cursor }` |
 * | `cursor in header` | header `x-cursor` | an array, header `x-next-cursor` |
 * | `cursor in body` | JSON `{ "cursor", "limit" }` (POST) | `{ items, paging: { next } }` |
 * | `next url` | the URL of the answer before | `{ items, next }` (absolute) |
 * | `link` | the URL of the answer before | an array, header `Link: <…>; rel="next"` |
 * | `offset` | `?offset=`, `?limit=` | `{ items, total }` |
 * | `page` | `?page=` (from 1), `?per_page=` | `{ items, page, total_pages, total }` |
 * | `total header` | `?page=` (from 1), `?per_page=` | an array, header `x-total-count` |
 * | `none` | | `{ items }`: all of them |
 */
export type Paging =
  | 'cursor'
  | 'cursor in header'
  | 'cursor in body'
  | 'next url'
  | 'link'
  | 'offset'
  | 'page'
  | 'total header'
  | 'none'

export interface CollectionOptions {
  readonly paging?: Paging
  /** Rows a page where the request doesn't say. @default 10 */
  readonly pageSize?: number
  /** The most rows a page. @default 1,000 */
  readonly maxPageSize?: number
  /** The most rows that a query gives over all its pages; asking beyond them is answered 400. */
  readonly cap?: number
  /** The page (from 1) whose cursor or next URL leads to itself. */
  readonly repeatAt?: number
  /** An empty page before the last one. */
  readonly emptyPage?: boolean
}

type Row = Readonly<Record<string, unknown>>

/**
 * Rows, paged. The query filters (`field_gte`, `_gt`, `_lt`, `_lte`, or `field=`, by numbers where the field is one, else as texts) and sorts
 * (`sort=field,-other`). The rows may be a function, asked at each request.
 */
export function collection(rows: readonly Row[] | (() => readonly Row[]), options: CollectionOptions = {}): Route {
  const { paging = 'cursor', pageSize = 10, maxPageSize = 1_000, cap = Infinity, repeatAt, emptyPage = false } = options
  return (request) => {
    const asked = readPosition(paging, request)
    const found = selected(typeof rows === 'function' ? rows() : rows, request.query)
    const size = Math.max(1, Math.min(asked.limit ?? pageSize, maxPageSize))
    const from = asked.page === undefined ? (asked.offset ?? 0) : (asked.page - 1) * size
    if (Number.isNaN(from) || from < 0) return { status: 400, body: { error: 'no such page' } }
    if (from >= cap) return { status: 400, body: { error: `a query gives ${cap} rows at most` } }
    const reachable = Math.min(found.length, cap)
    const isEmptyPage = emptyPage && !asked.after && from > 0 && from + size >= reachable
    const to = paging === 'none' ? reachable : isEmptyPage ? from : Math.min(from + size, reachable)
    const items = found.slice(from, to)
    const repeats = repeatAt !== undefined && Math.floor(from / size) + 1 === repeatAt
    const next = repeats ? from : isEmptyPage || to < reachable ? to : undefined
    return page(paging, { request, items, next, afterEmpty: isEmptyPage, from, size, total: found.length })
  }
}

interface Position {
  readonly offset?: number
  readonly page?: number
  readonly limit?: number
  /** Whether the empty page lies before. */
  readonly after?: boolean
}

function readPosition(paging: Paging, { query, headers, body }: ReceivedRequest): Position {
  const number = (name: string): number | undefined => (query.has(name) ? Number(query.get(name)) : undefined)
  const limit = number('limit') ?? number('per_page')
  const sizes = limit === undefined ? {} : { limit }
  const cursor = (text: string | undefined | null): Position =>
    text === undefined || text === null ? sizes : { ...sizes, offset: offsetOf(text), after: text.endsWith('~') }
  switch (paging) {
    case 'cursor in header':
      return cursor(headers['x-cursor'] === undefined ? undefined : String(headers['x-cursor']))
    case 'cursor in body': {
      const said = JSON.parse(body === '' ? '{}' : body) as { readonly cursor?: string; readonly limit?: number }
      return { ...cursor(said.cursor), ...(said.limit === undefined ? {} : { limit: said.limit }) }
    }
    case 'offset':
      return { ...sizes, offset: number('offset') ?? 0 }
    case 'page':
    case 'total header':
      return { ...sizes, page: number('page') ?? 1 }
    default:
      return cursor(query.get('cursor'))
  }
}

interface PageParts {
  readonly request: ReceivedRequest
  readonly items: readonly Row[]
  readonly next: number | undefined
  readonly afterEmpty: boolean
  readonly from: number
  readonly size: number
  readonly total: number
}

function page(paging: Paging, { request, items, next, afterEmpty, from, size, total }: PageParts): Answer {
  const cursor = next === undefined ? undefined : `${cursorOf(next)}${afterEmpty ? '~' : ''}`
  const url = (): string => {
    const to = new URL(request.url, `http://${request.headers.host}`)
    to.searchParams.set('cursor', cursor ?? '')
    return to.href
  }
  switch (paging) {
    case 'cursor':
      return { body: { items, next_cursor: cursor ?? null } }
    case 'cursor in header':
      return { headers: cursor === undefined ? {} : { 'x-next-cursor': cursor }, body: items }
    case 'cursor in body':
      return { body: { items, paging: cursor === undefined ? {} : { next: cursor } } }
    case 'next url':
      return { body: { items, next: cursor === undefined ? null : url() } }
    case 'link': {
      const first = `<${new URL(request.path, `http://${request.headers.host}`).href}>; rel="first"`
      return { headers: { link: cursor === undefined ? first : `<${url()}>; rel="next", ${first}` }, body: items }
    }
    case 'offset':
      return { body: { items, offset: from, limit: size, total } }
    case 'page':
      return { body: { items, page: from / size + 1, total_pages: Math.ceil(total / size), total } }
    case 'total header':
      return { headers: { 'x-total-count': total }, body: items }
    case 'none':
      return { body: { items } }
  }
}

/** Opaque to whoever gets it. */
function cursorOf(offset: number): string {
  return Buffer.from(`after:${offset}`).toString('base64url')
}

function offsetOf(cursor: string): number {
  const [, offset] = /^after:(\d+)/.exec(Buffer.from(cursor.replace(/~$/, ''), 'base64url').toString()) ?? []
  return offset === undefined ? Number.NaN : Number(offset)
}

const tests: Readonly<Record<string, (order: number) => boolean>> = {
  gte: (order) => order >= 0,
  gt: (order) => order > 0,
  lt: (order) => order < 0,
  lte: (order) => order <= 0,
}

const reserved = new Set(['cursor', 'limit', 'per_page', 'page', 'offset', 'sort'])

function selected(rows: readonly Row[], query: URLSearchParams): readonly Row[] {
  let found = rows
  for (const [name, value] of query) {
    if (reserved.has(name)) continue
    const [, field = name, test = ''] = /^(.+)_(gte|gt|lt|lte)$/.exec(name) ?? []
    const holds = tests[test] ?? ((order: number) => order === 0)
    // Parameters that aren't about a field (a key, a version) are none of the filters' business.
    if (found.some((row) => field in row)) found = found.filter((row) => holds(compare(row[field], value)))
  }
  const sort = query.get('sort')
  if (sort === null) return found
  const keys = sort.split(',').map((key) => (key.startsWith('-') ? ([key.slice(1), -1] as const) : ([key, 1] as const)))
  return found.toSorted((a, b) => keys.reduce((order, [key, sign]) => order || sign * compare(a[key], b[key]), 0))
}

function compare(a: unknown, b: unknown): number {
  const [x, y] = typeof a === 'number' ? [a, Number(b)] : [String(a), String(b)]
  return x < y ? -1 : x > y ? 1 : 0
}

/** A store that applies a request once for each `idempotency-key`, whatever becomes of its answer. */
export interface IdempotentStore {
  /** Takes a JSON array, or one JSON value, or NDJSON; a repeat of a key is answered as the first time. Without a key it is applied each time. */
  readonly route: Route
  /** What was applied, in order. */
  readonly rows: unknown[]
  /** How often a key was seen. */
  readonly keys: Map<string, number>
  /** Answers that were dropped after the request was applied. */
  readonly dropped: number
}

/** @param drop whether the answer to the nth request (from 1) is lost after it was applied. @default every tenth */
export function idempotentStore(drop: (n: number) => boolean = (n) => n % 10 === 0): IdempotentStore {
  const rows: unknown[] = []
  const keys = new Map<string, number>()
  let count = 0
  let dropped = 0
  return {
    rows,
    keys,
    get dropped() {
      return dropped
    },
    route: ({ headers, body }): Answer => {
      const key = headers['idempotency-key']
      const known = typeof key === 'string' && keys.has(key)
      if (typeof key === 'string') keys.set(key, (keys.get(key) ?? 0) + 1)
      const given = values(body, String(headers['content-type'] ?? ''))
      if (!known) rows.push(...given)
      if (drop(++count)) {
        dropped++
        return 'reset'
      }
      return { status: known ? 200 : 201, body: { accepted: given.length } }
    },
  }
}

function values(body: string, contentType: string): readonly unknown[] {
  if (contentType.includes('ndjson'))
    return body
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown)
  if (contentType.includes('form-urlencoded')) return [Object.fromEntries(new URLSearchParams(body))]
  const value = JSON.parse(body) as unknown
  return Array.isArray(value) ? value : [value]
}

/** Bearer tokens that run out. */
export interface ExpiringTokens {
  /** The token endpoint (OAuth2, any grant). */
  readonly token: Route
  /** Lets through only what bears a token that is still good; 401 otherwise. */
  readonly guard: (route: Route) => Route
  /** Tokens handed out. */
  readonly issued: number
  /** No token is good any more. */
  readonly revoke: () => void
}

/** @param uses how many requests a token is good for. */
export function expiringTokens({
  uses = Infinity,
  expiresIn = 3_600,
}: {
  readonly uses?: number
  readonly expiresIn?: number
} = {}): ExpiringTokens {
  const left = new Map<string, number>()
  let issued = 0
  return {
    get issued() {
      return issued
    },
    revoke: () => left.clear(),
    token: () => {
      const token = `token-${++issued}`
      left.set(token, uses)
      return { body: { access_token: token, token_type: 'Bearer', expires_in: expiresIn } }
    },
    guard:
      (route) =>
      (request): Answer | Promise<Answer> => {
        const token = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
        const good = left.get(token) ?? 0
        if (good <= 0)
          return { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: { error: 'invalid_token' } }
        left.set(token, good - 1)
        return route(request)
      },
  }
}

/** Refuses what comes faster than allowed: at most `requests` in any window of `perMs`; the request over it gets 429 with Retry-After. */
export function limited(
  route: Route,
  { requests, perMs }: { readonly requests: number; readonly perMs: number },
): Route {
  const taken: number[] = []
  return (request): Answer | Promise<Answer> => {
    const recent = taken.filter((at) => at > request.at - perMs)
    if (recent.length >= requests) {
      const waitMs = (recent[recent.length - requests] ?? request.at) + perMs - request.at
      return {
        status: 429,
        headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) },
        body: { error: 'too many requests' },
      }
    }
    taken.push(request.at)
    return route(request)
  }
}
