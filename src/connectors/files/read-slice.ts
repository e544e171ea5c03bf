import { access, type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError, FileError, FileRefusedError } from '../../errors.ts'
import type { ReadContext } from '../../source.ts'
import { when } from '../manifest/files.ts'
import { decompressed, fileBytes } from './bytes.ts'
import { firstByte, lineBlocks } from './lines.ts'
import type { FilesSettings } from './options.ts'
import { csvRows } from './read-csv.ts'
import { jsonLinesRows } from './read-json-lines.ts'
import { parquetRows } from './read-parquet.ts'
import type { RowPlan } from './row-maker.ts'
import type { FileSlice, FilesPartition } from './slices.ts'

/** Reads partitions as they were planned. */
export function partitionReader(
  settings: FilesSettings,
  plan: RowPlan,
): (partition: FilesPartition, context: ReadContext) => AsyncGenerator<readonly object[]> {
  return async function* ({ files }, context) {
    for (const slice of files) yield* sliceRows(slice, context)
  }

  async function* sliceRows(slice: FileSlice, context: ReadContext): AsyncGenerator<readonly object[]> {
    const handle = await opened(settings.path, slice.path)
    if (handle === undefined) {
      if (settings.missing === 'skip') return
      throw new FileRefusedError(
        `${slice.path}: expected the file that was planned to be read, and it is gone; option "missing" may skip such files`,
      )
    }
    try {
      if (settings.missing === 'skip' && (await changeOf(handle, slice)) !== undefined) return
      await refuseChanged(handle, slice)
      yield* recordsOf(handle, slice, context)
      await refuseChanged(handle, slice)
    } catch (error) {
      throw isSystemError(error) ? new FileError(`${slice.path}: ${describeError(error)}`, { cause: error }) : error
    } finally {
      await handle.close()
    }
  }

  function recordsOf(handle: FileHandle, slice: FileSlice, context: ReadContext): AsyncGenerator<readonly object[]> {
    const { path, size, modified, from, to } = slice
    const { format, csv, schema, maxLineBytes: longest } = settings
    const maker = plan.forFile({ path, size: BigInt(size), modified: new Date(modified) })
    if (format === 'parquet') return parquetRows(join(settings.path, path), schema, maker, path)
    const compression = settings.compression(path)
    const stored = reporting(fileBytes(handle, firstByte(from), size, context.signal), context)
    const bytes = decompressed(stored, compression, path)
    if (format === 'csv') return csvRows(bytes, maker, path, { ...csv, schema, keepsRaw: plan.keepsRaw, longest })
    const range = { from, to: compression === 'none' ? to : Infinity, longest, path }
    return jsonLinesRows(lineBlocks(bytes, range), maker, path)
  }
}

/** `undefined` when there is no such file. @throws FileError also when the whole folder is away: that is no reason to skip a file. */
async function opened(folder: string, path: string): Promise<FileHandle | undefined> {
  try {
    const handle = await open(join(folder, path)).catch(when('ENOENT', undefined))
    if (handle === undefined) await access(folder)
    return handle
  } catch (error) {
    throw new FileError(`${path}: expected a file that can be read, found ${describeError(error)}`, { cause: error })
  }
}

async function changeOf(handle: FileHandle, { size, modified }: FileSlice): Promise<string | undefined> {
  const now = await handle.stat()
  const time = Math.floor(now.mtimeMs)
  if (now.size === size && time === modified) return undefined
  const show = (bytes: number, ms: number) => `${bytes} bytes of ${new Date(ms).toISOString()}`
  return `expected the file that was planned, ${show(size, modified)}, found ${show(now.size, time)}`
}

async function refuseChanged(handle: FileHandle, slice: FileSlice): Promise<void> {
  const change = await changeOf(handle, slice)
  if (change !== undefined) throw new FileRefusedError(`${slice.path}: ${change}: it changed before its batch was done`)
}

async function* reporting(bytes: AsyncIterable<Buffer>, { report }: ReadContext): AsyncGenerator<Buffer> {
  for await (const chunk of bytes) {
    report({ bytes: chunk.length })
    yield chunk
  }
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
