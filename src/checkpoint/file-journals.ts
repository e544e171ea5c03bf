import { join } from 'node:path'
import { CheckpointCorruptError } from '../errors.ts'
import { type FileLayout, journalName } from './file-layout.ts'
import type { FileSystem } from './file-system.ts'
import { decodeJournal } from './journal.ts'

/** The journal files, by batch. */
export async function journalsIn(
  files: FileSystem,
  layout: FileLayout,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const journals = new Map<number, string[]>()
  for (const { name } of (await files.list(layout.journals)) ?? []) {
    const batchId = /^(\d+)-\d+$/.exec(name)?.[1]
    if (batchId === undefined) continue
    const paths = journals.get(Number(batchId)) ?? []
    paths.push(join(layout.journals, name))
    journals.set(Number(batchId), paths)
  }
  return journals
}

/** The rows of a batch, one chunk a file. @throws CheckpointCorruptError when one of `records` files is missing or corrupt. */
export async function* readJournal(
  files: FileSystem,
  layout: FileLayout,
  batchId: number,
  records: number,
): AsyncGenerator<readonly unknown[], void> {
  for (let chunk = 0; chunk < records; chunk++) {
    const path = join(layout.journals, journalName(batchId, chunk))
    const bytes = await files.read(path)
    if (bytes === undefined)
      throw new CheckpointCorruptError(
        `${path}: expected journal record ${chunk + 1} of ${records}, found no such file`,
      )
    yield decodeJournal(bytes, path)
  }
}
