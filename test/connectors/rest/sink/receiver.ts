import { Readable } from 'node:stream'
import { HttpError } from '../../../../src/connectors/rest/http/http-error.ts'
import type { HttpRequest, HttpResponse } from '../../../../src/connectors/rest/http/types.ts'

/** What a receiver in the test's own process answers. */
export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly url?: string
}

/** A request as the receiver got it. */
export interface Received {
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly key: string | undefined
}

/** Gives a request to a receiver and its answer to whoever asked, as a client does that tries once. */
export async function exchange<T>(
  request: HttpRequest,
  take: (response: HttpResponse) => Promise<T>,
  receive: (request: Received) => Answer | Promise<Answer>,
): Promise<T> {
  const { url, method = 'GET', headers = {}, body } = request
  const text = body !== undefined && 'text' in body ? body.text : ''
  const answer = await receive({ url, method, headers, text, key: headers['Idempotency-Key'] })
  const { status } = answer
  const content = answer.body === undefined ? '' : JSON.stringify(answer.body)
  if (status < 200 || status > 299) {
    const bodyExcerpt = content === '' ? undefined : content
    const retryable = status >= 500 || status === 429
    throw new HttpError(`${method} ${url} answered ${status}`, { method, url, status, bodyExcerpt, retryable })
  }
  const stream = Readable.from([Buffer.from(content)], { objectMode: false })
  return take({ status, headers: { 'content-type': 'application/json' }, url: answer.url ?? url, body: stream })
}
