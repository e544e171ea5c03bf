import { defer, type Observable, tap } from 'rxjs'
import type { Attempt, PartitionTask } from '../src/batch-run.ts'
import { withoutRestarts } from '../src/retry.ts'
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
  const { context, batchId } = task.batch
  return defer(() => {
    const attempt = task.nextAttempt()
    context.emit(attempt.started(), attempt.startedAt)
    return run(attempt).pipe(
      tap({
        complete: () => {
          attempt.clock.stop()
          context.emit(attempt.finished(), attempt.clock.lastTurnAt)
        },
        error: (error: unknown) => {
          attempt.clock.stop()
          attempt.controller.abort(error)
          context.emit({ type: 'partition-failed', ...attempt.place, error })
        },
        unsubscribe: () => {
          attempt.clock.stop()
          attempt.controller.abort()
        },
      }),
    )
  }).pipe(
    retryBy(withoutRestarts(context.retry), {
      scheduler: context.scheduler,
      onRetry: (retry) =>
        context.emit({ type: 'retry', port: 'partition', batchId, partitionId: task.partitionId, ...retry }),
    }),
  )
}
