import { concat, concatMap, defer, EMPTY, type Observable, tap } from 'rxjs'
import { BatchRun } from '../src/batch-run.ts'
import { canonicalOffset } from '../src/offset.ts'
import type { QueryLog } from '../src/query-log.ts'
import { type RunContext, runContext } from '../src/run-context.ts'
import { journalPort, type StreamReader } from '../src/source.ts'
import { callPort, commandPort } from './call-port.ts'

/**
 * Brings a query to where it stood: logs the initial offset of a new one; gives the source its last commit once more;
 * and emits the batch that was planned but not finished, to be run again with the same range and partitions.
 *
 * Such a batch of a queue can't be read again: it is closed as abandoned, and its messages come in a later batch.
 *
 * @returns an Observable of one batch or none. Fails with the reader's or the log's error.
 */
export function recoverBatch<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  log: QueryLog,
  context: RunContext = runContext(),
): Observable<BatchRun<Offset, Partition>> {
  return defer(() => {
    const { initial, done, pending } = log.recovered
    const journal = reader.kind === 'acked' ? undefined : reader[journalPort]
    const bound =
      journal === undefined ? EMPTY : commandPort(context, 'journal', () => journal.bind(log.session, pending ?? done))
    const started =
      initial !== undefined || done !== undefined || pending !== undefined
        ? EMPTY
        : callPort(context, 'initialOffset', () => reader.initialOffset()).pipe(
            tap((offset) => canonicalOffset(offset, 'initialOffset')),
            concatMap((offset) => log.initial(offset)),
          )
    const { commit } = reader
    const committed =
      done === undefined || commit === undefined || reader.kind === 'acked'
        ? EMPTY
        : commandPort(context, 'commit of the source', () => commit(done.end as Offset))
    return concat(without(bound), without(started), without(committed), replay(reader, log, context))
  })
}

function replay<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  log: QueryLog,
  context: RunContext,
): Observable<BatchRun<Offset, Partition>> {
  return defer(() => {
    const { pending } = log.recovered
    if (pending === undefined) return EMPTY
    const { batchId, start, end, partitions } = pending
    if (reader.kind === 'acked') {
      context.emit({ type: 'done', batchId, outcome: 'abandoned' })
      return without(log.done(pending, 'abandoned'))
    }
    context.emit({ type: 'planned', batchId, start, end, partitions: partitions.length, replay: true })
    const planned = pending as typeof pending & { start: Offset; end: Offset; partitions: readonly Partition[] }
    return [new BatchRun(planned, context, { replay: true, partitionKey: reader.partitionKey })]
  })
}

function without(step: Observable<unknown>): Observable<never> {
  return step.pipe(concatMap(() => EMPTY))
}
