import type { FileHandle } from 'node:fs/promises'
import { nodeFsPromises } from '../builtins.ts'

/** The calls that the file checkpoint makes, so that tests can cut the power between any two of them. */
export interface FileSystem {
  /** `undefined` when there is no such folder. */
  readonly list: (folder: string) => Promise<readonly FolderEntry[] | undefined>
  /** `undefined` when there is no such file. */
  readonly read: (path: string) => Promise<Uint8Array | undefined>
  /** Fails when the file exists. */
  readonly create: (path: string, mode: number) => Promise<NewFile>
  /** `false` when the target exists: it is never overwritten. */
  readonly link: (from: string, to: string) => Promise<boolean>
  /** Fine when there is no such file. */
  readonly remove: (path: string) => Promise<void>
  /** `missing`: there is no parent folder. */
  readonly makeFolder: (path: string, mode: number) => Promise<'made' | 'exists' | 'missing'>
  /** Makes a folder's entries durable: files that were linked, removed, or folders that were made in it. */
  readonly syncFolder: (path: string) => Promise<void>
}

export interface FolderEntry {
  readonly name: string
  readonly isFolder: boolean
}

export interface NewFile {
  readonly write: (bytes: Uint8Array) => Promise<void>
  readonly sync: () => Promise<void>
  readonly close: () => Promise<void>
}

export const nodeFileSystem: FileSystem = {
  list: (folder) =>
    absent(
      nodeFsPromises()
        .readdir(folder, { withFileTypes: true })
        .then((entries) => entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))),
    ),
  read: (path) => absent(nodeFsPromises().readFile(path)),
  create: async (path, mode) => newFile(await nodeFsPromises().open(path, 'wx', mode)),
  link: async (from, to) => {
    try {
      await nodeFsPromises().link(from, to)
      return true
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false
      throw error
    }
  },
  remove: (path) => nodeFsPromises().rm(path, { force: true }),
  makeFolder: async (path, mode) => {
    try {
      await nodeFsPromises().mkdir(path, { mode })
      return 'made'
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return 'exists'
      if (codeOf(error) === 'ENOENT') return 'missing'
      throw error
    }
  },
  syncFolder: async (path) => {
    if (process.platform === 'win32') return // a folder can't be opened there; NTFS journals its entries
    const folder = await nodeFsPromises().open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  },
}

function newFile(file: FileHandle): NewFile {
  return {
    write: (bytes) => file.writeFile(bytes),
    sync: () => file.sync(),
    close: () => file.close(),
  }
}

async function absent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
