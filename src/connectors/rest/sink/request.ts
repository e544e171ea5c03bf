import { RowError } from '../../../errors.ts'
import type { WriteContext } from '../../../sink.ts'
import type { HttpRequest } from '../http/types.ts'
import { addressOf } from './address.ts'
import { type BodyOptions, bodyOf, type Unfit } from './body.ts'
import type { HttpSinkSettings, Idempotency } from './options.ts'

/** Rows of a partition that go, or are to go, in one request. */
export interface Slice<Row extends object> {
  /** Ordinal of the first row within the partition. */
  readonly first: number
  readonly rows: readonly Row[]
}

/** A request with the bytes of its body. */
export interface SinkRequest {
  readonly request: HttpRequest
  readonly bytes: number
}

type RequestOptions<Row extends object> = BodyOptions<Row> &
  Pick<HttpSinkSettings<Row, never>, 'url' | 'method' | 'headers' | 'params'>

/**
 * The request for a slice: the same bytes and the same key whenever the same rows come.
 * @param round how often the receiver has put these rows off. It knows the keys of the rounds before, and would answer as it did then.
 * @throws OptionError where the options don't fit the rows.
 */
export function requestOf<Row extends object>(
  options: RequestOptions<Row>,
  slice: Slice<Row>,
  { idempotencyKey }: Pick<WriteContext, 'idempotencyKey'>,
  round: number,
): SinkRequest | Unfit {
  const { idempotency, url, method, headers, params } = options
  const keyOf = (from: number, count: number): string =>
    idempotencyKey(slice.first + from, count, slice.rows.slice(from, from + count))
  const ofRequest = (): string => `${keyOf(0, slice.rows.length)}${round === 0 ? '' : `/again-${round}`}`
  const stray = strayKey(idempotency, slice) ?? strayAddress(url, slice)
  if (stray !== undefined) return stray
  const body = bodyOf(options, slice.rows, { ofRequest, ofRow: (index) => keyOf(index, 1) })
  if ('unfit' in body) return body
  const key = idempotency !== 'none' && 'header' in idempotency ? { [idempotency.header]: ofRequest() } : {}
  return {
    request: { method, url: addressOf(url, slice.rows[0] ?? {}), params, headers: { ...headers, ...key }, body },
    bytes: Buffer.byteLength(body.text),
  }
}

/** Whether a receiver is to know a request again, not only its rows. */
export function hasRequestKeys({
  idempotency,
  format,
  envelope,
}: Pick<HttpSinkSettings<never, never>, 'idempotency' | 'format' | 'envelope'>): boolean {
  if (idempotency === 'none' || 'key' in idempotency) return false
  return 'header' in idempotency || format === 'single' || format === 'form' || envelope !== undefined
}

/** A row without the column by which the receiver knows it. */
function strayKey(idempotency: Idempotency, { rows }: Slice<object>): Unfit | undefined {
  if (idempotency === 'none' || !('key' in idempotency)) return undefined
  const { key } = idempotency
  const unfit = rows.findIndex((row) => ((row as Readonly<Record<string, unknown>>)[key] ?? null) === null)
  return unfit < 0 ? undefined : { unfit, reason: `column ${JSON.stringify(key)}, its key, is empty` }
}

/** A row that leads nowhere. One that fills a URL is alone in its request. */
function strayAddress(url: string, { rows }: Slice<object>): Unfit | undefined {
  try {
    addressOf(url, rows[0] ?? {})
    return undefined
  } catch (error) {
    if (error instanceof RowError) return { unfit: 0, reason: error.message }
    throw error
  }
}
