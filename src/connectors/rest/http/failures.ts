import { STATUS_CODES } from 'node:http'
import { inspect } from 'node:util'
import { describeError, isRetryable } from '../../../errors.ts'
import { redact } from '../../../redact.ts'
import { hide } from '../auth/hide.ts'
import { connectionText, isTransient } from './connection-error.ts'
import { HttpError, PaginationReset } from './http-error.ts'
import type { ClientSettings } from './options.ts'
import { type Outgoing, secretsOf } from './outgoing.ts'
import { retryAfterMs } from './retry-after.ts'
import type { Authorization } from './types.ts'

const excerptLength = 500

/** As much of a body is searched for secrets: much more than is shown. */
const looked = 16_384

/** An answer that isn't good. */
export interface BadAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The beginning of its body; `undefined` where that couldn't be read. */
  readonly text: string | undefined
}

/** What the errors of all attempts have in common. */
export type FailureSettings = Pick<ClientSettings, 'auth' | 'maxRetryAfterMs' | 'scheduler'>

/** Makes the errors of one attempt at a request. What an error of the client says went through here, and is redacted here. */
export class Failures {
  readonly #request: Outgoing
  readonly #settings: FailureSettings
  readonly #auth: Authorization | undefined
  readonly #attempt: string

  /** @param attempt `''`, or ` (attempt 2 of 5)`; said by errors that are worth another one. */
  constructor(request: Outgoing, settings: FailureSettings, attempt: string) {
    this.#request = request
    this.#settings = settings
    this.#auth = settings.auth
    this.#attempt = attempt
  }

  /** @param why said in addition. */
  answered({ status, headers, text }: BadAnswer, kind: 'retry' | 'fail' | 'reset pagination', why?: string): HttpError {
    const bodyExcerpt = text === undefined || text.trim() === '' ? undefined : this.#excerpt(text)
    const again = kind === 'retry'
    const wait = again ? this.#waitOf({ status, headers }) : undefined
    const parts = [
      `answered ${`${status} ${STATUS_CODES[status] ?? ''}`.trim()}${again ? this.#attempt : ''}`,
      why,
      wait?.cut,
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
      retryAfter: wait?.ms,
    })
  }

  timedOut(totalMs: number): HttpError {
    const text = `${this.#where} took longer than the ${totalMs} ms that "timeout.total" allows${this.#attempt}`
    return new HttpError(text, { ...this.#what, retryable: true })
  }

  unauthorized(authorizeMs: number): HttpError {
    const { name } = this.#auth ?? { name: '' }
    const text = `${this.#where}: ${name} took longer than the ${authorizeMs} ms that "timeout.authorize" allows${this.#attempt}`
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

  /** A receiver in disorder may ask for years. */
  #waitOf(answer: Omit<BadAnswer, 'text'>): { readonly ms: number; readonly cut: string | undefined } | undefined {
    const { scheduler, maxRetryAfterMs: most } = this.#settings
    const ms = retryAfterMs(answer, scheduler.now())
    if (ms === undefined || ms <= most) return ms === undefined ? undefined : { ms, cut: undefined }
    return { ms: most, cut: `it asks to wait ${ms} ms, of which ${most} are heeded (option "maxRetryAfter")` }
  }

  /** A text without what the request said in secret. */
  readonly hide = (text: string): string => this.#safe(text)

  get #where(): string {
    return `${this.#request.method} ${this.#what.url}`
  }

  get #what(): { readonly method: string; readonly url: string } {
    return { method: this.#request.method, url: this.#ofAuth(this.#request.url.href) }
  }

  #excerpt(text: string): string {
    const isCut = text.length > looked
    const found = this.#safe(text.slice(0, looked))
    // What was cut may end in half a secret, which nobody sees as one.
    const safe = (isCut ? found.slice(0, -looked / 2) : found).replaceAll(/\s+/g, ' ').trim()
    return isCut || safe.length > excerptLength ? `${safe.slice(0, excerptLength)}…` : safe
  }

  #safe(text: string): string {
    return this.#ofAuth(hide(text, secretsOf(this.#request)))
  }

  /** First what is known to be secret: what is only taken for it by a name nearby might tear it apart. */
  #ofAuth(text: string): string {
    return redact(this.#auth?.hide?.(text) ?? text)
  }
}
