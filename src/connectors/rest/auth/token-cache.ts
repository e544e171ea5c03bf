import type { SchedulerLike } from 'rxjs'
import { isRetryable } from '../../../errors.ts'

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

/**
 * One token for all who ask, renewed before it expires.
 *
 * However many ask at once, one renewal is under way, and it runs to its end: whoever leaves early doesn't end it for the others, and an answer that
 * nobody waits for any more may hold a new refresh token. When a renewal that came early fails and trying again may help, the token goes on to be used
 * while it is good, and half of the time left passes before the next attempt.
 */
export class TokenCache {
  readonly #issue: () => Promise<IssuedToken>
  readonly #renewBeforeMs: (lifetimeMs: number) => number
  readonly #scheduler: SchedulerLike
  #held: HeldToken | undefined
  #renewal: Promise<string> | undefined

  /** @param renewBeforeMs how long before its end a token of a lifetime is renewed; never more than half of it. */
  constructor(
    issue: () => Promise<IssuedToken>,
    renewBeforeMs: (lifetimeMs: number) => number,
    scheduler: SchedulerLike,
  ) {
    this.#issue = issue
    this.#renewBeforeMs = renewBeforeMs
    this.#scheduler = scheduler
  }

  /** The token. @param signal ends the waiting of this caller only. */
  async get(signal: AbortSignal | undefined): Promise<string> {
    signal?.throwIfAborted()
    const held = this.#held
    const now = this.#scheduler.now()
    // Before it was asked for: the clock was set back, and says nothing about the token.
    if (held !== undefined && now >= held.askedAt && now < held.renewAt) return held.value
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    return untilAborted(this.#renewal, signal)
  }

  /** A server refused this token. One that has been replaced since is forgotten already. */
  refuse(value: string): void {
    if (this.#held?.value === value) this.#held = undefined
  }

  async #renew(): Promise<string> {
    const askedAt = this.#scheduler.now()
    try {
      const { value, lifetimeMs } = await this.#issue()
      const early = Math.min(this.#renewBeforeMs(lifetimeMs), lifetimeMs / 2)
      const expiresAt = askedAt + lifetimeMs
      this.#held = { value, askedAt, expiresAt, renewAt: expiresAt - early }
      return value
    } catch (error) {
      const held = this.#held
      const now = this.#scheduler.now()
      if (held === undefined || now < held.askedAt || now >= held.expiresAt || !isRetryable(error)) throw error
      this.#held = { ...held, renewAt: (now + held.expiresAt) / 2 }
      return held.value
    }
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}
