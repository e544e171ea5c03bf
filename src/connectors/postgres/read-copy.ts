import { to as copyTo } from 'pg-copy-streams'
import type { PostgresClient } from './client.ts'
import type { ColumnValue } from './column-value.ts'
import { CopyRows } from './copy-rows.ts'
import { postgresError } from './postgres-error.ts'

/**
 * The rows of a query, by a COPY TO STDOUT: no faster way leads out of PostgreSQL, and the server sends only as much as is taken. Nothing else can be asked of the client until the end.
 * @param select without values; its columns are `columns`, in their order.
 * @param onBytes is told of the bytes of each piece.
 */
export async function* readCopy(
  client: PostgresClient,
  select: string,
  columns: readonly ColumnValue[],
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<readonly object[], void, undefined> {
  const rows = new CopyRows(columns)
  try {
    const pieces: AsyncIterable<Uint8Array> = client.submit(copyTo(`COPY (${select}) TO STDOUT`))
    for await (const piece of pieces) {
      onBytes(piece.byteLength)
      yield* rows.push(piece)
    }
    yield* rows.end()
  } catch (error) {
    throw postgresError('reading failed', error)
  }
}
