import type { Dirent } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError, FileError } from '../../errors.ts'
import { when } from '../manifest/files.ts'
import type { Glob } from './glob.ts'

/** A file as a listing found it. */
export interface FoundFile {
  /** Below the source's folder, with `/`. */
  readonly path: string
  readonly size: number
  /** When it was changed last, in whole milliseconds since 1970, by the file system's clock. */
  readonly modified: number
}

const atOnce = 64

/**
 * The files below a folder that match, in no order. Hidden ones (a name that begins with `.` or `_`, also of a folder) and those on their way
 * under a temporary name are left out. Links to files are followed; links to folders are not, so there are no circles; a link to nothing is no file.
 * @throws FileError when the folder, or one in it, can't be listed: nothing is known then of what is gone.
 */
export async function listFiles(root: string, glob: Glob): Promise<FoundFile[]> {
  const found: FoundFile[] = []
  let waiting: string[] = []
  const flush = async () => {
    const paths = waiting
    waiting = []
    for (const file of await Promise.all(paths.map((path) => statFile(root, path))))
      if (file !== undefined) found.push(file)
  }
  const walk = async (below: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(join(root, below), depth > 0)) {
      if (isHidden(entry.name)) continue
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) {
        if (depth < glob.depth) await walk(path, depth + 1)
      } else if ((entry.isFile() || entry.isSymbolicLink()) && glob.matches(path)) {
        waiting.push(path)
        if (waiting.length >= atOnce) await flush()
      }
    }
  }
  await walk('', 0)
  await flush()
  return found
}

/** By age, then by path: the order in which files are taken. */
export function byAge(a: FoundFile, b: FoundFile): number {
  return a.modified - b.modified || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)
}

/** Names that writers give to what isn't whole: of this project, Hadoop, browsers, editors, rsync and WinSCP. */
const temporary = /(?:~|\.tmp|\.temp|\.partial|\.part|\.filepart|\.crdownload|\.download|\.swp|\._COPYING_)$/i

function isHidden(name: string): boolean {
  return name.startsWith('.') || name.startsWith('_') || temporary.test(name)
}

/** @param mayVanish a sub-folder may be removed while its parent is listed; the folder itself may not. */
async function entriesOf(folder: string, mayVanish: boolean): Promise<Dirent[]> {
  try {
    const entries = readdir(folder, { withFileTypes: true })
    return await (mayVanish ? entries.catch(when<Dirent[]>('ENOENT', [])) : entries)
  } catch (error) {
    throw new FileError(`${folder}: expected a folder that can be listed, found ${describeError(error)}`, {
      cause: error,
    })
  }
}

async function statFile(root: string, path: string): Promise<FoundFile | undefined> {
  try {
    const found = await stat(join(root, path)).catch(when('ENOENT', undefined)).catch(when('ELOOP', undefined))
    return found?.isFile() ? { path, size: found.size, modified: Math.floor(found.mtimeMs) } : undefined
  } catch (error) {
    throw new FileError(`${join(root, path)}: expected a file, found ${describeError(error)}`, { cause: error })
  }
}
