import { encodeRows } from '../records/encode-rows.ts'
import type { PartFormat } from './part-format.ts'

/** One JSON object a line. */
export const jsonLinesPart: PartFormat = {
  extension: 'jsonl',
  open: async (path, files) => {
    const file = await files.create(path)
    let rows = 0
    let bytes = 0
    let open = true
    const close = async () => {
      if (!open) return
      open = false
      await file.close()
    }
    return {
      get bytes() {
        return bytes
      },
      write: async (chunk) => {
        const text = encodeRows(chunk)
        await file.append(text)
        rows += chunk.length
        bytes += Buffer.byteLength(text)
      },
      finish: async () => {
        await file.sync()
        await close()
        return { rows, bytes }
      },
      discard: async () => {
        await close()
        await files.remove(path)
      },
    }
  },
}
