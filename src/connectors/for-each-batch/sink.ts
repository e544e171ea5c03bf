import type { Batch } from '../../batch.ts'
import { OptionError, PortError } from '../../errors.ts'
import type { Result } from '../../result.ts'
import type { StartContext, StreamWriter } from '../../sink.ts'
import { type ForEachBatchOptions, forEachBatchSettings } from './options.ts'

/** For whom a batch is applied. */
export type ForEachBatchSink = Pick<StartContext, 'sinkId' | 'epoch'>

/**
 * Gives each batch to a function, once all of it was read: the rows by partition, in the order they were read, and where they stand.
 * A batch without rows is given as well. A function that fails is called again with the same rows, as the query's retry policy says;
 * after a crash it may get a batch that it has already finished.
 *
 * A function that keeps a ledger of its own has its entries by `queryId`, `sinkId` and `batchId`: two sinks of a `tee` get the same batches. An entry that has a greater
 * `epoch` than the call was made by a process that has taken the query over meanwhile.
 *
 * Hazard: a whole batch is held in memory. Set the query's `limit`.
 * @param apply may answer with a promise or an Observable; the batch is done when that is.
 * @throws OptionError
 */
export function forEachBatch<Row extends object>(
  apply: (rows: readonly Row[], batch: Batch, sink: ForEachBatchSink) => Result<unknown>,
  options: ForEachBatchOptions = {},
): { readonly name: string; readonly streamWriter: () => StreamWriter<Row, readonly (readonly Row[])[]> } {
  if (typeof apply !== 'function')
    throw new OptionError('forEachBatch: the first argument must be a function of (rows, batch, sink)')
  const { guarantee, name } = forEachBatchSettings(options)
  const streamWriter = (): StreamWriter<Row, readonly (readonly Row[])[]> => {
    let sink: ForEachBatchSink | undefined
    return {
      guarantee,
      start: ({ sinkId, epoch }) => {
        sink = { sinkId, epoch }
      },
      open: () => {
        const chunks: (readonly Row[])[] = []
        return { write: (rows) => chunks.push(rows), finish: () => chunks }
      },
      commit: (messages, batch) => {
        if (sink === undefined) throw new PortError(`${name}: commit was called, and start never was`)
        return apply(messages.flat(2) as Row[], batch, sink)
      },
    }
  }
  return { name, streamWriter }
}
