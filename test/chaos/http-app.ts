import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { type Numbered, rowOf } from './sources.ts'

interface Timed extends Numbered {
  /** Whole seconds: many rows share one. */
  readonly at: string
}

/** An API that hands out rows by pages, and a receiver that knows requests again by their key. Neither is part of the project. */
export interface HttpApp {
  readonly port: number
  readonly url: string
  /** Adds rows to a list. */
  readonly add: (name: string, ids: readonly number[]) => void
  /** The ids that were taken, each time one was, and the requests that came again. */
  readonly taken: (name: string) => { readonly ids: readonly number[]; readonly repeatedRequests: number }
  /** Ends all connections and answers nobody for a while. */
  readonly restart: (forMs: number) => Promise<void>
  readonly close: () => Promise<void>
}

const pageRows = 40

export async function httpApp(): Promise<HttpApp> {
  const lists = new Map<string, Timed[]>()
  const receivers = new Map<string, { readonly keys: Set<string>; readonly ids: number[]; repeats: number }>()
  const receiverOf = (name: string) => {
    const known = receivers.get(name) ?? { keys: new Set<string>(), ids: [], repeats: 0 }
    receivers.set(name, known)
    return known
  }

  const page = (name: string, query: URLSearchParams): object => {
    const rows = lists.get(name) ?? []
    const since = query.get('since') ?? ''
    // The list only grows, and in order, so that a place in it is a good page token.
    const from = Number(
      query.get('page') ??
        Math.max(
          0,
          rows.findIndex(({ at }) => Date.parse(at) >= Date.parse(since)),
        ),
    )
    const none =
      query.get('page') === null && since !== '' && !rows.some(({ at }) => Date.parse(at) >= Date.parse(since))
    const items = none ? [] : rows.slice(from, from + pageRows)
    return { items, ...(from + pageRows < rows.length && !none ? { next: String(from + pageRows) } : {}) }
  }
  const take = async (name: string, request: IncomingMessage): Promise<object> => {
    const rows = (await json(request)) as readonly Numbered[]
    const receiver = receiverOf(name)
    const key = String(request.headers['idempotency-key'])
    if (receiver.keys.has(key)) receiver.repeats++
    else {
      receiver.keys.add(key)
      receiver.ids.push(...rows.map(({ id }) => id))
    }
    return { taken: rows.length }
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost')
    const [, kind, name = ''] = pathname.split('/')
    const body = kind === 'rows' ? page(name, searchParams) : await take(name, request)
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy()) // a request that broke off
  })
  const listen = async (port: number): Promise<number> => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const close = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const port = await listen(0)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    add: (name, ids) => {
      const at = new Date(Math.floor(Date.now() / 1_000) * 1_000).toISOString()
      lists.set(name, [...(lists.get(name) ?? []), ...ids.map((id) => ({ ...rowOf(id), at }))])
    },
    taken: (name) => {
      const { ids, repeats } = receiverOf(name)
      return { ids, repeatedRequests: repeats }
    },
    restart: async (forMs) => {
      await close()
      await new Promise((resolve) => setTimeout(resolve, forMs))
      await listen(port)
    },
    close,
  }
}
