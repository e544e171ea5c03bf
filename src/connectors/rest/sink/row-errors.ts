import { PortError } from '../../../errors.ts'
import type { HttpResponse } from '../http/types.ts'
import { unreadable } from '../records/unreadable.ts'

/** An answer that says of each row what became of it. */
export interface SinkAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON as it was parsed; the text of anything else. */
  readonly body: unknown
}

/** What an answer says of a row that it did not take. */
export interface RowFailure {
  /** Of the row in its request, from 0. */
  readonly index: number
  /** Shown in the dead letter. */
  readonly reason?: string
  /** @default the status of the answer */
  readonly status?: number
  /** Not now, but later: the row is sent again. @default false */
  readonly retryable?: boolean
}

/** Much more than any word on the rows of one request. */
const mostBytes = 64 * 2 ** 20

/** Reads the whole answer. @throws PortError for one that is endless, HttpError (retryable) for one that says that it is JSON, and isn't. */
export async function sinkAnswer(response: HttpResponse): Promise<SinkAnswer> {
  const { status, headers } = response
  const chunks: Buffer[] = []
  const whole = await eachChunk(response, (chunk) => chunks.push(chunk))
  if (!whole) throw new PortError(`httpSink: the answer to a request has more than ${mostBytes} bytes`)
  const content = Buffer.concat(chunks).toString()
  const isJson = content !== '' && /\bjson\b/i.test(headers['content-type'] ?? '')
  if (!isJson) return { status, headers, body: content }
  try {
    return { status, headers, body: JSON.parse(content) }
  } catch {
    throw unreadable({ response, method: 'POST' }, 'JSON that can not be parsed', chunks)
  }
}

/**
 * Waits for the end of an answer that nobody looks at: a receiver may do its work while it answers, and stop when its client leaves;
 * and what breaks off has told nothing for sure.
 */
export async function readToEnd(response: HttpResponse): Promise<void> {
  await eachChunk(response, () => {})
}

async function eachChunk({ body }: HttpResponse, look: (chunk: Buffer) => void): Promise<boolean> {
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostBytes) return false // which ends the body
    look(chunk)
  }
  return true
}

/** Sorted by index, one a row. @param count rows of the request. @throws PortError for what isn't about one of them. */
export function checkedFailures(failures: unknown, count: number): readonly RowFailure[] {
  if (!Array.isArray(failures))
    throw new PortError(
      `httpSink: rowErrors must answer with a list, [] when all rows were taken, and it answered with ${failures}`,
    )
  const byIndex = new Map<number, RowFailure>()
  for (const failure of failures as readonly RowFailure[]) {
    if (!Number.isSafeInteger(failure?.index) || failure.index < 0 || failure.index >= count) {
      throw new PortError(
        `httpSink: rowErrors named row ${failure?.index}, and the request's rows are 0 to ${count - 1}`,
      )
    }
    const known = byIndex.get(failure.index)
    if (known === undefined || known.retryable === true) byIndex.set(failure.index, failure)
  }
  return [...byIndex.values()].sort((a, b) => a.index - b.index)
}
