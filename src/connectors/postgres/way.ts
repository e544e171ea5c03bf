import type { Batch } from '../../batch.ts'
import { OptionError, SchemaError } from '../../errors.ts'
import type { Schema } from '../../schema.ts'
import type { PostgresClient } from './client.ts'
import { CopyBuffer, CopyFeed } from './copy-feed.ts'
import { copyTexts } from './copy-text.ts'
import type { RowBuffer } from './feed.ts'
import { hasExactKey } from './key-equality.ts'
import { KeyedBuffer, keyedTexts, noRows } from './keyed-buffer.ts'
import { KeyedFeed, keyedStatements } from './keyed-feed.ts'
import { losses } from './losses.ts'
import { list, quotedTable } from './names.ts'
import { type BatchInTable, type FeedMaker, OpenBatch } from './open-batch.ts'
import type { PostgresTableSettings } from './sink-options.ts'
import { createTable, describeTable, isKey, matchColumns } from './table.ts'

const owner = 'postgresTable'

/** How batches get into the table. */
export interface Way {
  readonly open: (batch: Batch, client: PostgresClient) => BatchInTable
}

/**
 * Looks at the table, once a run, and makes it where that was asked for.
 * @throws SchemaError when rows of this schema can't be written there, OptionError when the key is none.
 */
export async function wayInto(client: PostgresClient, settings: PostgresTableSettings, schema: Schema): Promise<Way> {
  const { table, mode, key, deleteFlag } = settings
  const fields = schema.fields.filter(({ name }) => name !== deleteFlag)
  checkColumns(schema, settings)
  if (settings.createTable) await createTable(client, table, { ...schema, fields }, key)
  const names = fields.map(({ name }) => name)
  const columns = matchColumns(table, await describeTable(client, table), names)
  const lost = losses(fields, columns)
  if (lost.length > 0)
    process.emitWarning(
      `${owner}: table ${quotedTable(table)} keeps less than the rows have: ${lost.join(', ')}`,
      'SluiceWarning',
    )
  if (mode === 'append') {
    const encode = copyTexts(owner, fields)
    const copy = `COPY ${quotedTable(table)} (${list(names)}) FROM STDIN`
    return wayBy({ buffer: () => new CopyBuffer(encode), feed: (open) => new CopyFeed(open, copy) })
  }
  if (!(await isKey(client, table, key)))
    throw new OptionError(
      `${owner}: table ${quotedTable(table)} has no unique index on (${list(key)}), which "key" needs`,
    )
  const onConflict = mode === 'upsert' ? 'update' : 'nothing'
  const statements = keyedStatements(table, columns, key, onConflict, hasExactKey(fields, columns, key))
  const encode = keyedTexts({ owner, fields, key, deleteFlag })
  const empty = () => noRows(fields.length, deleteFlag !== undefined)
  return wayBy({
    buffer: () => new KeyedBuffer(encode, empty),
    feed: (open) => new KeyedFeed(open, statements, onConflict, empty),
  })
}

function wayBy<Buffer extends RowBuffer>(maker: FeedMaker<Buffer>): Way {
  return { open: (batch, client) => new OpenBatch(batch, client, maker) }
}

function checkColumns({ fields }: Schema, { key, deleteFlag }: PostgresTableSettings): void {
  const missing = key.find((name) => !fields.some((field) => field.name === name))
  if (missing !== undefined)
    throw new SchemaError(`${owner}: column ${JSON.stringify(missing)} of the key is not in the schema of the rows`)
  if (deleteFlag === undefined) return
  if (fields.find(({ name }) => name === deleteFlag)?.type.kind !== 'boolean')
    throw new SchemaError(`${owner}: deleteFlag ${JSON.stringify(deleteFlag)} is no boolean column of the rows`)
}
