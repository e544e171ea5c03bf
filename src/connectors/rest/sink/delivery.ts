import { rowText } from '../../../dead-letter.ts'
import { RowError } from '../../../errors.ts'
import { redact } from '../../../redact.ts'
import { retryDelay } from '../../../retry.ts'
import type { WriteContext } from '../../../sink.ts'
import { hide } from '../auth/hide.ts'
import { HttpError } from '../http/http-error.ts'
import type { ClientSettings } from '../http/options.ts'
import { outgoingOf, secretsOf } from '../http/outgoing.ts'
import type { HttpResponse } from '../http/types.ts'
import { wait } from '../http/wait.ts'
import { waitAfter } from '../http/waits.ts'
import { hasPlaceholders } from './address.ts'
import type { HttpSinkSettings } from './options.ts'
import type { CountedAttempt } from './refusal-limit.ts'
import type { Refusal, RefusedRow } from './refused-row.ts'
import { hasRequestKeys, requestOf, type SinkRequest, type Slice } from './request.ts'
import { checkedFailures, type RowFailure, readToEnd, type SinkAnswer, sinkAnswer } from './row-errors.ts'
import type { Send } from './sending.ts'

/** What the deliveries of a run have in common. */
export interface DeliveryTools<Row extends object, Dead> {
  readonly settings: HttpSinkSettings<Row, Dead>
  readonly client: Pick<ClientSettings, 'retry' | 'scheduler' | 'auth'>
  readonly send: Send
  readonly counted: CountedAttempt
  /** How often at least these rows may have been on their way before, this time included. A receiver knows the keys of those times. */
  readonly tries: number
}

/** Brings the rows of one attempt at a partition to the receiver. */
export class Delivery<Row extends object, Dead> {
  readonly #tools: DeliveryTools<Row, Dead>
  readonly #context: WriteContext

  constructor(tools: DeliveryTools<Row, Dead>, context: WriteContext) {
    this.#tools = tools
    this.#context = context
  }

