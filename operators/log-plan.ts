import { concatMap, defer, isObservable, map, type Observable, type OperatorFunction, tap } from 'rxjs'
import type { PartitionReport } from '../src/activity.ts'
import { type Answer, asking, concatAnswers, whenAnswered } from '../src/answer.ts'
import type { PlannedBatch } from '../src/batch.ts'
import { BatchRun } from '../src/batch-run.ts'
import { bindPorts } from '../src/bind-ports.ts'
import type { QueryLog } from '../src/query-log.ts'
import { fromResult } from '../src/result.ts'
import { type RunContext, runContext } from '../src/run-context.ts'
import { type JournalPort, journalPort } from '../src/source.ts'
import { callPort, commandPort } from './call-port.ts'
import type { PlannedRange } from './plan-partitions.ts'
import { timedAnswer } from './timed.ts'
import { uninterruptible } from './uninterruptible.ts'

/**
 * Gives each planned range its batch id and makes the plan durable, before anything else happens to it.
 *
 * After a crash exactly this batch is run again. The rows of a journaled source are read here, made durable together with the plan, and then acknowledged.
 * **Hazard**: once the log is being written, unsubscribing doesn't interrupt it; wait for `context.tracker.idle`.
 *
 * @param reader only looked at for its journal and its partition keys.
 * @returns an Observable of batches ready to run, in order. Fails with the log's errors (`CheckpointWriteError`, `LeaseLostError`).
 */
export function logPlan<Offset extends object, Partition>(
  log: QueryLog,
  reader: { readonly [journalPort]?: JournalPort; readonly partitionKey?: (partition: Partition) => string } = {},
  context: RunContext = runContext(),
): OperatorFunction<PlannedRange<Offset, Partition>, BatchRun<Offset, Partition>> {
  const journal = reader[journalPort]
  return concatAnswers(({ start, end, partitions }) => {
    const planned: PlannedBatch<Offset, Partition> = {
      queryId: log.queryId,
      batchId: log.nextBatchId,
      start,
      end,
      partitions,
    }
    const { batchId } = planned
    const whole = uninterruptible<undefined>(context.tracker, (error) =>
      context.emit({ type: 'warning', message: `batch ${batchId} may or may not have been logged`, error }),
    )
    const logged = (chunks: readonly Uint8Array[] = []): Answer<undefined> =>
      timedAnswer(context, 'walCommit', () => log.planNow(planned, chunks))
    const run = (): BatchRun<Offset, Partition> => {
      const batch = new BatchRun(planned, context, { ...bindPorts(reader, ['partitionKey']) })
      context.emit({ type: 'planned', batchId, start, end, partitions: partitions.length, replay: false })
      return batch
    }
    if (journal === undefined) {
      const answer = logged()
      return whenAnswered(isObservable(answer) ? answer.pipe(whole) : answer, run)
    }
    return capture(journal, planned, context).pipe(
      concatMap((chunks) =>
        asking(() => logged(chunks)).pipe(
          concatMap(() =>
            commandPort(context, 'commit of the journaled source', () => journal.captured(planned), { batchId }),
          ),
          whole,
        ),
      ),
      map(run),
    )
  })
}

function capture(journal: JournalPort, planned: PlannedBatch, context: RunContext): Observable<readonly Uint8Array[]> {
  const { queryId, batchId } = planned
  const port = 'read of the journaled source'
  return defer(() => {
    let attempt = 0
    const captured = { bytes: 0, deduplicated: 0 }
    const report = ({ bytes, deduplicated = 0 }: PartitionReport): void => {
      captured.bytes += bytes
      captured.deduplicated += deduplicated
    }
    const read = (): Observable<readonly Uint8Array[]> => {
      const controller = new AbortController()
      const { signal } = controller
      captured.bytes = captured.deduplicated = 0
      const readContext = { queryId, batchId, partitionId: 0, attempt: attempt++, signal, report }
      return fromResult(port, () => journal.capture(planned, readContext)).pipe(
        tap({ error: (error: unknown) => controller.abort(error), unsubscribe: () => controller.abort() }),
      )
    }
    return callPort(context, port, read, { batchId }).pipe(
      tap(() => context.emit({ type: 'captured', batchId, ...captured })),
    )
  })
}
