import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import type { FileMetaData, SchemaElement } from 'hyparquet'
import type { Field } from '../../schema/data-type.ts'
import { openParquet } from './file-slices.ts'
import { normalizerOf } from './from-parquet.ts'
import { hyparquetPackage } from './packages.ts'

const compressors = {
  ZSTD: (input: Uint8Array) => zstdDecompressSync(input),
  GZIP: (input: Uint8Array) => gunzipSync(input),
  BROTLI: (input: Uint8Array) => brotliDecompressSync(input),
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Texts as they are stored: the reader's own parser takes away the byte order mark that one begins with. Dates are kept to the millisecond, the smaller parts cut off, so that order is kept before 1970, too. */
const parsers = {
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && decoder.decode(bytes),
  timestampFromMicroseconds: (micros: bigint) => new Date(floorDivide(micros, 1_000n)),
  timestampFromNanoseconds: (nanos: bigint) => new Date(floorDivide(nanos, 1_000_000n)),
}

/**
 * The rows of a Parquet file, in chunks, with the values that a row of the fields has. A column that the file lacks is null.
 * One row group at a time is in memory.
 * @param chunkRows @default 4096
 */
export async function* readParquet(
  path: string,
  fields: readonly Field[],
  chunkRows = 4096,
): AsyncGenerator<readonly Record<string, unknown>[]> {
  const { parquetMetadataAsync, parquetReadObjects } = await hyparquetPackage()
  const file = await openParquet(path)
  try {
    const metadata = withRawDecimals(await parquetMetadataAsync(file.buffer))
    const present = new Set(topNames(metadata.schema))
    const columns = fields.filter(({ name }) => present.has(name)).map(({ name }) => name)
    const normalize = normalizerOf(fields)
    let rowStart = 0
    for (const { num_rows } of metadata.row_groups) {
      const rowEnd = rowStart + Number(num_rows)
      const rows =
        columns.length === 0
          ? Array.from({ length: rowEnd - rowStart }, () => ({}))
          : await parquetReadObjects({
              file: file.buffer,
              metadata,
              columns,
              rowStart,
              rowEnd,
              compressors,
              parsers,
              utf8: false,
            })
      for (let at = 0; at < rows.length; at += chunkRows) yield rows.slice(at, at + chunkRows).map(normalize)
      rowStart = rowEnd
    }
  } finally {
    await file.close()
  }
}

/** The reader turns decimals to numbers, which lose digits: without that mark it gives them as they are stored. */
function withRawDecimals(metadata: FileMetaData): FileMetaData {
  return { ...metadata, schema: metadata.schema.map(asStored) }
}

function asStored(element: SchemaElement): SchemaElement {
  if (element.converted_type !== 'DECIMAL' && element.logical_type?.type !== 'DECIMAL') return element
  const { converted_type: _, logical_type: __, ...rest } = element
  return rest
}

function topNames(schema: readonly SchemaElement[]): string[] {
  const names: string[] = []
  let index = 1
  const skip = () => {
    const children = schema[index]?.num_children ?? 0
    index++
    for (let child = 0; child < children; child++) skip()
  }
  while (index < schema.length) {
    names.push(schema[index]?.name as string)
    skip()
  }
  return names
}

function floorDivide(value: bigint, by: bigint): number {
  const rest = value % by
  return Number((rest < 0n ? value - rest - by : value - rest) / by)
}
