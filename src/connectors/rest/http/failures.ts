import { STATUS_CODES } from 'node:http'
import { inspect } from 'node:util'
import type { SchedulerLike } from 'rxjs'
import { describeError, isRetryable } from '../../../errors.ts'
import { redact } from '../../../redact.ts'
import { hide } from '../auth/hide.ts'
import { connectionText, isTransient } from './connection-error.ts'
import { HttpError, PaginationReset } from './http-error.ts'
import { type Outgoing, secretsOf } from './outgoing.ts'
import { retryAfterMs } from './retry-after.ts'
import type { Authorization } from './types.ts'

const excerptLength = 500

/** An answer that isn't good. */
export interface BadAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The beginning of its body; `undefined` where that couldn't be read. */
  readonly text: string | undefined
}

/** Makes the errors of one attempt at a request. What an error of the client says went through here, and is redacted here. */
export class Failures {
  readonly #request: Outgoing
  readonly #auth: Authorization | undefined
  readonly #attempt: string
  readonly #scheduler: SchedulerLike

  /** @param attempt `''`, or ` (attempt 2 of 5)`; said by errors that are worth another one. */
  constructor(request: Outgoing, auth: Authorization | undefined, attempt: string, scheduler: SchedulerLike) {
    this.#request = request
    this.#auth = auth
    this.#attempt = attempt
    this.#scheduler = scheduler
  }

  /** @param why said in addition. */
  answered({ status, headers, text }: BadAnswer, kind: 'retry' | 'fail' | 'reset pagination', why?: string): HttpError {
    const bodyExcerpt = text === undefined || text.trim() === '' ? undefined : this.#excerpt(text)
    const again = kind === 'retry'
    const parts = [
      `answered ${`${status} ${STATUS_CODES[status] ?? ''}`.trim()}${again ? this.#attempt : ''}`,
      why,
      status === 401 || status === 403
        ? `asked with ${this.#auth?.name ?? 'no authorization (option "auth")'}`
        : undefined,
      bodyExcerpt,
    ]
    const Class = kind === 'reset pagination' ? PaginationReset : HttpError
    return new Class(`${this.#where} ${parts.filter((part) => part !== undefined).join('; ')}`, {
      ...this.#what,
      status,
      bodyExcerpt,
      retryable: again,
      retryAfter: again ? retryAfterMs({ status, headers }, this.#scheduler.now()) : undefined,
    })
  }

  timedOut(totalMs: number): HttpError {
    const text = `${this.#where} took longer than the ${totalMs} ms that "timeout.total" allows${this.#attempt}`
    return new HttpError(text, { ...this.#what, retryable: true })
  }

  /** No answer came, or half of one. @param status of the half. */
  connection(error: unknown, status?: number): HttpError {
    const retryable = isTransient(error)
    const what = status === undefined ? 'got no answer' : `answered ${status}, and its body broke off`
    const message = `${this.#where} ${what}${retryable ? this.#attempt : ''}: ${this.#safe(connectionText(error))}`
    const isOpen = this.#safe(inspect(error, { depth: 5 })) === inspect(error, { depth: 5 })
    return new HttpError(message, { ...this.#what, status, retryable }, isOpen ? { cause: error } : {})
  }

  /** Somebody else's error: the same, unless it quotes a secret. */
  foreign(error: unknown): unknown {
    const print = inspect(error, { depth: 5 })
    if (this.#safe(print) === print) return error
    const message = this.#safe(describeError(error))
    if (!(error instanceof HttpError)) return Object.assign(new Error(message), { retryable: isRetryable(error) })
    const { method, status, retryable, retryAfter } = error
    const bodyExcerpt = error.bodyExcerpt && this.#safe(error.bodyExcerpt)
    return new HttpError(message, { method, url: this.#safe(error.url), status, retryable, retryAfter, bodyExcerpt })
  }

  get #where(): string {
    return `${this.#request.method} ${this.#what.url}`
  }

  get #what(): { readonly method: string; readonly url: string } {
    return { method: this.#request.method, url: this.#ofAuth(this.#request.url.href) }
  }

  #excerpt(text: string): string {
    const safe = this.#safe(text).replaceAll(/\s+/g, ' ').trim()
    return safe.length > excerptLength ? `${safe.slice(0, excerptLength)}…` : safe
  }

  #safe(text: string): string {
    return this.#ofAuth(hide(text, secretsOf(this.#request)))
  }

  /** First what is known to be secret: what is only taken for it by a name nearby might tear it apart. */
  #ofAuth(text: string): string {
    return redact(this.#auth?.hide?.(text) ?? text)
  }
}
