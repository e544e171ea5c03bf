import { Readable } from 'node:stream'
import type { HttpClient, HttpRequest, HttpResponse } from '../../../../src/connectors/rest/http/types.ts'
import type { PageEnd, Pagination } from '../../../../src/connectors/rest/pagination/types.ts'

export const origin = 'http://api.test'
export const rowsUrl = `${origin}/rows`

export interface Answer {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A request as a server sees it. */
export interface Received {
  readonly url: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
  readonly json: unknown
}

export function received({ url, params = {}, headers = {}, body }: HttpRequest): Received {
  const target = new URL(url)
  for (const [name, value] of Object.entries(params))
    if (value !== undefined) target.searchParams.set(name, String(value))
  const json = body !== undefined && 'json' in body ? body.json : undefined
  return { url: target.href, query: Object.fromEntries(target.searchParams), headers, json }
}

/** A client of an API that is a function. */
export function clientOf(
  api: (request: Received, index: number) => Answer | Promise<Answer>,
): HttpClient & { readonly requests: readonly Received[]; readonly signals: readonly (AbortSignal | undefined)[] } {
  const requests: Received[] = []
  const signals: (AbortSignal | undefined)[] = []
  return {
    requests,
    signals,
    send: async (request, take, options) => {
      options?.signal?.throwIfAborted()
      const seen = received(request)
      signals.push(options?.signal)
      const { body, headers = {} } = await api(seen, requests.push(seen) - 1)
      const response: HttpResponse = {
        status: 200,
        headers: { 'content-type': 'application/json', ...headers },
        url: seen.url,
        body: Readable.from([Buffer.from(JSON.stringify(body) ?? '')], { objectMode: false }),
      }
      return take(response)
    },
    close: async () => {},
  }
}

/** The end of a page, for the pure functions. */
export function pageEnd(envelope: unknown, more: Partial<PageEnd> = {}): PageEnd {
  const none = {
    status: 200,
    headers: {},
    url: rowsUrl,
    count: 2,
    first: undefined,
    last: undefined,
    records: undefined,
  }
  return { ...none, envelope, ...more }
}

/** The request after a page, as a server sees it; `undefined` after the last one. */
export function requestAfter(
  pagination: Pagination,
  page: PageEnd,
  base: HttpRequest = { url: rowsUrl },
): Received | undefined {
  const next = pagination.next(pagination.first, page)
  return next && received(pagination.request(next, base))
}
