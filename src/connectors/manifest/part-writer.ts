import { join } from 'node:path'
import type { PartitionWriter } from '../../sink.ts'
import type { PartFile } from './entry.ts'
import type { Files } from './files.ts'
import type { PartFormat, PartOutput } from './part-format.ts'

/** Where the files of one partition go, and how large they get. */
export interface PartPlace {
  readonly staging: string
  /** The name of the partition's next file, by how many it has. */
  readonly name: (index: number) => string
  /** A file that is as large is finished, and the next rows go into another one. */
  readonly maxFileBytes: number
}

/**
 * Writes the rows of one partition to staged files, which are durable once it is finished. The message lists them; without rows there is none.
 * @param report is told the bytes of each chunk.
 */
export function partWriter(
  files: Files,
  format: PartFormat,
  { staging, name, maxFileBytes }: PartPlace,
  report: (figures: { readonly bytes: number }) => void,
): PartitionWriter<object, readonly PartFile[]> {
  let part: { readonly name: string; readonly output: PartOutput } | undefined
  const finished: PartFile[] = []

  const finishPart = async () => {
    if (part === undefined) return
    const { name, output } = part
    const before = output.bytes
    const { rows, bytes } = await output.finish()
    if (bytes > before) report({ bytes: bytes - before })
    finished.push({ name, rows, bytes })
    part = undefined
  }

  return {
    write: async (chunk) => {
      if (chunk.length === 0) return
      if (part === undefined) {
        const next = name(finished.length)
        part = { name: next, output: await format.open(join(staging, next), files) }
      }
      const { output } = part
      const before = output.bytes
      await output.write(chunk)
      report({ bytes: Math.max(0, output.bytes - before) })
      if (output.bytes >= maxFileBytes) await finishPart()
    },
    finish: async () => {
      await finishPart()
      return finished
    },
    discard: async () => {
      await part?.output.discard()
      for (const { name } of finished) await files.remove(join(staging, name))
    },
  }
}
