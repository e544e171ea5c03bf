import { join } from 'node:path'
import type { PartitionWriter } from '../../sink.ts'
import type { PartFile } from '../manifest/entry.ts'
import type { Files, OpenFile } from '../manifest/files.ts'
import { encodeRows } from './encode.ts'

/**
 * Writes the rows of one partition to one staged file, which is durable once it is finished. The message lists that file; without rows there is none.
 * @param report is told the bytes of each chunk.
 */
export function partWriter(
  files: Files,
  staging: string,
  name: string,
  report: (figures: { readonly bytes: number }) => void,
): PartitionWriter<object, readonly PartFile[]> {
  const path = join(staging, name)
  let file: OpenFile | undefined
  let rows = 0
  let bytes = 0

  const close = async () => {
    const open = file
    file = undefined
    await open?.close()
  }

  return {
    write: async (chunk) => {
      if (chunk.length === 0) return
      const text = encodeRows(chunk)
      file ??= await files.create(path)
      await file.append(text)
      const size = Buffer.byteLength(text)
      rows += chunk.length
      bytes += size
      report({ bytes: size })
    },
    finish: async () => {
      await file?.sync()
      await close()
      return rows === 0 ? [] : [{ name, rows, bytes }]
    },
    discard: async () => {
      await close()
      await files.remove(path)
    },
  }
}
