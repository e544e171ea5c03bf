import {
  catchError,
  concat,
  defer,
  ignoreElements,
  type MonoTypeOperatorFunction,
  Observable,
  of,
  throwError,
} from 'rxjs'
import type { BatchRun } from '../src/batch-run.ts'
import { restartsBatch } from '../src/errors.ts'
import type { StreamWriter } from '../src/sink.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'
import { beginBatch } from './begin-batch.ts'
import { retryBy } from './retry-backoff.ts'

/**
 * Writes a whole batch once more when its sink says that it has lost what it had of it (`restartsBatch`): waits by the run's retry policy,
 * asks the sink again whether it holds the batch, and subscribes to the source again.
 *
 * A sink with one transaction a batch can't undo a single partition of it. **Hazard**: the source must have settled, and the sink
 * must have been told to abort, by the time the error comes. Any other error passes.
 *
 * @param giveUp subscribed to once, when no attempt is left or nobody waits for the next one any more.
 * @returns the source's values; fails with the source's last error, after `giveUp`.
 */
export function restartBatch<T, Offset extends object, Partition>(
  writer: Pick<StreamWriter<never, never>, 'begin'>,
  batch: BatchRun<Offset, Partition>,
  giveUp: Observable<unknown>,
): MonoTypeOperatorFunction<T> {
  const { context, batchId } = batch
  return (source) =>
    new Observable((subscriber) => {
      let runs = 0
      let lost = false
      const run$ = defer(() => {
        lost = false
        return source
      }).pipe(
        catchError((error: unknown) => {
          lost = restartsBatch(error)
          return throwError(() => error)
        }),
      )
      const again$ = concat(of(batch).pipe(beginBatch(writer), ignoreElements()), run$)
      const restarts = (first: unknown): Observable<T> =>
        defer(() => (runs++ === 0 ? throwError(() => first) : again$)).pipe(
          retryBy(
            { ...context.retry, retryable: (error) => lost && context.retry.retryable(error) },
            {
              scheduler: context.scheduler,
              onRetry: (retry) => context.emit({ type: 'retry', port: 'batch', batchId, ...retry }),
            },
          ),
          catchError((error: unknown) => {
            const end$ = throwError(() => error)
            if (!lost) return end$
            lost = false
            return concat(giveUp.pipe(ignoreElements()), end$)
          }),
        )
      subscriber.add(() => {
        if (lost) giveUp.subscribe()
      })
      // Most batches are written once: what the others need is made when it is needed.
      let again: Observable<T> | undefined
      const first = subscribeWithin(subscriber, source, {
        next: (value) => subscriber.next(value),
        error: (error: unknown) => {
          lost = restartsBatch(error)
          if (lost) again = restarts(error)
          else subscriber.error(error)
        },
        complete: () => subscriber.complete(),
      })
      first.add(() => again?.subscribe(subscriber)) // when all of it is torn down
    })
}
