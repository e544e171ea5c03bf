import { PortError } from '../../../errors.ts'
import { validateOptions } from '../../../options.ts'
import { retryDelay } from '../../../retry.ts'
import { Attempt } from './attempt.ts'
import { Connections } from './connections.ts'
import { PaginationReset } from './http-error.ts'
import type { Take, Taken } from './judgement.ts'
import { type ClientOptions, type ClientSettings, clientRules, clientSettings } from './options.ts'
import { outgoingOf } from './outgoing.ts'
import { tlsConnect } from './tls.ts'
import type { HttpClient, HttpRequest, HttpResponse, SendOptions } from './types.ts'
import { wait } from './wait.ts'
import { handOnWaits, waitAfter } from './waits.ts'

/**
 * A client over undici that survives what can be survived. Each attempt, redirects and repeats included, is taken from the budget, is authorised anew,
 * and has its time. Whatever the method, a request is repeated when no answer came, though it may have had its effect: give a request that changes
 * something a key by which the server knows it again.
 * @throws OptionError
 */
export function httpClient(options: ClientOptions = {}): HttpClient {
  validateOptions('httpClient', options, clientRules)
  return clientOf('httpClient', options)
}

/** For options of `owner` that were checked before. */
export function clientOf(owner: string, options: ClientOptions): HttpClient {
  return new Client(owner, clientSettings(owner, options))
}

class Client implements HttpClient {
  readonly #owner: string
  readonly #settings: ClientSettings
  readonly #agent: Connections
  /** For redirects to elsewhere: without the certificate that says who asks. */
  readonly #stranger: Connections
  /** One for each call under way. */
  readonly #calls = new Set<AbortController>()
  #closed: Error | undefined

  constructor(owner: string, settings: ClientSettings) {
    this.#owner = owner
    this.#settings = settings
    const { tls, auth } = settings
    this.#agent = new Connections(settings, tlsConnect(`${owner}: tls`, tls, auth?.tls))
    this.#stranger = new Connections(settings, tlsConnect(`${owner}: tls`, tls?.ca === undefined ? {} : { ca: tls.ca }))
  }

  readonly send = async <T>(
    request: HttpRequest,
    take: (response: HttpResponse) => Promise<T>,
    { signal }: SendOptions = {},
  ): Promise<T> => {
    signal?.throwIfAborted()
    if (this.#closed !== undefined) throw this.#closed
    const call = new AbortController()
    const forward = (): void => call.abort(signal?.reason)
    signal?.addEventListener('abort', forward, { once: true })
    this.#calls.add(call)
    const settle = (): void => {
      signal?.removeEventListener('abort', forward)
      this.#calls.delete(call)
    }
    try {
      handOnWaits(signal, call.signal)
      const { value, body } = await this.#persist(request, take, call.signal)
      if (body === undefined) settle()
      else body.once('close', settle)
      return value
    } catch (error) {
      settle()
      throw error
    }
  }

  readonly close = async (): Promise<void> => {
    this.#closed ??= new PortError(`${this.#owner}: the client is closed`)
    for (const call of this.#calls) call.abort(this.#closed)
    await Promise.all([this.#agent.destroy(), this.#stranger.destroy()])
  }

  /** Attempt after attempt, as the policy says. */
  async #persist<T>(request: HttpRequest, take: Take<T>, signal: AbortSignal): Promise<Taken<T>> {
    const { retry, scheduler } = this.#settings
    const outgoing = outgoingOf(request)
    let mayRenew = true
    for (let number = 1; ; ) {
      const attempt = new Attempt(
        this.#settings,
        { own: this.#agent, stranger: this.#stranger },
        { request, outgoing, take, number, mayRenew, signal },
      )
      try {
        const done = await attempt.run()
        if (done !== 'renewed') return done
        mayRenew = false
      } catch (error) {
        signal.throwIfAborted()
        const delayMs = error instanceof PaginationReset ? undefined : retryDelay(retry, number, error)
        if (delayMs === undefined) throw error
        await wait(delayMs, scheduler, signal, waitAfter(error))
        mayRenew = true // that was long ago
        number++
      }
    }
  }
}
