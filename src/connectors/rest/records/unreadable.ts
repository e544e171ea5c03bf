import { describeError } from '../../../errors.ts'
import { redact } from '../../../redact.ts'
import { HttpError } from '../http/http-error.ts'
import type { HttpResponse } from '../http/types.ts'

const excerptBytes = 2_048
const excerptLength = 300

/** A response, and the method that it answers. */
export interface Answered {
  readonly response: HttpResponse
  readonly method: string
}

/**
 * A body that isn't what was asked for: cut short in silence, or the page of a proxy. Trying again may help.
 * @param what follows "answered 200 with".
 * @param start the body's beginning; the error shows an excerpt.
 */
export function unreadable(answered: Answered, what: string, start: readonly Uint8Array[], cause?: unknown): HttpError {
  const { hide = redact } = answered.response
  const text = hide(Buffer.concat(start.slice(0, 8)).subarray(0, excerptBytes).toString())
  const bodyExcerpt = text.replaceAll(/\s+/g, ' ').trim().slice(0, excerptLength)
  const why = cause === undefined ? '' : ` (${describeError(cause)})`
  return failed(answered, `with ${what}${why}; it begins: ${bodyExcerpt}`, { bodyExcerpt }, cause)
}

/** A connection that was lost while a body arrived. */
export function brokenOff(answered: Answered, cause: unknown): HttpError {
  return failed(answered, `and its body broke off: ${describeError(cause)}`, {}, cause)
}

function failed(
  { response: { status, url, hide = redact }, method }: Answered,
  what: string,
  more: { readonly bodyExcerpt?: string },
  cause: unknown,
): HttpError {
  const failure = { method, url: hide(url), status, retryable: true, ...more }
  return new HttpError(hide(`${method} ${failure.url} answered ${status} ${what}`), failure, { cause })
}
