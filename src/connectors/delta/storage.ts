import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DeltaStorageError, describeError } from '../../errors.ts'

/** Turns what the system says into an error that names the file and what was tried; errors of ours pass. */
export async function storage<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (codeOf(error) === undefined) throw error
    throw new DeltaStorageError(`${path}: can't ${what}: ${describeError(error)}`, { cause: error })
  }
}

/** The system's code of an error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'errno' in error && 'code' in error ? String(error.code) : undefined
}

/** Makes a folder and its parents, all of them durable. @param root is there already. */
export async function makeFolder(path: string, root: string): Promise<void> {
  const first = await storage('make the folder', path, () => mkdir(path, { recursive: true }))
  const isNew = (folder: string) => first !== undefined && folder.length >= first.length
  for (let made = path; made.length > root.length || isNew(made); made = dirname(made)) await syncFolder(dirname(made))
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  await storage('sync the folder', path, async () => {
    const folder = await open(path, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  })
}

/** Names in a folder; none when there is no such folder. */
export async function namesIn(path: string): Promise<string[]> {
  return storage('list the folder', path, () => readdir(path).catch(ifCode('ENOENT', [])))
}

/** `undefined` when there is no such file. */
export async function readText(path: string): Promise<string | undefined> {
  return storage('read the file', path, () => readFile(path, 'utf8').catch(ifCode('ENOENT', undefined)))
}

/** What became of an attempt to give a file a name. `missing`: the file is gone, somebody else took it away. */
export type Linked = 'linked' | 'taken' | 'missing'

/** Gives a durable file a further name, unless that is taken; and syncs the folder. */
export async function linkIfAbsent(from: string, to: string): Promise<Linked> {
  const linked = await linkUnsynced(from, to)
  await syncFolder(dirname(to))
  return linked
}

/** The same; the name is durable once its folder was synced. */
export async function linkUnsynced(from: string, to: string): Promise<Linked> {
  return storage('make the file', to, () =>
    link(from, to)
      .then(() => 'linked' as const)
      .catch(ifCode('EEXIST', 'taken' as const))
      .catch(ifCode('ENOENT', 'missing' as const)),
  )
}

/** Makes a file, whole, in the place of one that may be there. A reader sees the one or the other. */
export async function replace(path: string, content: string, temporary: string): Promise<void> {
  await putDurable(temporary, content)
  await storage('replace the file', path, () => rename(temporary, path))
  await syncFolder(dirname(path))
}

/** Makes a file with durable content; its name is durable once its folder was synced. */
export async function putDurable(path: string, content: string): Promise<void> {
  try {
    await storage('write the file', path, async () => {
      const file = await open(path, 'ax')
      try {
        await file.writeFile(content)
        await file.sync()
      } finally {
        await file.close()
      }
    })
  } catch (error) {
    await removeFile(path).catch(() => {}) // the error before it matters more
    throw error
  }
}

/** Fine when it isn't there. */
export async function removeFile(path: string): Promise<void> {
  await storage('remove the file', path, () => rm(path, { force: true }))
}

/** Turns an error of the system into an answer. */
export function ifCode<T>(code: string, answer: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === code) return answer
    throw error
  }
}
