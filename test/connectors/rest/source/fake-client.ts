import { Readable } from 'node:stream'
import type { HttpClient, HttpRequest, HttpResponse } from '../../../../src/connectors/rest/http/types.ts'

/** What an API in this process was asked. */
export interface Asked {
  readonly method: string
  readonly path: string
  /** The query; of a repeated name the last value. */
  readonly query: Readonly<Record<string, string>>
  readonly request: HttpRequest
  readonly signal: AbortSignal | undefined
}

export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

export type Api = (asked: Asked, count: number) => Answer | Promise<Answer>

export interface FakeClient extends HttpClient {
  readonly asked: Asked[]
  /** `path?query` of each request. */
  readonly urls: readonly string[]
  closed: boolean
}

class StatusError extends Error {
  readonly status: number
  readonly retryable = false

  constructor(status: number, url: URL) {
    super(`${status} from ${url}`)
    this.status = status
  }
}

/** A client without a network: a request is a call. It tries once; a status from 400 on is an error. */
export function fakeClient(api: Api): FakeClient {
  const asked: Asked[] = []
  return {
    asked,
    closed: false,
    get urls() {
      return asked.map(({ path, query }) => {
        const text = new URLSearchParams(query).toString()
        return decodeURIComponent(text === '' ? path : `${path}?${text}`)
      })
    },
    async send(request, take, { signal } = {}) {
      signal?.throwIfAborted()
      const url = new URL(request.url)
      for (const [name, value] of Object.entries(request.params ?? {})) url.searchParams.set(name, String(value))
      const call: Asked = {
        method: request.method ?? 'GET',
        path: url.pathname,
        query: Object.fromEntries(url.searchParams),
        request,
        signal,
      }
      asked.push(call)
      const { status = 200, headers = {}, body } = await api(call, asked.length)
      signal?.throwIfAborted()
      if (status >= 400) throw new StatusError(status, url)
      const response: HttpResponse = {
        status,
        headers: { 'content-type': 'application/json', ...headers },
        url: url.href,
        body: Readable.from([Buffer.from(JSON.stringify(body))]),
      }
      return take(response)
    },
    async close() {
      this.closed = true
    },
  }
}

/** A page of rows by `offset` and `limit`, with what there is in all. */
export function offsetPage(rows: readonly object[], { query }: Asked): Answer {
  const [offset, limit] = [Number(query.offset ?? 0), Number(query.limit ?? 100)]
  return { body: { items: rows.slice(offset, offset + limit), total: rows.length } }
}
