import type { CircuitOptions } from '../../../circuit.ts'
import type { BoundSink } from '../../../data-source.ts'
import { positiveDurationRule } from '../../../duration.ts'
import { OptionError } from '../../../errors.ts'
import type { BigintForm } from '../../../json-text.ts'
import { type OptionRule, oneOf, required, rules, validateOptions } from '../../../options.ts'
import type { HttpError } from '../http/http-error.ts'
import { type ClientOptions, clientRules } from '../http/options.ts'
import { requestUrl } from '../http/request-url.ts'
import type { ParamValue } from '../http/types.ts'
import { hasPlaceholders } from './address.ts'
import type { RefusedRow } from './refused-row.ts'
import type { RowFailure, SinkAnswer } from './row-errors.ts'

/** How rows stand in a request: an array or lines of JSON, many a request; a JSON object (`single`) or the fields of a form, one a request. */
export type SinkFormat = 'json array' | 'ndjson' | 'single' | 'form'

/**
 * By what the receiver tells a row that it has:
 * - `header`: a key for each request, in this header.
 * - `field`: a key in the JSON itself: of the request where its body is one object, of the row where it is a list of them.
 * - `key`: this column. The receiver overwrites a row that has the same; no key is sent.
 * - `none`: by nothing. What is repeated is there twice.
 */
export type Idempotency<Key extends string = string> =
  | { readonly header: string }
  | { readonly field: string }
  | { readonly key: Key }
  | 'none'

/** Options of `httpSink`. */
export interface HttpSinkOptions<Row extends object = object, Dead = unknown, Key extends string = string>
  extends ClientOptions {
  /** Where rows go. With one row a request it may have `{column}`, filled by the row (its columns, not what `row` makes of them). A redirect is an error. */
  readonly url: string
  /** @default 'POST' */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly params?: Readonly<Record<string, ParamValue>>
  /** @default 'json array' */
  readonly format?: SinkFormat
  /**
   * Rows a request. Requests are cut at these ordinals of a partition whatever chunks come, so that a replay cuts them at the same. Let the query drain before you change
   * this or `maxBytes`: a batch that is then replayed would have other keys.
   * @default 500
   */
  readonly batchSize?: number
  /** The most bytes of a body; a larger one is halved, as it is when the receiver answers 413. @default no bound but the receiver's */
  readonly maxBytes?: number
  /** What the receiver gets for a row. Must be deterministic. @default the row */
  readonly row?: (row: Row) => unknown
  /** Puts the array into an object: `(records) => ({ records })`. Of format `json array`. Must be deterministic. @default the array is the body */
  readonly envelope?: (items: readonly unknown[]) => object
  /** How JSON shows a bigint. @default 'text' */
  readonly bigints?: BigintForm
  /** @default { header: 'Idempotency-Key' } */
  readonly idempotency?: Idempotency<Key>
  /** Statuses besides 2xx that mean that the rows are there: `[409]` for "exists already". */
  readonly okStatuses?: readonly number[]
  /** Whether an answer is about a row in the request, so that the others may fare better without it. @default 400 and 422, unless they speak of idempotency */
  readonly isRowError?: (error: HttpError) => boolean
  /** Reads the rows that weren't taken from an answer that is otherwise good (207, or 200 with a list of errors). */
  readonly rowErrors?: (answer: SinkAnswer) => readonly RowFailure[]
  /** Takes the rows that are refused. @default a refused row fails the batch */
  readonly deadLetters?: BoundSink<RefusedRow, Dead>
  /**
   * Of the last 1,000 rows no more than this may be refused, else the batch fails: bad rows are few, and a receiver that refuses every tenth row is
   * broken or misunderstood; its rows are better off where they came from. @default 100
   */
  readonly maxDeadLetters?: number
  /** Requests of a partition under way at once. With more than one, rows of a partition may arrive in another order. @default 1 */
  readonly concurrency?: number
  /** Waits for a receiver that is down, instead of failing: `{}` for the defaults. See `httpSink`. @default fails after the attempts of `retry` */
  readonly breaker?: Pick<CircuitOptions, 'failures' | 'openFor'>
  /** @default 'http' */
  readonly name?: string
}

const idempotencyRule: OptionRule = {
  expected: '"none", or one of { header }, { field }, { key } with a name',
  accepts: (value) => {
    if (value === 'none') return true
    if (typeof value !== 'object' || value === null) return false
    const [[kind, name] = ['', ''], ...others] = Object.entries(value)
    return others.length === 0 && ['header', 'field', 'key'].includes(kind) && rules.string.accepts(name)
  },
}

