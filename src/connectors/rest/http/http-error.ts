import { errorCodes, SluiceError } from '../../../errors.ts'

/** What is known of a request that failed. */
export interface HttpFailure {
  readonly method: string
  /** Without what looks like a secret. */
  readonly url: string
  /** Of the answer; `undefined` where none came. */
  readonly status?: number | undefined
  readonly retryable: boolean
  /** How long the answer asks to wait before the next attempt, in milliseconds. */
  readonly retryAfter?: number | undefined
  /** The beginning of the answer's body, without what looks like a secret. */
  readonly bodyExcerpt?: string | undefined
}

/** A request that got no answer, or one that isn't good. It quotes no secret: neither in its texts nor in its cause. */
export class HttpError extends SluiceError implements HttpFailure {
  readonly code = errorCodes.http
  readonly method: string
  readonly url: string
  /** Of the answer; `undefined` where none came. */
  readonly status: number | undefined
  /** Whether the same request may fare better later: no or half an answer, 408, 425, 429, 5xx, or what a filter said. */
  readonly retryable: boolean
  /** How long the answer asks to wait before the next attempt, in milliseconds. */
  readonly retryAfter: number | undefined
  /** The beginning of the answer's body. */
  readonly bodyExcerpt: string | undefined

  constructor(message: string, failure: HttpFailure, options?: ErrorOptions) {
    super(message, options)
    this.method = failure.method
    this.url = failure.url
    this.status = failure.status
    this.retryable = failure.retryable
    this.retryAfter = failure.retryAfter
    this.bodyExcerpt = failure.bodyExcerpt
  }
}

/** A response filter said that the pagination is lost (an expired cursor, say) and must begin again. Of no use to repeat the request. */
export class PaginationReset extends HttpError {}
