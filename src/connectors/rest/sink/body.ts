import { OptionError, RowError } from '../../../errors.ts'
import { jsonText } from '../../../json-text.ts'
import { formOf } from './form-text.ts'
import type { HttpSinkSettings, SinkFormat } from './options.ts'

/** What a request carries. */
export interface SinkBody {
  readonly text: string
  readonly contentType: string
}

/** A row that no request can carry. */
export interface Unfit {
  /** Index within the request. */
  readonly unfit: number
  readonly reason: string
}

/** What a body is made by. */
export type BodyOptions<Row extends object> = Pick<
  HttpSinkSettings<Row, never>,
  'format' | 'row' | 'envelope' | 'bigints' | 'idempotency'
>

/** The keys of a request, for those that carry them in their body. */
export interface SinkKeys {
  readonly ofRequest: () => string
  /** @param index within the request. */
  readonly ofRow: (index: number) => string
}

const contentTypes = {
  'json array': 'application/json',
  ndjson: 'application/x-ndjson',
  single: 'application/json',
  form: 'application/x-www-form-urlencoded',
} as const satisfies Record<SinkFormat, string>

/**
 * The body of a request, or the first row that doesn't go into one.
 * @param rows one where the format is `single` or `form`.
 * @throws OptionError where the options don't fit the rows.
 */
export function bodyOf<Row extends object>(
  options: BodyOptions<Row>,
  rows: readonly Row[],
  keys: SinkKeys,
): SinkBody | Unfit {
  const { format, envelope, bigints, idempotency } = options
  const field = idempotency !== 'none' && 'field' in idempotency ? idempotency.field : undefined
  const isList = format === 'json array' || format === 'ndjson'
  const fieldOfItems = envelope === undefined ? field : undefined
  const items: unknown[] = []
  const texts: string[] = []
  for (const [index, row] of rows.entries()) {
    const plain = settled(options.row(row), 'row')
    const key = (): string => (isList ? keys.ofRow(index) : keys.ofRequest())
    const item = fieldOfItems === undefined ? plain : withField(plain, fieldOfItems, key())
    try {
      texts.push(format === 'form' ? formOf(objectIn(item, 'a form')) : jsonText(item, bigints))
    } catch (error) {
      if (error instanceof RowError) return { unfit: index, reason: error.message }
      throw error
    }
    items.push(item)
  }
  return { text: joined(), contentType: contentTypes[format] }

  function joined(): string {
    if (format === 'ndjson') return texts.map((text) => `${text}\n`).join('')
    if (format !== 'json array') return texts.join('')
    if (envelope === undefined) return `[${texts.join(',')}]`
    const whole = settled(envelope(items), 'envelope') as object
    return jsonText(field === undefined ? whole : withField(whole, field, keys.ofRequest()), bigints)
  }
}

/** @throws OptionError for a promise, of which nothing would be sent. */
function settled(value: unknown, option: string): unknown {
  if (typeof value !== 'object' || value === null || !('then' in value) || typeof value.then !== 'function')
    return value
  throw new OptionError(`httpSink: option "${option}" must answer at once, and it answered with a promise`)
}

function withField(item: unknown, field: string, key: string): object {
  const object = objectIn(item, `the field ${JSON.stringify(field)} of option "idempotency"`)
  if (Object.hasOwn(object, field))
    throw new OptionError(
      `httpSink: what is sent has ${JSON.stringify(field)} already; option "idempotency" needs a field of its own`,
    )
  return { ...object, [field]: key }
}

function objectIn(item: unknown, what: string): object {
  if (typeof item === 'object' && item !== null && !Array.isArray(item)) return item
  const found = item === null ? 'null' : Array.isArray(item) ? 'an array' : typeof item
  throw new OptionError(`httpSink: ${what} needs an object for each row, and option "row" gave ${found}`)
}
