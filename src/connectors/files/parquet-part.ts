import { OptionError } from '../../errors.ts'
import type { MakePartFormat } from '../manifest/part-format.ts'
import type { ParquetCompression, ParquetEngine } from '../parquet/port.ts'
import { optionalPackage } from '../records/optional-package.ts'

/** How Parquet files are written. */
export interface ParquetSettings {
  readonly compression: ParquetCompression
  readonly rowGroupRows: number
  /** `undefined`: the package hyparquet-writer. */
  readonly engine: ParquetEngine | undefined
}

/** Parquet, with the columns of the rows' schema. */
export function parquetPart({ compression, rowGroupRows, engine: given }: ParquetSettings): MakePartFormat {
  return async (schema) => {
    if (schema === undefined)
      throw new OptionError(
        'filesSink: Parquet needs the schema of the rows; state it after the last operator with .as(schema(…))',
      )
    const engine = given ?? (await defaultEngine())
    return {
      extension: 'parquet',
      open: (path) => engine.open({ path, fields: schema.fields, compression, rowGroupRows }),
      ...(engine.close === undefined ? {} : { close: () => engine.close?.() ?? Promise.resolve() }),
    }
  }
}

async function defaultEngine(): Promise<ParquetEngine> {
  const { hyparquetWriter } = await optionalPackage(
    'hyparquet-writer',
    'writing Parquet',
    () => import('../parquet/hyparquet-engine.ts'),
  )
  return hyparquetWriter()
}
