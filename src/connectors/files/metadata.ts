import { OptionError } from '../../errors.ts'
import { type Schema, schema } from '../../schema.ts'

/** The column `_metadata`: the file that a row comes from. */
export interface FileMetadata {
  /** Below the source's folder. */
  readonly path: string
  /** Bytes, as it lies there: compressed. */
  readonly size: bigint
  readonly modified: Date
  /** JSON lines: the byte of the (uncompressed) file at which the row's line begins. Else null. */
  readonly offset: bigint | null
}

const metadata = schema(
  '_metadata struct<path: string not null, size: bigint not null, modified: timestamp not null, offset: bigint> not null',
)

/** The schema with the column `_metadata`. @throws OptionError when it has one of that name. */
export function withMetadata<Row extends object>(rows: Schema<Row>): Schema<Row & { _metadata: FileMetadata }> {
  if (rows.fields.some(({ name }) => name.toLowerCase() === '_metadata'))
    throw new OptionError('files: option "schema" has a column "_metadata", which option "metadata" adds')
  return { fields: [...rows.fields, ...metadata.fields], ddl: `${rows.ddl}, ${metadata.ddl}` }
}