  /**
   * Sends a slice, in one request if that is possible. It is halved, always at the same ordinals, when the request is too large, and to find the rows that
   * are refused.
   * @param round how often these rows were put off by the receiver.
   * @returns the refused rows, by ordinal. Fails when the others could not be delivered, or a refused one has nowhere to go.
   */
  async deliver(slice: Slice<Row>, round = 0): Promise<readonly RefusedRow[]> {
    const { settings } = this.#tools
    const single = slice.rows.length === 1
    const request = requestOf(settings, slice, this.#context, round)
    if ('unfit' in request) {
      // The others needn't be sent to find it, only to deliver them.
      if (!single && settings.deadLetters !== undefined) return this.#halves(slice, round)
      return [this.#refused(slice, request.unfit, { reason: request.reason, status: undefined })]
    }
    if (request.bytes > settings.maxBytes) {
      if (!single) return this.#halves(slice, round)
      const reason = `a request of this row alone has ${request.bytes} bytes (option "maxBytes": ${settings.maxBytes})`
      return [this.#refused(slice, 0, { reason, status: undefined })]
    }
    const outcome = await this.#sent(request)
    if (!(outcome instanceof HttpError)) return this.#answered(slice, outcome, round)
    if (single) return [this.#refused(slice, 0, refusalOf(outcome))]
    // Halves that are repeated are there twice where nobody recognises them: not for a batch that fails anyway.
    if (outcome.status === 413 || settings.deadLetters !== undefined || settings.idempotency !== 'none')
      return this.#halves(slice, round)
    const last = slice.first + slice.rows.length - 1
    throw new RowError(
      `httpSink: one of the rows ${slice.first} to ${last} of partition ${this.#context.partitionId} was refused: ${refusalOf(outcome).reason}`,
      { cause: outcome },
    )
  }

  async #halves(slice: Slice<Row>, round: number): Promise<readonly RefusedRow[]> {
    const middle = Math.ceil(slice.rows.length / 2)
    const refused = await this.deliver(part(slice, 0, middle), round)
    return [...refused, ...(await this.deliver(part(slice, middle, slice.rows.length), round))]
  }

  /** @returns the answer (`undefined` where nobody reads it), or the error where the request holds too much or a row that is refused. */
  async #sent({ request, bytes }: SinkRequest): Promise<SinkAnswer | undefined | HttpError> {
    const { settings, send } = this.#tools
    const take = async (response: HttpResponse): Promise<SinkAnswer | undefined> => {
      refuseRedirect(request.url, settings.method, response)
      if (settings.rowErrors !== undefined) return sinkAnswer(response)
      await readToEnd(response)
      return undefined
    }
    try {
      const answer = await send(request, take, this.#context.signal)
      this.#context.report({ bytes })
      return answer
    } catch (error) {
      if (!(error instanceof HttpError) || error.status === undefined) throw error
      if (settings.okStatuses.includes(error.status)) return undefined
      if (error.status === 413 || isTooLong(error, settings.url) || settings.isRowError(error)) return error
      throw error
    }
  }

  /** Most rows are there; those that the answer names are not. */
  async #answered(slice: Slice<Row>, answer: SinkAnswer | undefined, round: number): Promise<readonly RefusedRow[]> {
    const { counted } = this.#tools
    const { rowErrors } = this.#tools.settings
    const count = slice.rows.length
    const isRead = rowErrors !== undefined && answer !== undefined
    const failures = isRead ? checkedFailures(rowErrors(answer), count) : []
    counted.taken(count - failures.length)
    const refused = failures
      .filter(({ retryable }) => retryable !== true)
      .map(({ index, reason, status = answer?.status }) =>
        this.#refused(slice, index, { reason: this.#shown(reason ?? `status ${status}`), status }),
      )
    const putOff = failures.filter(({ retryable }) => retryable === true)
    if (putOff.length > 0) refused.push(...(await this.#again(slice, putOff, round + 1)))
    return refused.sort((a, b) => a.ordinal - b.ordinal)
  }

  async #again(slice: Slice<Row>, failures: readonly RowFailure[], round: number): Promise<readonly RefusedRow[]> {
    const { settings, client } = this.#tools
    const [{ reason, status }] = failures as readonly [RowFailure]
    const url = redact(settings.url)
    const bodyExcerpt = reason === undefined ? undefined : this.#shown(reason)
    const error = new HttpError(
      `${settings.method} ${url} put ${failures.length} of ${slice.rows.length} rows off${bodyExcerpt === undefined ? '' : `: ${bodyExcerpt}`}`,
      { method: settings.method, url, status, bodyExcerpt, retryable: true },
    )
    const delayMs = round < this.#mostRounds ? this.#delay(round, error) : undefined
    if (delayMs === undefined) throw error
    await wait(delayMs, client.scheduler, this.#context.signal, waitAfter(error))
    const refused: RefusedRow[] = []
    for (const [from, to] of runsOf(failures)) refused.push(...(await this.deliver(part(slice, from, to), round)))
    return refused
  }

  /**
   * A receiver that keeps answers gives those of earlier tries once more, and the rows that it put off then are still to come: each try goes further than
   * the ones before, under keys that nobody has used.
   */
  get #mostRounds(): number {
    const { settings, client, tries } = this.#tools
    return client.retry.maxAttempts * (hasRequestKeys(settings) ? tries : 1)
  }

  /** Delays grow once, as they do for a request; what may be a matter of kept answers afterwards needs no long ones. */
  #delay(round: number, error: HttpError): number | undefined {
    const { retry } = this.#tools.client
    return retryDelay({ ...retry, maxAttempts: Infinity }, round < retry.maxAttempts ? round : 1, error)
  }

  /** What the receiver says may quote who asks. */
  #shown(text: string): string {
    const { settings, client } = this.#tools
    const shown = hide(text, secretsOf(outgoingOf({ url: settings.url, headers: settings.headers })))
    return redact(client.auth?.hide?.(shown) ?? shown)
  }

  /** @throws RowError where there is no place for refused rows, or too many of them. */
  #refused(slice: Slice<Row>, index: number, { reason, status }: Refusal): RefusedRow {
    const { queryId, batchId, partitionId, attempt } = this.#context
    const { settings, counted } = this.#tools
    const ordinal = slice.first + index
    const what = `row ${ordinal} of partition ${partitionId} was refused: ${reason}`
    if (settings.deadLetters === undefined)
      throw new RowError(`httpSink: ${what} (option "deadLetters" takes such rows)`)
    counted.refused(what)
    const row = rowText(slice.rows[index])
    return { queryId, batchId, partitionId, ordinal, attempt, status: status ?? null, reason, row }
  }
}

function part<Row extends object>({ first, rows }: Slice<Row>, from: number, to: number): Slice<Row> {
  return { first: first + from, rows: rows.slice(from, to) }
}

/** Neighbours as `[from, to)`. */
function runsOf(failures: readonly RowFailure[]): readonly (readonly [from: number, to: number])[] {
  const runs: [number, number][] = []
  for (const { index } of failures) {
    const last = runs.at(-1)
    if (last !== undefined && last[1] === index) last[1]++
    else runs.push([index, index + 1])
  }
  return runs
}

/** Of a URL that the row made. */
function isTooLong({ status }: HttpError, url: string): boolean {
  return status === 414 && hasPlaceholders(url)
}

function refusalOf({ status, bodyExcerpt }: HttpError): Refusal {
  return { reason: `status ${status}${bodyExcerpt === undefined ? '' : `: ${bodyExcerpt}`}`, status }
}

/** What is answered from elsewhere may not be about the rows: a page to log in, say, got by a GET. */
function refuseRedirect(asked: string, method: string, { url, status }: HttpResponse): void {
  const [from, to] = [URL.parse(asked), URL.parse(url)]
  if (to === null || (from?.origin === to.origin && from.pathname === to.pathname)) return
  const [shown, elsewhere] = [redact(asked), redact(`${to.origin}${to.pathname}`)]
  throw new HttpError(
    `${method} ${shown} was redirected to ${elsewhere}, which may not have taken the rows; give the URL that does`,
    { method, url: shown, status, retryable: false },
  )
}
