import { type FileHandle, open, rm } from 'node:fs/promises'
import { zstdCompressSync } from 'node:zlib'
import type { RowGroup, Statistics } from 'hyparquet'
import type { LeafType } from '../../schema/leaf-check.ts'
import { collectColumns } from './columns.ts'
import { decimalText } from './decimal.ts'
import { parquetElements } from './elements.ts'
import { negativeZeroIn } from './negative-zero.ts'
import { hyparquetWriterPackage } from './packages.ts'
import type { ParquetColumnSummary, ParquetEngine, ParquetFile, ParquetFileOptions } from './port.ts'
import { joinBounds, leavesOf } from './summary.ts'

/** Bytes of values, before compression, after which a row group is written although it has fewer rows: wide rows shall not fill the memory. */
const groupWeight = 32 * 2 ** 20

/** Rows between two looks at that weight, so that a chunk of wide rows is cut, too. */
const stepRows = 32

/**
 * The writer in JavaScript, of the package `hyparquet-writer`: no native code, 0.4 MB. A row group is encoded at once, on the event loop
 * (10,000 rows of four columns: about 50 ms), and written out before the next one is begun.
 */
export function hyparquetWriter(): ParquetEngine {
  return { name: 'hyparquet-writer', open: openFile }
}

async function openFile({ path, fields, compression, rowGroupRows }: ParquetFileOptions): Promise<ParquetFile> {
  const { ByteWriter, ParquetWriter } = await hyparquetWriterPackage()
  const handle = await open(path, 'ax')
  const bytes = new ByteWriter(2 ** 16)
  const writer = new ParquetWriter({
    writer: bytes,
    schema: parquetElements(fields),
    createdBy: 'sluice with hyparquet-writer',
    ...(compression === 'zstd' ? { codec: 'ZSTD', compressors: { ZSTD: zstdCompressSync } } : {}),
  })
  const columns = collectColumns(fields)
  const holdsNegativeZero = fields.map(({ type }) => negativeZeroIn(type))
  let rows = 0

  const flush = async () => {
    await writeAll(handle, bytes.getBytes())
    bytes.index = 0
  }
  const writeGroup = async () => {
    const taken = columns.take()
    const columnData = fields.map(({ name }, index) => {
      const data = taken[index] as unknown[]
      const holds = holdsNegativeZero[index]
      // The package's dictionary takes the two zeros for one, whichever comes first; Spark then finds no row with the other.
      return holds !== undefined && data.some(holds) ? { name, data, encoding: 'PLAIN' as const } : { name, data }
    })
    writer.write({ columnData, rowGroupSize: Infinity })
    await flush()
  }

  return {
    get bytes() {
      return bytes.offset + columns.weight
    },
    get rows() {
      return rows
    },
    write: async (chunk) => {
      for (let from = 0; from < chunk.length; ) {
        const to = Math.min(chunk.length, from + Math.min(stepRows, rowGroupRows - columns.rows))
        columns.add(chunk, from, to)
        rows += to - from
        from = to
        if (columns.rows >= rowGroupRows || columns.weight >= groupWeight) await writeGroup()
      }
    },
    finish: async () => {
      try {
        if (columns.rows > 0) await writeGroup()
        dropBoundsBesideNaN(writer.row_groups)
        writer.finish()
        await flush()
        await handle.sync()
      } finally {
        await handle.close()
      }
      return { rows, bytes: bytes.offset, columns: summaries(fields, writer.row_groups) }
    },
    discard: async () => {
      await handle.close().catch(() => {}) // closed already where finishing failed
      await rm(path, { force: true })
    },
  }
}

/** A write to a file may take a part only. */
async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at)
    at += bytesWritten
  }
}

/** The package's bounds are those of the other numbers. To Spark and DataFusion NaN is greater than all, and a group with it would be passed by. */
function dropBoundsBesideNaN(groups: readonly RowGroup[]): void {
  for (const { meta_data } of groups.flatMap(({ columns }) => columns)) {
    const statistics: (Statistics & { nan_count?: bigint }) | undefined = meta_data?.statistics
    if (statistics?.nan_count === undefined || statistics.nan_count === 0n) continue
    delete statistics.min_value
    delete statistics.max_value
  }
}

function summaries(fields: ParquetFileOptions['fields'], groups: readonly RowGroup[]): ParquetColumnSummary[] {
  return leavesOf(fields).map(({ path, type }) => {
    const parts = groups.flatMap(({ columns, num_rows }) => {
      const statistics = columns.find(({ meta_data }) => isSamePath(meta_data?.path_in_schema, path))?.meta_data
        ?.statistics
      if (statistics === undefined) return []
      const { null_count = 0n, nan_count = 0n, min_value, max_value }: Statistics & { nan_count?: bigint } = statistics
      const bounds = type.kind === 'binary' ? {} : { min: min_value, max: max_value }
      return [{ rows: Number(num_rows), nullCount: Number(null_count), nanCount: Number(nan_count), ...bounds }]
    })
    const { min, max, ...rest } = joinBounds(path, parts)
    return min === undefined ? rest : { ...rest, min: rowValue(type, min), max: rowValue(type, max) }
  })
}

function isSamePath(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a?.length === b.length && a.every((name, index) => name === b[index])
}

/** A bound as a row has it, of what the writer was given. */
function rowValue(type: LeafType, value: unknown): unknown {
  switch (type.kind) {
    case 'date':
      return new Date((value as number) * 86_400_000)
    case 'timestamp':
      return new Date(Number((value as bigint) / 1000n))
    case 'decimal':
      return decimalText(value as bigint, type.scale)
    default:
      return value
  }
}
