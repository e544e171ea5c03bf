import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { describeError, OptionError } from '../errors.ts'
import { type OptionRule, rules, validateOptions } from '../options.ts'
import { redact } from '../redact.ts'

/** Options that all servers have. */
export interface ServerOptions {
  /** 0: any free one. */
  readonly port: number
  /** The address to listen on; `'0.0.0.0'` for all. @default '127.0.0.1' */
  readonly host?: string
  /** Who asks must send it, as `Authorization: Bearer …`. @default none is needed */
  readonly token?: string
  /**
   * Names by which it may be asked (the header `Host`, without a port), besides addresses and localhost: a foreign page must not read what a browser on this
   * machine can reach under a name of its own. @default none
   */
  readonly hostNames?: readonly string[]
}

/** A server that listens. */
export interface RunningServer extends AsyncDisposable {
  readonly port: number
  /** Without a slash at its end. */
  readonly url: string
  /** Ends all connections, too. */
  readonly close: () => Promise<void>
}

/** What a route answers with. */
export interface Answer {
  readonly status?: number
  readonly contentType: string
  readonly body: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

/** One path of a server. */
export interface Route {
  /** `open` routes are answered without the token, too; they are told whether it was there. */
  readonly open?: true
  readonly answer: (request: IncomingMessage, trusted: boolean) => Answer | Promise<Answer>
}

/** A path whose answer doesn't end; the caller ends it. Called for those with the token only. */
export interface StreamRoute {
  readonly stream: (request: IncomingMessage, response: ServerResponse) => void
}

const portRule: OptionRule = {
  expected: 'a port, from 0 to 65535',
  accepts: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 65_535,
}
/** What a header can hold without being changed on its way. */
const tokenRule: OptionRule = {
  expected: 'printable ASCII without spaces at its ends',
  accepts: (value) => typeof value === 'string' && /^[!-~](?:[ -~]*[!-~])?$/.test(value),
  secret: true,
}
const namesRule: OptionRule = {
  expected: 'a list of host names',
  accepts: (value) => Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== ''),
}

/** Rules of {@link ServerOptions}. */
export const serverRules = {
  port: { ...portRule, required: true },
  host: rules.string,
  token: tokenRule,
  hostNames: namesRule,
} as const satisfies Record<keyof ServerOptions, OptionRule>

/**
 * Listens. What is slow, large or not asked for is cut off: headers within 10 s and 8 KiB, no bodies, 100 connections, `GET` and `HEAD` only;
 * every other path is a 404.
 * @throws OptionError; the error of listening.
 */
export async function startServer(
  owner: string,
  options: ServerOptions,
  routes: Readonly<Record<string, Route | StreamRoute>>,
): Promise<RunningServer> {
  const { port, host = '127.0.0.1', token, hostNames = [] } = options
  validateOptions(owner, { port, host, token, hostNames }, serverRules)
  const expected = token === undefined ? undefined : digest(token)
  const server = createServer(
    {
      maxHeaderSize: 8 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => {
      respond(request, response).catch((error: unknown) => fail(response, error))
    },
  )
  server.maxConnections = 100
  server.timeout = 30_000 // of sockets on which nothing moves: a reader that doesn't read
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { headers, method } = request
    if (headers['content-length'] !== undefined && headers['content-length'] !== '0') return refuse(request, response)
    if (headers['transfer-encoding'] !== undefined) return refuse(request, response)
    if (!isOurName(headers.host, hostNames)) return send(request, response, text(421, 'unknown host name'))
    const path = pathOf(request.url)
    const route = path !== undefined && Object.hasOwn(routes, path) ? routes[path] : undefined
    if (route === undefined || (method !== 'GET' && method !== 'HEAD'))
      return send(request, response, text(404, 'not found'))
    const trusted = expected === undefined || isTrusted(headers.authorization, expected)
    if (!trusted && !('open' in route && route.open === true)) {
      const challenge = { 'www-authenticate': 'Bearer' }
      return send(request, response, { ...text(401, 'a token is needed'), headers: challenge })
    }
    if ('stream' in route) return route.stream(request, response)
    send(request, response, await route.answer(request, trusted))
  }
  await listening(server, host, port)
  server.on('error', (error) => tell(error)) // a connection that can't be taken ends no process
  const address = server.address()
  const actual = typeof address === 'object' && address !== null ? address.port : port
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : isIP(host) === 6 ? `[${host}]` : host
  let closed: Promise<void> | undefined
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
    return closed
  }
  return { port: actual, url: `http://${shown}:${actual}`, close, [Symbol.asyncDispose]: close }
}

/** A short text. */
export function text(status: number, body: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` }
}

/** A value as JSON; what has no JSON is a text. */
export function json(value: unknown, status = 200): Answer {
  const plain = (_name: string, part: unknown): unknown => (typeof part === 'bigint' ? String(part) : part)
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value, plain)}\n` }
}

/** Headers that every answer has. */
export const commonHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } as const

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status = 200, contentType, body, headers } = answer
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength
  response.writeHead(status, { ...commonHeaders, 'content-type': contentType, 'content-length': length, ...headers })
  response.end(request.method === 'HEAD' ? undefined : body)
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  const answer = text(413, 'no bodies are taken')
  send(request, response, { ...answer, headers: { connection: 'close' } })
  response.once('finish', () => request.destroy())
}

function tell(error: unknown): void {
  process.emitWarning(`a request for metrics failed: ${redact(describeError(error))}`, 'SluiceWarning')
}

function fail(response: ServerResponse, error: unknown): void {
  tell(error)
  if (response.headersSent) response.destroy()
  else response.writeHead(500, { ...commonHeaders, 'content-type': 'text/plain; charset=utf-8' }).end('failed\n')
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void =>
      reject(
        error.code === 'EADDRINUSE'
          ? new OptionError(`port ${port} of ${host} is taken; 0 takes any free one`, { cause: error })
          : error,
      )
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      resolve()
    })
  })
}

function pathOf(url: string | undefined): string | undefined {
  return /^\/[^?#]*/.exec(url ?? '')?.[0]
}

function isOurName(header: string | undefined, names: readonly string[]): boolean {
  const name = /^(\[[0-9a-f:.]+\]|[^:]+)(?::\d+)?$/i.exec(header ?? '')?.[1]?.toLowerCase()
  if (name === undefined) return false
  if (name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true
  return names.some((known) => known.toLowerCase() === name)
}

function isTrusted(header: string | undefined, expected: Buffer): boolean {
  const given = /^Bearer +(.+)$/i.exec(header ?? '')?.[1] ?? ''
  // Digests have one length: the time taken tells nothing of the token.
  return timingSafeEqual(digest(given), expected)
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
