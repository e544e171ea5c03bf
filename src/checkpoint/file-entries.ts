import { join } from 'node:path'
import { CheckpointCorruptError } from '../errors.ts'
import type { FileSystem } from './file-system.ts'

/** The batch ids in a folder, ascending. Other names (checksums, temporary files) and folders are not entries. */
export async function batchIdsIn(files: FileSystem, folder: string): Promise<readonly number[]> {
  const entries = (await files.list(folder)) ?? []
  const ids = entries
    .filter(({ name, isFolder }) => !isFolder && /^\d+$/.test(name))
    .map(({ name }) => batchId(name, folder))
  return ids.sort((a, b) => a - b)
}

/** The text of a file; `undefined` when there is none. @throws CheckpointCorruptError when it is empty or not UTF-8. */
export async function textIn(files: FileSystem, path: string): Promise<string | undefined> {
  const bytes = await files.read(path)
  if (bytes === undefined) return undefined
  if (bytes.length === 0) throw new CheckpointCorruptError(`${path}: expected an entry, found an empty file`)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new CheckpointCorruptError(`${path}: expected UTF-8 text, found other bytes`, { cause })
  }
}

/** The texts of a folder's entries by batch id. */
export async function textsIn(
  files: FileSystem,
  folder: string,
  ids: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const texts = new Map<number, string>()
  // A few at a time: each open file costs a descriptor.
  for (let from = 0; from < ids.length; from += 16) {
    const some = ids.slice(from, from + 16)
    const read = await Promise.all(some.map((id) => textIn(files, join(folder, String(id)))))
    some.forEach((id, index) => {
      const text = read[index]
      if (text === undefined)
        throw new CheckpointCorruptError(
          `${join(folder, String(id))}: expected it to stay, and it was removed meanwhile`,
        )
      texts.set(id, text)
    })
  }
  return texts
}

function batchId(name: string, folder: string): number {
  const id = Number(name)
  if (Number.isSafeInteger(id) && String(id) === name) return id
  throw new CheckpointCorruptError(`${join(folder, name)}: expected a batch id as name (0, 1, 2, …)`)
}