const httpSinkRules = {
  ...clientRules,
  url: required({ ...rules.string, secret: true }),
  method: rules.string,
  headers: { ...rules.object, secret: true },
  params: { ...rules.object, secret: true },
  format: oneOf('json array', 'ndjson', 'single', 'form'),
  batchSize: rules.positiveInteger,
  maxBytes: rules.positiveInteger,
  row: rules.function,
  envelope: rules.function,
  bigints: oneOf('text', 'number'),
  idempotency: idempotencyRule,
  okStatuses: {
    expected: 'a list of statuses',
    accepts: (value) => Array.isArray(value) && value.every(rules.positiveInteger.accepts),
  },
  isRowError: rules.function,
  rowErrors: rules.function,
  deadLetters: {
    expected: 'a sink such as jsonLines({ path: "refused" })',
    accepts: (value) => typeof value === 'object' && value !== null && 'streamWriter' in value,
  },
  maxDeadLetters: rules.limit,
  concurrency: rules.positiveInteger,
  breaker: rules.object,
  name: rules.string,
} as const satisfies Record<keyof HttpSinkOptions, OptionRule>

/** {@link HttpSinkOptions} with their defaults. */
export interface HttpSinkSettings<Row extends object, Dead> {
  readonly name: string
  readonly url: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly params: Readonly<Record<string, ParamValue>>
  readonly format: SinkFormat
  readonly batchSize: number
  readonly maxBytes: number
  readonly row: (row: Row) => unknown
  readonly envelope: ((items: readonly unknown[]) => object) | undefined
  readonly bigints: BigintForm
  readonly idempotency: Idempotency
  readonly okStatuses: readonly number[]
  readonly isRowError: (error: HttpError) => boolean
  readonly rowErrors: ((answer: SinkAnswer) => readonly RowFailure[]) | undefined
  readonly deadLetters: BoundSink<RefusedRow, Dead> | undefined
  readonly maxDeadLetters: number
  readonly concurrency: number
  readonly breaker: Pick<CircuitOptions, 'failures' | 'openFor'> | undefined
  readonly client: ClientOptions
}

/** @throws OptionError */
export function httpSinkSettings<Row extends object, Dead>(
  options: HttpSinkOptions<Row, Dead>,
): HttpSinkSettings<Row, Dead> {
  validateOptions('httpSink', options, httpSinkRules)
  const { url, headers = {}, format = 'json array', idempotency = { header: 'Idempotency-Key' } } = options
  if (options.breaker !== undefined)
    validateOptions('httpSink: breaker', options.breaker, {
      failures: rules.positiveInteger,
      openFor: positiveDurationRule,
    })
  const single = format === 'single' || format === 'form'
  refuse(
    single && options.batchSize !== undefined,
    `"batchSize" has no place in format "${format}": it has one row a request`,
  )
  refuse(
    !single && hasPlaceholders(url),
    `"url" can have {column} with one row a request only: format "single" or "form"`,
  )
  refuse(format !== 'json array' && options.envelope !== undefined, `"envelope" has no place in format "${format}"`)
  refuse(format === 'form' && options.bigints !== undefined, '"bigints" is about JSON, and the format is "form"')
  refuse(
    options.maxDeadLetters !== undefined && options.deadLetters === undefined,
    '"maxDeadLetters" needs "deadLetters"; without it the first refused row fails the batch',
  )
  const header =
    typeof idempotency === 'object' && 'header' in idempotency ? idempotency.header.toLowerCase() : undefined
  refuse(
    Object.keys(headers).some((name) => name.toLowerCase() === header),
    `"headers" has ${JSON.stringify(header)}, which "idempotency" sets: each request has a key of its own`,
  )
  requestUrl(url.replace(/\{\w+\}/g, '_'), options.params)
  return {
    name: options.name ?? 'http',
    url,
    method: options.method ?? 'POST',
    headers,
    params: options.params ?? {},
    format,
    batchSize: single ? 1 : (options.batchSize ?? 500),
    maxBytes: options.maxBytes ?? Infinity,
    row: options.row ?? ((row) => row),
    envelope: options.envelope,
    bigints: options.bigints ?? 'text',
    idempotency,
    okStatuses: options.okStatuses ?? [],
    isRowError: options.isRowError ?? isAboutARow,
    rowErrors: options.rowErrors,
    deadLetters: options.deadLetters,
    maxDeadLetters: options.maxDeadLetters ?? 100,
    concurrency: options.concurrency ?? 1,
    breaker: options.breaker,
    client: clientOptions(options, idempotency),
  }
}

function refuse(wrong: boolean, what: string): void {
  if (wrong) throw new OptionError(`httpSink: option ${what}`)
}

/** A key that comes with other rows than before is refused by the same statuses; taking that apart into smaller requests would write its rows twice. */
function isAboutARow({ status, bodyExcerpt = '' }: HttpError): boolean {
  return (status === 400 || status === 422) && !/idempoten/i.test(bodyExcerpt)
}

/** With keys, 409 says that the first attempt with this one is still being worked on, unless a filter or `okStatuses` know better. */
function clientOptions(
  options: ClientOptions & Pick<HttpSinkOptions, 'okStatuses'>,
  idempotency: Idempotency,
): ClientOptions {
  const names = Object.keys(clientRules) as (keyof ClientOptions)[]
  const given: ClientOptions = Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  )
  const hasKeys = typeof idempotency === 'object' && !('key' in idempotency)
  if (!hasKeys || options.okStatuses?.includes(409) === true) return given
  return { ...given, filters: [...(options.filters ?? []), { status: 409, action: 'retry' }] }
}
