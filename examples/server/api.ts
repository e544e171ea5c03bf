/** What a route answers. The body is written as it is. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** The request asked for something that isn't there yet. Only counted; the answer is what the real API would give. */
  readonly pastEnd?: boolean
}

/** One imitated API: how it answers, and how it words a refusal. */
export interface Api {
  /** @param now the server's clock, epoch milliseconds. @throws BadRequest for what the real API refuses with 400. */
  readonly answer: (query: URLSearchParams, now: number) => Reply
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
