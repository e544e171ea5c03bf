import { DeltaTableError, describeError, SluiceError } from '../../errors.ts'
import type { Field } from '../../schema/data-type.ts'
import { readParquet } from '../parquet/read.ts'
import { type Action, checkAction, isRecord } from './actions.ts'

/**
 * The actions of a checkpoint, as far as `fields` has them.
 * @throws DeltaTableError naming the file.
 */
export async function* readCheckpoint(paths: readonly string[], fields: readonly Field[]): AsyncGenerator<Action> {
  for (const path of paths) {
    try {
      for await (const rows of readParquet(path, fields)) {
        for (const row of rows) yield checkAction(plain(row), path)
      }
    } catch (error) {
      if (error instanceof SluiceError) throw error
      throw new DeltaTableError(`${path}: the checkpoint can't be read: ${describeError(error)}`, { cause: error })
    }
  }
}

/** As it would be in a log entry: numbers instead of bigints, and nothing where there is nothing. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (Array.isArray(value)) return value.map(plain)
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, item]) => (item === null || item === undefined ? [] : [[name, plain(item)]])),
  )
}
