import { describeError, FileRefusedError, OptionError } from '../../errors.ts'
import type { Schema } from '../../schema.ts'
import { optionalPackage } from '../records/optional-package.ts'
import type { RowMaker } from './row-maker.ts'

/**
 * The rows of a Parquet file, a row group at a time in memory.
 * @throws FileRefusedError for a file that is damaged or none.
 */
export async function* parquetRows(
  place: string,
  schema: Schema,
  maker: RowMaker,
  path: string,
): AsyncGenerator<readonly object[]> {
  const { readParquet } = await optionalPackage('hyparquet', 'reading Parquet', () => import('../parquet/read.ts'))
  const chunks = readParquet(place, schema.fields)
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      if (error instanceof OptionError || (error instanceof Error && 'syscall' in error)) throw error
      throw new FileRefusedError(`${path}: expected a whole Parquet file, found ${describeError(error)}`, {
        cause: error,
      })
    })
    if (next.done === true) return
    yield next.value.map((row) => maker.typed(row))
  }
}
