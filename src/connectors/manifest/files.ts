import { dirname } from 'node:path'
import { nodeFsPromises } from '../../builtins.ts'

/**
 * The few steps on files that the sink is made of. A step is what a crash can fall between; what is durable is said at each.
 * Tests put a file system in its place that crashes and loses power.
 */
export interface Files {
  /** Makes a folder and its parents, durable: those below `root` also where they are there already, their maker may have died early. */
  readonly makeFolder: (path: string, root: string) => Promise<void>
  /** Makes an empty file; fails where one is. Its name is durable after {@link Files.syncFolder}. */
  readonly create: (path: string) => Promise<OpenFile>
  /** `undefined` when there is no such file. */
  readonly read: (path: string) => Promise<string | undefined>
  readonly exists: (path: string) => Promise<boolean>
  /** Names in a folder; none when there is no such folder. */
  readonly list: (path: string) => Promise<string[]>
  /** Gives a file a further name, unless that is taken or the file isn't there. Durable after {@link Files.syncFolder}. */
  readonly link: (from: string, to: string) => Promise<'linked' | 'taken' | 'missing'>
  /** Fine when it isn't there. */
  readonly remove: (path: string) => Promise<void>
  /** Makes the names in a folder durable. */
  readonly syncFolder: (path: string) => Promise<void>
}

export interface OpenFile {
  readonly append: (text: string) => Promise<void>
  /** Makes the content durable. */
  readonly sync: () => Promise<void>
  readonly close: () => Promise<void>
}

export const nodeFiles: Files = {
  makeFolder: async (path, root) => {
    const first = await nodeFsPromises().mkdir(path, { recursive: true })
    const isNew = (folder: string) => first !== undefined && folder.length >= first.length
    for (let made = path; made.length > root.length || isNew(made); made = dirname(made))
      await syncFolder(dirname(made))
  },
  create: async (path) => {
    const file = await nodeFsPromises().open(path, 'ax')
    return { append: (text) => file.appendFile(text), sync: () => file.sync(), close: () => file.close() }
  },
  read: (path) => nodeFsPromises().readFile(path, 'utf8').catch(when('ENOENT', undefined)),
  exists: (path) =>
    nodeFsPromises()
      .access(path)
      .then(() => true, when('ENOENT', false)),
  list: (path) => nodeFsPromises().readdir(path).catch(when<string[]>('ENOENT', [])),
  link: (from, to) =>
    nodeFsPromises()
      .link(from, to)
      .then(() => 'linked' as const)
      .catch(when('EEXIST', 'taken' as const))
      .catch(when('ENOENT', 'missing' as const)),
  remove: (path) => nodeFsPromises().rm(path, { force: true }),
  syncFolder,
}

async function syncFolder(path: string): Promise<void> {
  const folder = await nodeFsPromises().open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Turns an error of the system into an answer. */
export function when<T>(code: string, answer: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === code) return answer
    throw error
  }
}
