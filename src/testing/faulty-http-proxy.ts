import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { OptionError } from '../errors.ts'

/**
 * What becomes of a request:
 * - `{ status: 503 }`: it never reaches the server, and is answered so;
 * - `{ truncate: 0.5 }`: of the answer's body comes this share, under a length that promises all of it, and then the connection is reset;
 * - `'reset'`: it never reaches the server, and the connection is reset;
 * - `'reset-after'`: it takes effect, and the connection is reset before a word was said;
 * - `{ delayMs: 200 }`: the answer comes so much later; `Infinity`: never.
 */
export type HttpFault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | { readonly truncate: number }
  | 'reset'
  | 'reset-after'
  | { readonly delayMs: number }

/** Which requests a fault befalls. All that is said must fit. */
export interface HttpFaultTarget {
  /** Without the query. @default any */
  readonly path?: string
  /** How many requests that fit. @default Infinity */
  readonly times?: number
}

/** A server in front of a server, to be broken in every way. */
export interface FaultyHttpProxy extends AsyncDisposable {
  /** The origin to ask: `http://127.0.0.1:<port>`. */
  readonly origin: string
  /** Requests so far, those included that never reached the server. */
  readonly requests: number
  /** From now on. Of several faults that fit a request, the first one that was set befalls it. */
  readonly fault: (fault: HttpFault, target?: HttpFaultTarget) => void
  /** Nothing goes wrong from now on. */
  readonly heal: () => void
  readonly close: () => Promise<void>
}

/**
 * Stands before an HTTP server: listens on a free port of loopback, passes requests on whole, and answers wrongly when it is told to.
 *
 * ```ts
 * await using proxy = await faultyHttpProxy('http://127.0.0.1:8080')
 * proxy.fault({ status: 429, headers: { 'retry-after': '1' } }, { path: '/orders', times: 2 })
 * ```
 *
 * @param origin of the server, by `http:`. @throws OptionError for any other.
 */
export async function faultyHttpProxy(origin: string): Promise<FaultyHttpProxy> {
  const target = URL.canParse(origin) ? new URL(origin) : undefined
  if (target?.protocol !== 'http:')
    throw new OptionError('faultyHttpProxy: its argument must be an origin such as "http://127.0.0.1:8080"')
  const faults: { readonly fault: HttpFault; readonly path: string | undefined; left: number }[] = []
  let requests = 0

  const faultOf = (url: string): HttpFault | undefined => {
    const { pathname } = new URL(url, target)
    const found = faults.find(({ path, left }) => left > 0 && (path === undefined || path === pathname))
    if (found !== undefined) found.left--
    return found?.fault
  }
  const pass = async (incoming: IncomingMessage): Promise<Answer> => {
    const { method = 'GET', url = '/', headers } = incoming
    const { connection: _, ...passed } = headers
    const outgoing = request(new URL(url, target), { method, headers: passed, agent: false })
    outgoing.end(await buffer(incoming))
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
    return { status: answer.statusCode ?? 500, headers: answer.headersDistinct, body: await buffer(answer) }
  }
  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const fault = faultOf(incoming.url ?? '/')
    if (fault === 'reset') return reset(response)
    if (typeof fault === 'object' && 'status' in fault) {
      await buffer(incoming)
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '')
      return
    }
    const answer = await pass(incoming)
    if (fault === 'reset-after') return reset(response)
    if (fault !== undefined && 'delayMs' in fault) {
      if (fault.delayMs === Infinity) return
      await sleep(fault.delayMs)
    }
    // Passed on whole, so under a length of its own.
    const { connection: _, 'transfer-encoding': __, ...headers } = answer.headers
    response.writeHead(answer.status, { ...headers, 'content-length': answer.body.length })
    if (fault === undefined || !('truncate' in fault)) {
      response.end(answer.body)
      return
    }
    const part = answer.body.subarray(0, Math.floor(answer.body.length * fault.truncate))
    response.flushHeaders()
    response.write(part, () => reset(response))
  }
  const server = createServer((incoming, response) => {
    requests++
    response.on('error', () => {}) // the client left
    handle(incoming, response).catch(() => reset(response)) // the server is gone: so is its proxy
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    fault: (fault, { path, times = Infinity } = {}) => void faults.push({ fault, path, left: times }),
    heal: () => {
      faults.length = 0
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string[]>
  readonly body: Buffer
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}
