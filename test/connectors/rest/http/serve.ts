import { text } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { httpClient } from '../../../../src/connectors/rest/http/client.ts'
import type { ClientOptions } from '../../../../src/connectors/rest/http/options.ts'
import type { HttpClient, HttpRequest, HttpResponse, SendOptions } from '../../../../src/connectors/rest/http/types.ts'
import { type HttpServer, type HttpServerOptions, httpServer, type Route } from '../../../support/http-server.ts'
import { HastyScheduler } from '../../../support/schedulers.ts'

export interface Served {
  readonly server: HttpServer
  readonly client: HttpClient
  /** Delays of the client's retries. */
  readonly scheduler: HastyScheduler
  /** Sends, by default a GET of `/`, and gives the body as text. */
  readonly get: (request?: string | Partial<HttpRequest>, options?: SendOptions) => Promise<string>
}

/** A server and a client of it, until the test ends. The client's delays take no time, and it has no time-outs of its own clock. */
export async function serve(
  routes: Readonly<Record<string, Route>> | Route,
  options: ClientOptions = {},
  serverOptions: HttpServerOptions = {},
): Promise<Served> {
  const server = await httpServer(typeof routes === 'function' ? { '*': routes } : routes, serverOptions)
  const scheduler = new HastyScheduler()
  const client = httpClient({ timeout: { authorize: 0, total: 0 }, scheduler, ...options })
  onTestFinished(async () => {
    await client.close()
    await server.close()
    if (server.errors.length > 0) throw new AggregateError(server.errors, 'errors of the server')
  })
  return {
    server,
    client,
    scheduler,
    get: (request = '/', sendOptions) => {
      const given = typeof request === 'string' ? { url: request } : request
      const { url: to = '/' } = given
      const url = to.startsWith('/') ? `${server.url}${to}` : to
      return client.send({ ...given, url }, textOf, sendOptions)
    },
  }
}

export function textOf({ body }: HttpResponse): Promise<string> {
  return text(body)
}

/** What a promise fails with. */
export async function failure(of: Promise<unknown>): Promise<Error> {
  try {
    await of
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}
