import { text } from 'node:stream/consumers'
import { PortError } from '../../../errors.ts'
import type { HttpResponse } from '../http/types.ts'

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

/** Reads the whole answer: it is about rows that were sent, so it isn't larger than they are. */
export async function sinkAnswer({ status, headers, body }: HttpResponse): Promise<SinkAnswer> {
  const content = await text(body)
  return { status, headers, body: /\bjson\b/i.test(headers['content-type'] ?? '') ? JSON.parse(content) : content }
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
