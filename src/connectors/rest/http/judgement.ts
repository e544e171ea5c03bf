import type { Readable } from 'node:stream'
import { PortError } from '../../../errors.ts'
import { bodyOf, discard, isBeingRead, startOf } from './body-start.ts'
import { decoded } from './decode.ts'
import type { Failures } from './failures.ts'
import type { HttpError } from './http-error.ts'
import type { ClientSettings } from './options.ts'
import type { Outgoing } from './outgoing.ts'
import type { RawAnswer } from './receiver.ts'
import { isRedirect, redirected } from './redirects.ts'
import { type FilterAction, filterAction, filteredBytes, type SeenBody } from './response-filters.ts'
import type { HttpResponse } from './types.ts'
import { withinTime } from './within-time.ts'

/** Makes something of a good answer. */
export type Take<T> = (response: HttpResponse) => Promise<T>

/** What was made of a good answer, and its body if somebody is still reading it. */
export interface Taken<T> {
  readonly value: T
  readonly body: Readable | undefined
}

/** What an answer leads to: something is made of it, it isn't good, it sends elsewhere, or there is hope that the same request fares better now. */
export type Outcome<T> = Taken<T> | { readonly refused: HttpError } | { readonly redirect: Outgoing } | 'renewed'

/** What was asked, by whom, and who waits for the answer. */
export interface Asked<T> {
  /** Without who asks. */
  readonly to: Outgoing
  /** With who asks. */
  readonly sent: Outgoing
  /** Redirects before it. */
  readonly before: number
  readonly mayRenew: boolean
  readonly take: Take<T>
  readonly failures: Failures
}

const mostRedirects = 10
const transient = new Set([408, 425, 429])

/**
 * Finds out what an answer means, and does it.
 * @throws HttpError for a body that breaks off, and what `take` throws. Then the body of the answer is to be destroyed; else it is taken care of.
 */
export async function judged<T>(answer: RawAnswer, asked: Asked<T>, settings: ClientSettings): Promise<Outcome<T>> {
  const { status, headers } = answer
  const { failures, to } = asked
  const encoding = hasBody(asked.sent.method, status) ? headers['content-encoding'] : undefined
  const plain =
    encoding === undefined
      ? answer.body
      : await decoded(answer.body, encoding, isLengthTold(headers)).catch((error: unknown) => {
          throw failures.connection(error, status)
        })
  if (plain === undefined) {
    void discard(answer.body)
    const why = `its body has the content encoding ${JSON.stringify(encoding)}, which nobody knows here`
    return { refused: failures.answered({ status, headers, text: undefined }, 'fail', why) }
  }
  plain.on('error', () => {}) // maybe nobody reads it
  const body = new Peekable(plain)
  try {
    const said = settings.filters.length === 0 ? undefined : await filterAction(settings.filters, answer, body.see)
    const meaning = said ?? meaningOf(status)
    if (meaning === 'take') {
      return await taken(asked.take, { status, headers, url: to.url.href, body: body.all, hide: failures.hide })
    }
    if (meaning === 'ignore') {
      void discard(body.all)
      return await taken(asked.take, { status: 204, headers: {}, url: to.url.href, body: bodyOf(Buffer.alloc(0)) })
    }
    const next = meaning === 'redirect' ? redirect(answer, asked) : undefined
    if (typeof next === 'object') {
      await discard(body.all)
      return { redirect: next }
    }
    // What can't be read of an error is no error of its own.
    const text = await body.see().then(
      (seen) => seen.text,
      () => undefined,
    )
    body.all.destroy() // what wasn't seen of it isn't worth reading
    if (meaning === 'refresh token' && (await isRenewed(asked, settings))) return 'renewed'
    const kind = meaning === 'retry' || meaning === 'reset pagination' ? meaning : 'fail'
    return { refused: failures.answered({ status, headers, text }, kind, next) }
  } catch (error) {
    const isOfBody = error === plain.errored || error === answer.body.errored
    throw isOfBody ? failures.connection(error, status) : failures.foreign(error)
  }
}

function hasBody(method: string, status: number): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 205 && status !== 304
}

function isLengthTold(headers: RawAnswer['headers']): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

function meaningOf(status: number): FilterAction | 'take' | 'redirect' {
  if (status >= 200 && status < 300) return 'take'
  if (isRedirect(status)) return 'redirect'
  if (status === 401) return 'refresh token'
  return status >= 500 || transient.has(status) ? 'retry' : 'fail'
}

function redirect({ status, headers }: RawAnswer, { to, before }: Asked<unknown>): Outgoing | string {
  if (before >= mostRedirects) return `it redirects for the ${before + 1}th time`
  return redirected(to, status, headers.location)
}

/** Not where somebody else was asked, who didn't get to know who asks. */
async function isRenewed(
  { mayRenew, sent, to, failures }: Asked<unknown>,
  { auth, authorizeMs: ms, scheduler }: ClientSettings,
): Promise<boolean> {
  const refused = auth?.refused
  if (!mayRenew || sent === to || refused === undefined) return false
  return withinTime({ ms, scheduler, late: () => failures.unauthorized(ms) }, async () => refused(sent))
}

async function taken<T>(take: Take<T>, response: HttpResponse): Promise<Taken<T>> {
  const { body } = response
  const value = await take(response)
  if (body.readableEnded || body.destroyed) return { value, body: undefined }
  if (isBeingRead(body)) return { value, body }
  // Not drained: whoever comes late would see an empty body, and take it for one.
  body.destroy(
    new PortError(
      'expected somebody to read the body of an answer when "take" settles, found nobody, and threw it away; read it to its end before, or begin to',
    ),
  )
  return { value, body: undefined }
}

/** A body whose beginning may be looked at before it is read. */
class Peekable {
  #body: Readable
  #seen: SeenBody | undefined

  constructor(body: Readable) {
    this.#body = body
  }

  /** All of it, the beginning included. */
  get all(): Readable {
    return this.#body
  }

  readonly see = async (): Promise<SeenBody> => {
    if (this.#seen === undefined) {
      const { bytes, whole, body } = await startOf(this.#body, filteredBytes + 1)
      this.#body = body
      this.#seen = { text: bytes.subarray(0, filteredBytes).toString(), whole }
    }
    return this.#seen
  }
}
