import type { SchedulerLike } from 'rxjs'
import { isRetryable } from '../../../errors.ts'
import { untilAborted } from '../http/until-aborted.ts'

/** A token as it was issued. */
export interface IssuedToken {
  readonly value: string
  /** From the moment it was asked for, in milliseconds. */
  readonly lifetimeMs: number
}

interface HeldToken {
  readonly value: string
  readonly askedAt: number
  readonly expiresAt: number
  readonly renewAt: number
}

/** How a {@link TokenCache} gets tokens. */
export interface TokenCacheOptions {
  /** @param signal is aborted when nobody waits for the token any more. */
  readonly issue: (signal: AbortSignal) => Promise<IssuedToken>
  /** Whether nothing is lost with an answer that nobody gets. */
  readonly mayBeLeft: boolean
  /** How long before its end a token of a lifetime is renewed; never more than half of it. */
  readonly renewBeforeMs: (lifetimeMs: number) => number
  readonly scheduler: SchedulerLike
}

interface Renewal {
  readonly token: Promise<string>
  readonly ending: AbortController
  waiting: number
}

/**
 * One token for all who ask, renewed before it expires.
 *
 * However many ask at once, one renewal is under way: whoever leaves early doesn't end it for the others; the last one does, unless its answer may hold what
 * must not get lost (a new refresh token). When a renewal that came early fails and trying again may help, the token goes on to be used
 * while it is good, and half of the time left passes before the next attempt.
 */
export class TokenCache {
  readonly #options: TokenCacheOptions
  #held: HeldToken | undefined
  #renewal: Renewal | undefined

  constructor(options: TokenCacheOptions) {
    this.#options = options
  }

  /** The token. @param signal ends the waiting of this caller only. */
  async get(signal: AbortSignal | undefined): Promise<string> {
    signal?.throwIfAborted()
    const held = this.#held
    const now = this.#options.scheduler.now()
    // Before it was asked for: the clock was set back, and says nothing about the token.
    if (held !== undefined && now >= held.askedAt && now < held.renewAt) return held.value
    this.#renewal ??= this.#begin()
    const renewal = this.#renewal
    renewal.waiting++
    try {
      return await (signal === undefined ? renewal.token : untilAborted(renewal.token, signal))
    } finally {
      renewal.waiting--
      if (renewal.waiting === 0 && this.#options.mayBeLeft) this.#leave(renewal)
    }
  }

  /** A server refused this token. One that has been replaced since is forgotten already. */
  refuse(value: string): void {
    if (this.#held?.value === value) this.#held = undefined
  }

  #begin(): Renewal {
    const ending = new AbortController()
    const renewal: Renewal = { token: this.#renew(ending.signal), ending, waiting: 0 }
    renewal.token.then(
      () => this.#leave(renewal),
      () => this.#leave(renewal),
    )
    return renewal
  }

  #leave(renewal: Renewal): void {
    if (this.#renewal === renewal) this.#renewal = undefined
    renewal.ending.abort()
  }

  async #renew(signal: AbortSignal): Promise<string> {
    const { issue, renewBeforeMs, scheduler } = this.#options
    const askedAt = scheduler.now()
    try {
      const { value, lifetimeMs } = await issue(signal)
      const early = Math.min(renewBeforeMs(lifetimeMs), lifetimeMs / 2)
      const expiresAt = askedAt + lifetimeMs
      this.#held = { value, askedAt, expiresAt, renewAt: expiresAt - early }
      return value
    } catch (error) {
      const held = this.#held
      const now = scheduler.now()
      if (held === undefined || now < held.askedAt || now >= held.expiresAt || !isRetryable(error)) throw error
      this.#held = { ...held, renewAt: (now + held.expiresAt) / 2 }
      return held.value
    }
  }
}
