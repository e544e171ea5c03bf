import { join } from 'node:path'
import { describeError, FileError } from '../../errors.ts'
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
    const { rows, bytes } = await naming(join(staging, name), () => output.finish())
    if (bytes > before) report({ bytes: bytes - before })
    finished.push({ name, rows, bytes })
    part = undefined
  }

  return {
    write: async (chunk) => {
      if (chunk.length === 0) return
      if (part === undefined) {
        const next = name(finished.length)
        const path = join(staging, next)
        part = { name: next, output: await naming(path, () => format.open(path, files)) }
      }
      const { name: written, output } = part
      const before = output.bytes
      await naming(join(staging, written), () => output.write(chunk))
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

/** The system says what went wrong (a full disk), and not with which file. */
async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error
    throw new FileError(`${path}: expected a file that can be written, found ${describeError(error)}`, { cause: error })
  }
}
