/** What a route answers. The body is written as it is. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The request asked for something that isn't there yet. Only counted; the answer is what the real API would give. */
  readonly pastEnd?: boolean
  /** The connection is cut instead of an answer: whoever asked can't know whether it was done. */
  readonly cut?: boolean
}

/** What a route is asked with, beside its query. */
export interface Question {
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Empty for a GET. */
  readonly body: string
}

/** One imitated API: how it answers, and how it words a refusal. */
export interface Api {
  /** @default GET alone */
  readonly methods?: readonly string[]
  /** @param now the server's clock, epoch milliseconds. @throws BadRequest for what the real API refuses with 400. */
  readonly answer: (query: URLSearchParams, now: number, question: Question) => Reply
  readonly refuse: (status: number, reason: string) => Reply
}

/** The request is wrong; answered with status 400 in the shape of the API it was sent to. */
export class BadRequest extends Error {}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
  }
}

/** A refusal as most APIs word it. */
export function jsonError(status: number, reason: string): Reply {
  return json(status, { error: reason })
}

/** An integer from 0 in the query. @throws BadRequest for anything else. */
export function integer(query: URLSearchParams, name: string, byDefault: number): number {
  const value = query.get(name)
  if (value === null) return byDefault
  if (/^\d{1,15}$/.test(value)) return Number(value)
  throw new BadRequest(`${name} must be an integer from 0, and it is ${JSON.stringify(value)}`)
}

/** A time in the query: ISO 8601 in UTC, milliseconds. @throws BadRequest for anything else. */
export function instant(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null) return undefined
  const at = value.endsWith('Z') ? parseGmt(value.slice(0, -1)) : undefined
  if (at === undefined) throw new BadRequest(`${name} must be a time such as 2026-01-01T00:00:00Z, and it is ${value}`)
  return at
}

/** A number in [0, 1) that depends on both arguments and shows no pattern: the finalizer of the hash function MurmurHash3. */
export function scatter(seed: number, number: number): number {
  let bits = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca77)) >>> 0
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32
}

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** The last multiple of `step` at or before `at`; both in milliseconds. */
export function floorTo(at: number, step: number): number {
  return Math.floor(at / step) * step
}

const isoTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?)?$/

/** Epoch milliseconds of an ISO 8601 date or time without a zone, read as GMT; `undefined` for anything else, also for February 30. */
export function parseGmt(text: string): number | undefined {
  if (!isoTime.test(text)) return undefined
  const at = Date.parse(text.length === 10 ? text : `${text}Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text.slice(0, 10)) ? at : undefined
}
