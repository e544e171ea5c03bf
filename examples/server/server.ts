import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { accountsApi, tokensApi } from './accounts.ts'
import { type Api, BadRequest, json, type Question, type Reply } from './api.ts'
import { replayClock } from './clock.ts'
import { earthquakesApi } from './earthquakes.ts'
import { eventsApi } from './events.ts'
import { type FaultKind, type FaultOptions, plannedFaults } from './faults.ts'
import { forecastApi } from './forecast.ts'
import { type LedgerOptions, openLedger } from './ledger.ts'
import { ordersApi } from './orders.ts'
import { boundsApi, readingsApi } from './readings.ts'
import { type ServerStats, StatsRecorder } from './stats.ts'
import { strikesApi } from './strikes.ts'

export interface ServerOptions {
  /** 0 takes a free one. @default 0 */
  readonly port?: number
  /** Epoch milliseconds. @default Date.now */
  readonly now?: () => number
  /** How fast the server's clock runs, from `now` at the start on: 3600 makes an hour of every second. @default 1 */
  readonly speed?: number
  /** What goes wrong now and then; false for nothing. @default four of a hundred requests */
  readonly faults?: FaultOptions | false
  /** Requests to `/v1/forecast` in a minute of `now`; more are refused with status 429. @default 600, as Open-Meteo's free service */
  readonly requestsPerMinute?: number
  /** Where `/ledger` keeps what it received, and what goes wrong there. */
  readonly ledger?: LedgerOptions
}

export interface ExampleServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  readonly stats: ServerStats
  /** The server's clock, epoch milliseconds. */
  readonly now: () => number
  readonly strikes: {
    /** Rows that are there now. */
    readonly count: () => number
    /** Adds rows at once; a negative number takes them away again. */
    readonly add: (rows: number) => void
  }
  /** Ends all connections, also those with an answer under way. */
  readonly close: () => Promise<void>
}

/**
 * The APIs of the examples on this machine, over recorded data, on a clock that keeps moving:
 *
 * - `/v1/forecast`: the weather, as Open-Meteo gives it
 * - `/strikes`: bird strikes, as JSONPlaceholder gives comments
 * - `/earthquakes`: earthquakes, revised days later, as the USGS gives them
 * - `/orders`, `/events`, `/readings`: made up, row by row as they are asked for
 * - `/accounts`: made up, for whoever has a token of `/oauth/token`
 * - `/ledger`: takes rows, and knows requests again by their keys
 * - `/clock`: `{ now, time, speed }`, the server's clock, for whoever polls by it
 *
 * What is real and what is mapped is told in `weather.ts`, `strikes.ts` and `earthquakes.ts`. Answers depend on the request and the clock
 * only, but for tokens and the ledger. With a `speed` above 1 a server that is started again is back at `now`, behind what an earlier run had shown.
 *
 * @throws RangeError for an option that is out of range; rejects when the port is taken.
 */
export async function startServer(options: ServerOptions = {}): Promise<ExampleServer> {
  const { port = 0, now = Date.now, speed = 1, requestsPerMinute = 600 } = options
  const clock = replayClock(now, speed)
  const faults = options.faults === false ? undefined : plannedFaults(options.faults ?? {})
  const stats = new StatsRecorder()
  const strikes = strikesApi()
  const ledger = openLedger(options.ledger)
  const tokens = tokensApi()
  const routes: ReadonlyMap<string, Api> = new Map<string, Api>([
    ['/v1/forecast', limited(forecastApi, requestsPerMinute, now)],
    ['/strikes', strikes],
    ['/earthquakes', earthquakesApi],
    ['/fdsnws/event/1/query', earthquakesApi],
    ['/orders', ordersApi],
    ['/events', eventsApi],
    ['/readings', readingsApi],
    ['/readings/bounds', boundsApi],
    ['/oauth/token', tokens],
    ['/accounts', accountsApi(tokens)],
    ['/ledger', ledger],
  ])

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? '', 'http://127.0.0.1')
    if (url === null) return send(response, json(400, {}))
    if (url.pathname === '/clock') {
      const at = clock.now()
      return send(response, json(200, { now: at, time: new Date(at).toISOString(), speed }))
    }
    stats.begin()
    const left = new AbortController()
    response.once('close', () => {
      stats.end()
      left.abort()
    })
    const fault = faults?.of(stats.requests - 1)
    if (fault !== undefined) stats.fault(fault)
    if (fault === 'slow') await sleep(faults?.slowMs, undefined, { signal: left.signal })
    const api = routes.get(url.pathname)
    const question = { method: request.method ?? '', headers: headersOf(request), body: await bodyOf(request) }
    const reply = answer(api, question, url.searchParams, fault)
    stats.answered(url.pathname, reply.status, reply.pastEnd === true)
    if (reply.cut === true) response.socket?.resetAndDestroy()
    else if (fault === 'reset') sendHalf(response, reply)
    else send(response, reply)
  }

  function answer(api: Api | undefined, question: Question, query: URLSearchParams, fault?: FaultKind): Reply {
    if (api === undefined) return json(404, {})
    if (!(api.methods ?? ['GET']).includes(question.method)) return api.refuse(405, 'Method Not Allowed')
    if (fault === 'serverError') return api.refuse(500, 'Internal Server Error')
    if (fault === 'tooManyRequests') {
      const refusal = api.refuse(429, 'Too Many Requests')
      return { ...refusal, headers: { ...refusal.headers, 'retry-after': String(faults?.retryAfterSeconds) } }
    }
    try {
      return api.answer(query, clock.now(), question)
    } catch (error) {
      if (error instanceof BadRequest) return api.refuse(400, error.message)
      throw error
    }
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      // The client went while a slow answer waited, or the server is closing: nobody is left to answer.
      if (response.destroyed) return
      console.error(error)
      if (response.headersSent) response.destroy()
      else send(response, json(500, { error: true, reason: STATUS_CODES[500] }))
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => {
        ledger.close()
        resolve()
      })
      server.closeAllConnections()
    })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stats,
    now: clock.now,
    strikes: { count: () => strikes.count(clock.now()), add: strikes.add },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Counts by whole minutes of `now`, and says nothing of when to come again: Open-Meteo sends no `retry-after`. */
function limited(api: Api, requestsPerMinute: number, now: () => number): Api {
  let minute = -1
  let used = 0
  return {
    ...api,
    answer: (query, at, question) => {
      const current = Math.floor(now() / 60_000)
      if (current !== minute) used = 0
      minute = current
      if (++used > requestsPerMinute) {
        return api.refuse(429, 'Minutely API request limit exceeded. Please try again in one minute.')
      }
      return api.answer(query, at, question)
    },
  }
}

function headersOf({ headers }: IncomingMessage): Question['headers'] {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()]))
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString()
}

function send(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, { ...reply.headers, 'content-length': Buffer.byteLength(reply.body) })
  response.end(reply.body)
}

function sendHalf(response: ServerResponse, reply: Reply): void {
  const body = Buffer.from(reply.body)
  response.writeHead(reply.status, { ...reply.headers, 'content-length': body.length })
  response.write(body.subarray(0, Math.ceil(body.length / 2)), () => response.socket?.resetAndDestroy())
}
