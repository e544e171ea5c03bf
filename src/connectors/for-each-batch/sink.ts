import type { Batch } from '../../batch.ts'
import { OptionError } from '../../errors.ts'
import type { Result } from '../../result.ts'
import type { StreamWriter } from '../../sink.ts'
import { type ForEachBatchOptions, forEachBatchSettings } from './options.ts'

/**
 * Gives each batch to a function, once all of it was read: the rows by partition, in the order they were read, and where they stand.
 * A batch without rows is given as well. A function that fails is called again with the same rows, as the query's retry policy says;
 * after a crash it may get a batch that it has already finished.
 *
 * Hazard: a whole batch is held in memory. Set the query's `limit`.
 * @param apply may answer with a promise or an Observable; the batch is done when that is.
 * @throws OptionError
 */
export function forEachBatch<Row extends object>(
  apply: (rows: readonly Row[], batch: Batch) => Result<unknown>,
  options: ForEachBatchOptions = {},
): { readonly name: string; readonly streamWriter: () => StreamWriter<Row, readonly (readonly Row[])[]> } {
  if (typeof apply !== 'function')
    throw new OptionError('forEachBatch: the first argument must be a function of (rows, batch)')
  const { guarantee, name } = forEachBatchSettings(options)
  const streamWriter = (): StreamWriter<Row, readonly (readonly Row[])[]> => ({
    guarantee,
    open: () => {
      const chunks: (readonly Row[])[] = []
      return { write: (rows) => chunks.push(rows), finish: () => chunks }
    },
    commit: (messages, batch) => apply(messages.flat(2) as Row[], batch),
  })
  return { name, streamWriter }
}
