import { catchError, type MonoTypeOperatorFunction, throwError } from 'rxjs'
import type { Batch } from '../src/batch.ts'
import { describeError, QueryError } from '../src/errors.ts'
import { redact, redactError } from '../src/redact.ts'

/** Where an error happened, as far as that is known. */
export interface ErrorPlace {
  readonly query: string
  readonly batch?: Batch | undefined
  readonly partitionId?: number | undefined
}

/**
 * Adds to an error where it happened: query, batch, range, partition. The error itself stays as the cause; where it shows a secret, a copy without it.
 *
 * An error that has a place already keeps it, as it is the more exact one.
 *
 * @returns the source's values; fails with `QueryError`.
 */
export function locateError<T>({ query, batch, partitionId }: ErrorPlace): MonoTypeOperatorFunction<T> {
  return catchError((error: unknown) => {
    if (error instanceof QueryError) return throwError(() => error)
    const inBatch = batch === undefined ? '' : `, batch ${batch.batchId} [${shown(batch.start)}, ${shown(batch.end)})`
    const inPartition = partitionId === undefined ? '' : `, partition ${partitionId}`
    const place = { query, batchId: batch?.batchId, partitionId }
    return throwError(
      () =>
        new QueryError(
          redact(`query ${JSON.stringify(query)}${inBatch}${inPartition}: ${describeError(error)}`),
          place,
          redactError(error),
        ),
    )
  })
}

const longest = 500

/** An offset may hold thousands of keys; the whole of it is in the checkpoint. */
function shown(offset: object): string {
  const text = JSON.stringify(offset)
  return text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text
}
