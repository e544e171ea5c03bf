import { catchError, defer, Observable, throwError } from 'rxjs'
import type { Attempt, PartitionTask } from '../src/batch-run.ts'
import { withoutRestarts } from '../src/retry.ts'
import { innerOf, subscribeWithin } from '../src/subscribe-within.ts'
import { retryBy } from './retry-backoff.ts'

/**
 * Runs a partition as a unit: a fresh attempt for each try, by the run's retry policy.
 *
 * An error that says that the whole batch must be written again is none that another attempt could mend.
 * The attempt's abort signal fires as soon as the attempt is over before it completed, whatever the cause.
 *
 * @param run builds the attempt's pipeline: read → transform → write. Called once an attempt.
 * @returns what `run` emits; fails with the last attempt's error.
 */
export function attemptPartition<Partition, T>(
  task: PartitionTask<Partition>,
  run: (attempt: Attempt<Partition>) => Observable<T>,
): Observable<T> {
  const { batch, partitionId } = task
  const { context, batchId } = batch
  const attempt$ = attemptOf(task, run)
  // Most partitions are read once: what the others need is made when it is needed.
  return attempt$.pipe(
    catchError((first: unknown) => {
      let attempts = 0
      return defer(() => (attempts++ === 0 ? throwError(() => first) : attempt$)).pipe(
        retryBy(withoutRestarts(context.retry), {
          scheduler: context.scheduler,
          onRetry: (retry) => context.emit({ type: 'retry', port: 'partition', batchId, partitionId, ...retry }),
        }),
      )
    }),
  )
}

/** A fresh attempt for each subscription. */
function attemptOf<Partition, T>(
  task: PartitionTask<Partition>,
  run: (attempt: Attempt<Partition>) => Observable<T>,
): Observable<T> {
  const { context } = task.batch
  return new Observable((subscriber) => {
    const attempt = task.nextAttempt()
    context.emit(attempt.started(), attempt.startedAt)
    let over = false
    const end = (): void => {
      over = true
      attempt.clock.stop()
    }
    subscribeWithin(
      subscriber,
      innerOf(() => run(attempt)),
      {
        next: (value) => subscriber.next(value),
        error: (error: unknown) => {
          end()
          attempt.controller.abort(error)
          context.emit({ type: 'partition-failed', ...attempt.place, error })
          subscriber.error(error)
        },
        complete: () => {
          end()
          context.emit(attempt.finished(), attempt.clock.lastTurnAt)
          subscriber.complete()
        },
      },
    )
    // Last: a port that ends by itself at the abort must find that nobody listens to it any more, or that would be taken for its end.
    subscriber.add(() => {
      if (over) return
      end()
      attempt.controller.abort()
    })
  })
}
