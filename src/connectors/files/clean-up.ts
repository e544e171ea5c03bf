import { link, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describeError, FileError } from '../../errors.ts'
import { when } from '../manifest/files.ts'
import type { FilesSettings } from './options.ts'
import type { SeenFile } from './seen-text.ts'

/**
 * Removes or moves files whose batch is done, and gives them back. They are given again after a start, so that a crash in between leaves nothing for ever.
 *
 * Only the version that was read: a file is first taken aside under a hidden name, which also keeps writers off that open it by its name, then looked at,
 * and put back when it is another version.
 */
export function cleanUp({
  path,
  cleanUp: how,
}: FilesSettings): (files: readonly SeenFile[]) => Promise<readonly SeenFile[]> {
  if (how === 'keep') return async () => []
  return async (files) => {
    for (const file of files) {
      try {
        await tidy(file)
      } catch (error) {
        throw new FileError(
          `${file.path}: it can't be ${how === 'delete' ? 'deleted' : 'moved'}: ${describeError(error)}`,
          {
            cause: error,
          },
        )
      }
    }
    return files
  }

  async function tidy(file: SeenFile): Promise<void> {
    const place = join(path, file.path)
    const aside = join(dirname(place), `.${file.ordinal}.sluice-done`)
    // There already: a crash came after the first step.
    if (!(await exists(aside)) && !(await rename(place, aside).then(() => true, when('ENOENT', false)))) return
    if (!(await isVersion(aside, file))) {
      // Unless a newer one has its name by now.
      await link(aside, place).catch(when('EEXIST', undefined))
      await rm(aside)
    } else if (how === 'delete') await rm(aside)
    else if (typeof how === 'object') {
      const target = join(how.moveTo, file.path)
      await mkdir(dirname(target), { recursive: true })
      await rename(aside, target)
    }
  }
}

async function exists(path: string): Promise<boolean> {
  const handle = await open(path).catch(when('ENOENT', undefined))
  await handle?.close()
  return handle !== undefined
}

async function isVersion(path: string, { size, modified }: SeenFile): Promise<boolean> {
  const handle = await open(path)
  try {
    const found = await handle.stat()
    return found.size === size && Math.floor(found.mtimeMs) === modified
  } finally {
    await handle.close()
  }
}
