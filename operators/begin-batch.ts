import { concatMap, identity, type MonoTypeOperatorFunction, map } from 'rxjs'
import type { BatchRun } from '../src/batch-run.ts'
import { PortError } from '../src/errors.ts'
import type { StreamWriter } from '../src/sink.ts'
import { callPort } from './call-port.ts'

/**
 * Asks the sink whether it holds the batch already, and marks it so.
 *
 * A replay that reached the sink before the crash is then neither read nor written.
 *
 * @returns the batches, in order. Fails with `PortError` when the sink answers with anything but `write` or `committed`.
 */
export function beginBatch<Offset extends object, Partition>(
  writer: Pick<StreamWriter<never, never>, 'begin'>,
): MonoTypeOperatorFunction<BatchRun<Offset, Partition>> {
  const { begin } = writer
  if (begin === undefined) return identity
  return concatMap((batch) =>
    callPort(batch.context, 'begin', () => begin.call(writer, batch.planned), { batchId: batch.batchId }).pipe(
      map((answer) => {
        if (answer !== 'write' && answer !== 'committed') {
          throw new PortError(
            `begin must answer with "write" or "committed", and it answered with ${JSON.stringify(answer)}`,
          )
        }
        if (answer === 'committed') {
          batch.committed = true
          batch.context.emit({ type: 'skipped', batchId: batch.batchId })
        }
        return batch
      }),
    ),
  )
}
