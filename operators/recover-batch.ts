import { concat, concatMap, defer, EMPTY, ignoreElements, type Observable, of, tap } from 'rxjs'
import { BatchRun } from '../src/batch-run.ts'
import { bindPorts } from '../src/bind-ports.ts'
import { CheckpointCorruptError } from '../src/errors.ts'
import { canonicalOffset, copyOffset } from '../src/offset.ts'
import type { QueryLog } from '../src/query-log.ts'
import { type RunContext, runContext } from '../src/run-context.ts'
import { journalPort, type StreamReader } from '../src/source.ts'
import { callPort, commandPort } from './call-port.ts'
import { planPartitions } from './plan-partitions.ts'

/**
 * Brings a query to where it stood: logs the initial offset of a new one; gives the source its last commit once more;
 * and emits the batch that was planned but not finished, to be run again with the same range and partitions.
 *
 * A batch that Spark planned is planned again: its range is fixed, its partitions are not. A batch of a queue can't be read again: it is closed as abandoned, and its messages come in a later batch.
 *
 * @returns an Observable of one batch or none. Fails with the reader's or the log's error.
 */
export function recoverBatch<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  log: QueryLog,
  context: RunContext = runContext(),
): Observable<BatchRun<Offset, Partition>> {
  return defer(() => {
    const { initial, done, pending, unplanned } = log.recovered
    const journal = reader.kind === 'acked' ? undefined : reader[journalPort]
    const bound =
      journal === undefined ? EMPTY : commandPort(context, 'journal', () => journal.bind(log.session, pending ?? done))
    const started = [initial, done, pending, unplanned?.start].some((known) => known !== undefined)
      ? EMPTY
      : callPort(context, 'initialOffset', () => reader.initialOffset()).pipe(
          tap((offset) => canonicalOffset(offset, 'initialOffset')),
          concatMap((offset) => log.initial(copyOffset(offset))),
        )
    const { commit } = reader
    const committed =
      done === undefined || commit === undefined || reader.kind === 'acked'
        ? EMPTY
        : commandPort(context, 'commit of the source', () => commit.call(reader, done.end as Offset))
    return concat(
      without(bound),
      without(started),
      without(committed),
      plan(reader, log, context),
      replay(reader, log, context),
    )
  })
}

/** A batch that Spark planned has a range and no partitions: they are asked for and logged before it is run. */
function plan<Offset extends object, Partition, Row extends object>(
  reader: StreamReader<Offset, Partition, Row>,
  log: QueryLog,
  context: RunContext,
): Observable<never> {
  return defer(() => {
    const { unplanned, initial } = log.recovered
    if (unplanned === undefined) return EMPTY
    const { batchId, end } = unplanned
    const start = unplanned.start ?? initial
    if (start === undefined || reader.kind === 'acked' || reader[journalPort] !== undefined) {
      throw new CheckpointCorruptError(
        `batch ${batchId} was planned elsewhere: expected a source that can be read again at any offset`,
      )
    }
    return of({ start: start as Offset, end: end as Offset }).pipe(
      planPartitions(reader, context),
      concatMap(({ partitions }) => log.plan({ queryId: log.queryId, batchId, start, end, partitions })),
      ignoreElements(),
    )
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
      return without(
        log.done(pending, 'abandoned').pipe(tap(() => context.emit({ type: 'done', batchId, outcome: 'abandoned' }))),
      )
    }
    context.emit({ type: 'planned', batchId, start, end, partitions: partitions.length, replay: true })
    const planned = pending as typeof pending & { start: Offset; end: Offset; partitions: readonly Partition[] }
    return [new BatchRun(planned, context, { replay: true, ...bindPorts(reader, ['partitionKey']) })]
  })
}

function without(step: Observable<unknown>): Observable<never> {
  return step.pipe(concatMap(() => EMPTY))
}
