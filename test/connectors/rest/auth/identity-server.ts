import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A request to the token endpoint. */
export interface TokenRequest {
  readonly headers: IncomingMessage['headers']
  readonly form: URLSearchParams
}

type Answer = (response: ServerResponse, request: TokenRequest) => void | Promise<void>

/**
 * A token endpoint (`/token`) and an API (`/api`) that takes its tokens, really over HTTP. A token is `token-<n>` and good for `expiresIn` seconds of
 * this server's own clock. `next` is taken off from the front: answers in place of a token.
 */
export class IdentityServer {
  readonly tokenRequests: TokenRequest[] = []
  /** What `/api` was asked with. */
  readonly apiTokens: string[] = []
  readonly next: Answer[] = []
  /** In seconds; `undefined` isn't said. */
  expiresIn: number | undefined = 3_600
  /** Joins every answer. */
  more: () => object = () => ({})
  now: () => number = () => 0
  /** Whether `/api` takes any token. */
  isOpen = true
  /** `/api` refuses whatever it is asked, and quotes it. */
  isEcho = false
  readonly #good = new Map<string, number>()
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })

  static async start(): Promise<IdentityServer> {
    const server = new IdentityServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get tokenUrl(): string {
    return `${this.url}/token`
  }

  /** Every token handed out is void from now on. */
  revokeAll(): void {
    this.#good.clear()
  }

  /** Connections that are open. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
    })
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.startsWith('/api') === true) {
      if (this.isEcho) return sendJson(response, 400, { bad: [request.url, request.headers] })
      const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
      this.apiTokens.push(token)
      if (this.isOpen && (this.#good.get(token) ?? -Infinity) > this.now()) sendJson(response, 200, { ok: true })
      else sendJson(response, 401, { error: `${token} is not good` })
      return
    }
    const tokenRequest = { headers: request.headers, form: new URLSearchParams(await text(request)) }
    this.tokenRequests.push(tokenRequest)
    const n = this.tokenRequests.length
    const answer = this.next.shift()
    if (answer !== undefined) return answer(response, tokenRequest)
    const token = `token-${n}`
    this.#good.set(token, this.now() + (this.expiresIn ?? 3_600) * 1_000)
    const lifetime = this.expiresIn === undefined ? {} : { expires_in: this.expiresIn }
    sendJson(response, 200, { access_token: token, token_type: 'Bearer', ...lifetime, ...this.more() })
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
