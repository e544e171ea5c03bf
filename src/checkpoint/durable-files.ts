import { dirname, join } from 'node:path'
import type { FileSystem } from './file-system.ts'

/** One file of the log. */
export interface NewEntry {
  readonly folder: string
  readonly name: string
  readonly content: string | Uint8Array
  /** Only the user may read it. */
  readonly isPrivate?: boolean
}

/** What a writer does around the links. */
export interface PutRules {
  /** Part of the temporary names, by which a later holder of the lease finds them. */
  readonly epoch: number
  /**
   * Called once everything has been prepared, before the first link; a rejection stops there. A later holder of the lease removes what is prepared before it reads,
   * so that whoever loses the lease after this call links nothing that is not read.
   */
  readonly beforeLinks: () => Promise<void>
  /** What to fail with when the name is taken: nothing is ever overwritten. */
  readonly taken: (path: string) => Error
}

const temporary = /^\..+\.(\d+)-[0-9a-f-]{36}\.sluice\.tmp$/

/**
 * Makes files durable in order: all contents first (temporary files, fsync), then one name after the other
 * (link without overwriting, fsync of the folder, unlink of the temporary name). A crash leaves a prefix.
 */
export async function putAll(files: FileSystem, entries: readonly NewEntry[], rules: PutRules): Promise<void> {
  const staged = await Promise.allSettled(entries.map((entry) => stage(files, entry, rules.epoch)))
  const paths = staged.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  try {
    const failed = staged.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    await rules.beforeLinks()
    for (const [index, entry] of entries.entries()) {
      await publish(files, paths[index] as string, entry, rules)
      if (entries[index + 1]?.folder !== entry.folder) await files.syncFolder(entry.folder)
    }
  } finally {
    // What can't be removed now has a name that the next opener removes; the error that led here matters more.
    await Promise.allSettled(paths.map((path) => files.remove(path)))
  }
}

/**
 * Removes the temporary files of earlier epochs. A stalled former holder that checked its lease before it lost it
 * can no longer link what it had prepared: what it managed to link is there to be read now, and nothing comes after.
 */
export async function removeTemporaries(files: FileSystem, folder: string, before: number): Promise<void> {
  for (const { name } of (await files.list(folder)) ?? []) {
    const epoch = temporary.exec(name)?.[1]
    if (epoch !== undefined && Number(epoch) < before) await files.remove(join(folder, name))
  }
}

/** Makes a folder durable, with the missing ones above it; also one that an earlier process made and died before that. */
export async function ensureFolder(files: FileSystem, path: string, mode = 0o777): Promise<void> {
  const parent = dirname(path)
  let made = await files.makeFolder(path, mode)
  if (made === 'missing' && parent !== path) {
    await ensureFolder(files, parent)
    made = await files.makeFolder(path, mode)
  }
  if (made === 'missing') throw new Error(`${path}: the folder can't be made, because ${parent} disappeared`)
  await files.syncFolder(parent)
}

async function stage(
  files: FileSystem,
  { folder, name, content, isPrivate }: NewEntry,
  epoch: number,
): Promise<string> {
  const path = join(folder, `.${name}.${epoch}-${crypto.randomUUID()}.sluice.tmp`)
  const file = await files.create(path, isPrivate === true ? 0o600 : 0o666)
  try {
    await file.write(typeof content === 'string' ? Buffer.from(content) : content)
    await file.sync()
  } finally {
    await file.close()
  }
  return path
}

async function publish(files: FileSystem, path: string, entry: NewEntry, rules: PutRules): Promise<void> {
  const target = join(entry.folder, entry.name)
  if (!(await files.link(path, target))) throw rules.taken(target)
}
