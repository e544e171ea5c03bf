import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointCorruptError, describeError, FileError } from '../../errors.ts'
import { parseEntry } from '../manifest/entry.ts'
import { nodeFiles, when } from '../manifest/files.ts'
import { batchOfEntry, entryName, manifestFolder, stagingFolder } from '../manifest/layout.ts'
import type { FoundFile } from './listing.ts'

/**
 * The files that a manifest lists, batch after batch. A batch counts once all of its files have their names in the folder; until then it is on its way, as it is after a
 * crash until the query that writes the folder has started again. Entries never change, so each is read once.
 * @throws CheckpointCorruptError when a file that was committed is gone.
 */
export function manifestLister(root: string): () => Promise<FoundFile[]> {
  const known = new Map<string, readonly FoundFile[]>()
  const manifest = join(root, manifestFolder)

  return async () => {
    try {
      await stat(root)
    } catch (error) {
      throw new FileError(`${root}: expected a folder, found ${describeError(error)}`, { cause: error })
    }
    const found: FoundFile[] = []
    for (const query of (await nodeFiles.list(manifest)).sort()) {
      for (const sink of (await nodeFiles.list(join(manifest, query))).sort()) {
        const names = await nodeFiles.list(join(manifest, query, sink))
        const batches = names.map(batchOfEntry).filter((batchId) => batchId !== undefined)
        for (const batchId of batches.sort((a, b) => a - b)) {
          const where = join(manifest, query, sink, entryName(batchId))
          const listed = known.get(where) ?? (await filesOf(where, join(root, stagingFolder, query, sink)))
          if (listed === undefined) continue
          known.set(where, listed)
          found.push(...listed)
        }
      }
    }
    return found
  }

  /** `undefined` while one of them isn't in the folder yet. */
  async function filesOf(where: string, staging: string): Promise<readonly FoundFile[] | undefined> {
    const text = await nodeFiles.read(where)
    if (text === undefined) throw new CheckpointCorruptError(`${where}: expected a manifest entry, and it was removed`)
    const files: FoundFile[] = []
    for (const { name, bytes } of parseEntry(text, where, {}).files) {
      const shown = await stat(join(root, name)).catch(when('ENOENT', undefined))
      if (shown === undefined) {
        if (await nodeFiles.exists(join(staging, name))) return undefined
        if (await nodeFiles.exists(join(root, name))) return undefined // it was just given its name
        throw new CheckpointCorruptError(`${where}: expected the file ${name}, which it lists, found none`)
      }
      if (shown.size !== bytes)
        throw new CheckpointCorruptError(`${where}: expected ${bytes} bytes in ${name}, found ${shown.size}`)
      files.push({ path: name, size: bytes, modified: Math.floor(shown.mtimeMs) })
    }
    return files
  }
}
