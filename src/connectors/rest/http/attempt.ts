import type { Readable } from 'node:stream'
import type { BudgetTicket } from './budget.ts'
import type { Connections } from './connections.ts'
import { Exchange } from './exchange.ts'
import { Failures } from './failures.ts'
import { judged, type Outcome, type Take, type Taken } from './judgement.ts'
import type { ClientSettings } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import type { RawAnswer } from './receiver.ts'
import type { HttpRequest } from './types.ts'
import { waitsOf } from './waits.ts'
import { withinTime } from './within-time.ts'

/** What an attempt is about. */
export interface Attempted<T> {
  readonly request: HttpRequest
  readonly outgoing: Outgoing
  readonly take: Take<T>
  /** From 1. */
  readonly number: number
  /** Whether who asks may still be renewed. */
  readonly mayRenew: boolean
  readonly signal: AbortSignal
}

/** A request on its way to one place. */
interface Hop {
  readonly to: Outgoing
  /** Redirects before it. */
  readonly before: number
  readonly exchange: Exchange
  readonly failures: Failures
}

/** Connections with the certificate that says who asks, and without. */
export interface Agents {
  readonly own: Connections
  readonly stranger: Connections
}

/** One attempt at a request, redirects included. */
export class Attempt<T> {
  readonly #settings: ClientSettings
  readonly #agents: Agents
  readonly #about: Attempted<T>

  constructor(settings: ClientSettings, agents: Agents, about: Attempted<T>) {
    this.#settings = settings
    this.#agents = agents
    this.#about = about
  }

  /** @returns `'renewed'` when who asks was renewed, and the same request may fare better. */
  async run(): Promise<Taken<T> | 'renewed'> {
    const { retry } = this.#settings
    const { outgoing, number, signal } = this.#about
    const of = retry.maxAttempts === Infinity ? '' : ` of ${retry.maxAttempts}`
    const attempt = retry.maxAttempts === 1 ? '' : ` (attempt ${number}${of})`
    let to = outgoing
    for (let before = 0; ; before++) {
      const failures = new Failures(to, this.#settings, attempt)
      const outcome = await this.#hop({ to, before, failures, exchange: new Exchange(signal) })
      if (outcome === 'renewed' || 'value' in outcome) return outcome
      if ('refused' in outcome) throw outcome.refused
      to = outcome.redirect
    }
  }

  async #hop({ to, before, exchange, failures }: Hop): Promise<Outcome<T>> {
    const { totalMs, scheduler } = this.#settings
    let ticket: BudgetTicket | undefined
    let answer: RawAnswer | undefined
    let held: Readable | undefined
    try {
      const { auth, budget } = this.#settings
      const admitted =
        auth === undefined && budget === undefined
          ? { sent: to, ticket: undefined }
          : await this.#admitted(to, exchange, failures)
      ticket = admitted.ticket
      exchange.start(totalMs, scheduler)
      answer = await exchange.send(this.#agentFor(to), admitted.sent).catch((error: unknown) => {
        throw failures.connection(error)
      })
      ticket?.answered(answer.status, answer.headers)
      ticket = undefined
      const hop = { ...this.#about, to, sent: admitted.sent, before, failures }
      const outcome = await exchange.within(judged(answer, hop, this.#settings))
      if (outcome !== 'renewed' && 'value' in outcome) held = outcome.body
      return outcome
    } catch (error) {
      ticket?.unanswered()
      answer?.body.destroy()
      throw exchange.timedOut ? failures.timedOut(totalMs) : error
    } finally {
      exchange.settle(held)
    }
  }

  /** Who asks comes first, then the place in the budget: getting a token takes time, and the place is good for now. */
  async #admitted(
    to: Outgoing,
    exchange: Exchange,
    failures: Failures,
  ): Promise<{ readonly sent: Outgoing; readonly ticket: BudgetTicket | undefined }> {
    const { budget, scheduler } = this.#settings
    const { request, signal } = this.#about
    let ticket: BudgetTicket | undefined
    try {
      let sent = await exchange.within(this.#authorized(to, failures))
      if (budget !== undefined) {
        const since = scheduler.now()
        const over = waitsOf(signal)?.begin('quota')
        ticket = await budget.take(request.weight ?? 1, signal).finally(over)
        // A token may have run out in the line.
        if (scheduler.now() > since) sent = await exchange.within(this.#authorized(to, failures))
      }
      return { sent, ticket }
    } catch (error) {
      ticket?.unanswered()
      throw failures.foreign(error)
    }
  }

  #agentFor(to: Outgoing): Connections {
    return to.url.origin === this.#about.outgoing.url.origin ? this.#agents.own : this.#agents.stranger
  }

  /** Nobody but the origin that was asked gets to know who asks. */
  async #authorized(to: Outgoing, failures: Failures): Promise<Outgoing> {
    const { auth, authorizeMs: ms, scheduler } = this.#settings
    const { outgoing, signal } = this.#about
    if (auth === undefined || to.url.origin !== outgoing.url.origin) return to
    const { method, url, headers, body } = to
    const sent = await withinTime({ ms, scheduler, signal, late: () => failures.unauthorized(ms) }, async (ended) =>
      auth.authorize({ method, url, headers: { ...headers } }, ended),
    )
    return { ...sent, body }
  }
}
