import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import type { TestAuthority } from './certificates.ts'
import type { Fault } from './http-faults.ts'

/** A request as the server got it. */
export interface ReceivedRequest {
  /** Counted from 1 over all requests of the server, in the order in which they arrived. */
  readonly number: number
  /** Counted from 1 over the requests of this path. */
  readonly pathNumber: number
  readonly method: string
  /** Path and query, as sent. */
  readonly url: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** When its headers arrived: milliseconds of `performance.now()`. */
  readonly at: number
  /** The common name of the client's certificate. */
  readonly client: string | undefined
  /** The port it came from: the same for requests of one connection. */
  readonly port: number | undefined
}

/** What a route answers: `'reset'` cuts the connection. A body that is neither text nor bytes is sent as JSON. */
export type Answer =
  | 'reset'
  | { readonly status?: number; readonly headers?: OutgoingHttpHeaders; readonly body?: unknown }

export type Route = (request: ReceivedRequest) => Answer | Promise<Answer>

/** An {@link Answer} with everything in it. */
export interface FullAnswer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly body: Buffer
}

/** Which requests a fault befalls. All that is said must fit; nothing said is every request. */
export interface FaultTarget {
  readonly path?: string
  /** The number of the request, of `path` where one is said, else of all. */
  readonly n?: number | readonly number[] | ((n: number) => boolean)
}

export interface HttpServerOptions {
  /** Speaks https, with a certificate for 127.0.0.1 and localhost. `clients`: only to those with a certificate of the same authority. */
  readonly tls?: { readonly authority: TestAuthority; readonly clients?: boolean; readonly names?: readonly string[] }
}

/**
 * A real server on 127.0.0.1, with routes by path or by method and path (`'/items'`, `'POST /orders'`; `'*'` takes the rest), that records what it
 * is asked and goes wrong where it is told to.
 *
 * ```ts
 * await using server = await httpServer({ '/items': collection(rows, { paging: 'cursor' }) })
 * server.fault(status(429, { 'retry-after': '1' }), { path: '/items', n: 2 })
 * ```
 */
export async function httpServer(
  routes: Readonly<Record<string, Route>> = {},
  options: HttpServerOptions = {},
): Promise<HttpServer> {
  const server = new HttpServer(routes, options)
  await server.listen()
  return server
}

export class HttpServer implements AsyncDisposable {
  /** In the order of their arrival; each is there once its body has arrived. */
  readonly requests: ReceivedRequest[] = []
  /** May be changed at any time. */
  readonly routes: Map<string, Route>
  /** Errors that routes and faults threw; the client got 599. */
  readonly errors: unknown[] = []
  /** The most requests that were under way at once. */
  mostAtOnce = 0
  /** Requests that are under way. */
  atOnce = 0
  #count = 0
  readonly #pathCounts = new Map<string, number>()
  readonly #faults: { readonly fault: Fault; readonly target: FaultTarget }[] = []
  readonly #server: Server
  readonly #scheme: string

  constructor(routes: Readonly<Record<string, Route>>, { tls }: HttpServerOptions) {
    this.routes = new Map(Object.entries(routes))
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      void this.#handle(request, response)
    }
    this.#scheme = tls === undefined ? 'http' : 'https'
    this.#server =
      tls === undefined
        ? createServer(listener)
        : createSecureServer(
            {
              ...tls.authority.issue({ name: 'server', hosts: tls.names ?? ['127.0.0.1', 'localhost'] }),
              ...(tls.clients === true && { ca: tls.authority.ca, requestCert: true, rejectUnauthorized: true }),
            },
            listener,
          )
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The origin: `http://127.0.0.1:<port>`. */
  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`
  }

  /** Makes requests go wrong. The first fault that fits a request befalls it. */
  fault(fault: Fault, target: FaultTarget = {}): void {
    this.#faults.push({ fault, target })
  }

  /** Nothing goes wrong from now on. */
  heal(): void {
    this.#faults.length = 0
  }

  /** The requests of a path. */
  requestsTo(path: string): readonly ReceivedRequest[] {
    return this.requests.filter((request) => request.path === path)
  }

  /** Cuts every connection, also idle ones; goes on listening. */
  cutConnections(): void {
    this.#server.closeAllConnections()
  }

  /** Connections that are open. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
    })
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce)
    response.once('close', () => this.atOnce--)
    response.on('error', () => {}) // the client left
    try {
      const request = await this.#received(incoming)
      this.requests.push(request)
      const route =
        this.routes.get(`${request.method} ${request.path}`) ?? this.routes.get(request.path) ?? this.routes.get('*')
      const answer = async (): Promise<FullAnswer | 'reset'> =>
        route === undefined
          ? fullAnswer({ status: 404, body: { error: 'no such route' } })
          : fullAnswer(await route(request))
      const fault = this.#faults.find(({ target }) => fits(target, request))?.fault
      if (fault === undefined) send(response, await answer())
      else await fault({ request, answer, response })
    } catch (error) {
      if (incoming.errored === null) this.errors.push(error)
      if (response.headersSent) response.destroy()
      else response.writeHead(599).end(String(error))
    }
  }

  async #received(incoming: IncomingMessage): Promise<ReceivedRequest> {
    const at = performance.now()
    const number = ++this.#count
    const url = incoming.url ?? '/'
    const { pathname: path, searchParams: query } = new URL(url, 'http://127.0.0.1')
    const pathNumber = (this.#pathCounts.get(path) ?? 0) + 1
    this.#pathCounts.set(path, pathNumber)
    const client = 'getPeerCertificate' in incoming.socket ? commonName(incoming.socket as TLSSocket) : undefined
    const { method = 'GET', headers } = incoming
    const port = incoming.socket.remotePort
    return { number, pathNumber, method, url, path, query, headers, body: await text(incoming), at, client, port }
  }
}

/** Sends a whole answer. */
export function send(response: ServerResponse, answer: FullAnswer | 'reset'): void {
  if (answer === 'reset') response.destroy()
  else response.writeHead(answer.status, { 'content-length': answer.body.length, ...answer.headers }).end(answer.body)
}

function fullAnswer(answer: Answer): FullAnswer | 'reset' {
  if (answer === 'reset') return answer
  const { status = 200, headers = {}, body = '' } = answer
  if (typeof body === 'string') return { status, headers, body: Buffer.from(body) }
  if (body instanceof Uint8Array) return { status, headers, body: Buffer.from(body) }
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  }
}

function fits({ path, n }: FaultTarget, request: ReceivedRequest): boolean {
  if (path !== undefined && path !== request.path) return false
  const number = path === undefined ? request.number : request.pathNumber
  if (typeof n === 'function') return n(number)
  return n === undefined || (typeof n === 'number' ? n === number : n.includes(number))
}

function commonName(socket: TLSSocket): string | undefined {
  const { CN } = socket.getPeerCertificate().subject ?? {}
  return typeof CN === 'object' ? CN[0] : CN
}
