import { isSluiceError } from '../../../errors.ts'
import { textPieces, wholeText, xmlCharset } from '../../records/text-pieces.ts'
import { discard } from '../http/body-start.ts'
import type { HttpResponse } from '../http/types.ts'
import type { Page } from '../pagination/types.ts'
import { arrivingPage } from './arriving-page.ts'
import { readStart } from './body-bytes.ts'
import { contentTypeOf } from './format.ts'
import { wholeJson } from './json.ts'
import { defaultBufferBytes, type PageOptions } from './page-options.ts'
import type { Beside } from './parser.ts'
import { parserOf } from './parser-of.ts'
import { type Answered, brokenOff, unreadable } from './unreadable.ts'
import { wholePage } from './whole-page.ts'

type Items = AsyncGenerator<readonly unknown[], Beside>

const excerptBytes = 1_024

/** How a page was asked for. */
export interface Asked {
  /** For errors. @default 'GET' */
  readonly method?: string | undefined
  /** Ends the reading of a body that arrives later. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Reads the body of a response as a page of items: JSON, NDJSON, CSV or XML, as its `content-type` says. An answer 204 or 205 is a page without items.
 *
 * A body up to `bufferBytes` has arrived and been parsed when this settles. A larger one is received while the page's chunks are read, and holds
 * the response until then: read them to the end, or call `discard`.
 * @throws HttpError (retryable) for a body of another type, that doesn't parse, or was cut short.
 * @throws PortError where the items aren't where they should be.
 */
export async function readPage(
  response: HttpResponse,
  options: PageOptions = {},
  { method = 'GET', signal }: Asked = {},
): Promise<Page> {
  const { status, headers, body } = response
  const answered: Answered = { response, method }
  if (status === 204 || status === 205) {
    void discard(body)
    return wholePage(response, [], { envelope: undefined, records: undefined })
  }
  const { format, charset: stated, tabs } = contentTypeOf(headers['content-type'], options.format)
  if (format === undefined) {
    const { start } = await readStart(body, excerptBytes)
    body.destroy()
    const expected = options.format?.toUpperCase() ?? 'JSON, NDJSON, CSV or XML'
    throw unreadable(answered, `${headers['content-type']} in place of ${expected}`, start)
  }

  const { start, whole, all } = await readStart(body, options.bufferBytes ?? defaultBufferBytes)
  const explain = (error: unknown): Error =>
    error instanceof SyntaxError
      ? unreadable(answered, `a body that can’t be read as ${format.toUpperCase()}`, start, error)
      : brokenOff(answered, error)
  const charset = stated ?? (format === 'xml' ? xmlCharset(start) : undefined) ?? 'utf-8'
  if (whole && format === 'json') {
    const { items, ...beside } = explainedCall(
      () => wholeJson(wholeText(start, charset), options.records, options),
      explain,
    )
    return wholePage(response, items, beside)
  }
  const items = explained(parserOf({ format, tabs }, options)(textPieces(all(), charset)), explain)
  return whole ? wholePage(response, ...(await collected(items))) : arrivingPage(response, items, signal)
}

async function collected(items: Items): Promise<[items: readonly unknown[], beside: Beside]> {
  const chunks: (readonly unknown[])[] = []
  for (;;) {
    const next = await items.next()
    if (next.done === true)
      return [chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : chunks.flat(), next.value]
    chunks.push(next.value)
  }
}

function explainedCall<T>(call: () => T, explain: (error: unknown) => Error): T {
  try {
    return call()
  } catch (error) {
    throw isSluiceError(error) ? error : explain(error)
  }
}

/** Of a body's errors only our own say what they are about. */
async function* explained(items: Items, explain: (error: unknown) => Error): Items {
  try {
    return yield* items
  } catch (error) {
    throw isSluiceError(error) ? error : explain(error)
  }
}
