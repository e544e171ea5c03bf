import type { FileHandle } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { nodeFsPromises } from '../../builtins.ts'
import { CheckpointCorruptError, OptionError } from '../../errors.ts'
import { type Entry, type PartFile, parseEntry } from '../manifest/entry.ts'
import { nodeFiles as files, when } from '../manifest/files.ts'
import { batchOfEntry, entryName, manifestFolder, stagingFolder } from '../manifest/layout.ts'

/** A row as JSON holds it: dates, bigints and bytes are strings. */
export type JsonRow = Readonly<Record<string, unknown>>

/**
 * The committed rows of a folder that {@link jsonLines} writes: of each batch all or nothing, each once; batches in order,
 * within a batch by partition. Where several queries or sinks write, one after the other. A batch that is committed while this runs may or may not be among them.
 * Reads by pieces: memory doesn't grow with the folder.
 * @throws OptionError when nothing was ever written there.
 * @throws CheckpointCorruptError when a file that was committed is gone or was changed.
 */
export async function* readJsonLines<Row extends object = JsonRow>(path: string): AsyncGenerator<Row, void, undefined> {
  const folder = resolve(path)
  for await (const { entry, where, staging } of entriesOf(folder)) {
    for (const file of entry.files) {
      const handle = await openPart(join(folder, file.name), join(staging, file.name))
      if (handle === undefined)
        throw new CheckpointCorruptError(`${where}: expected the file ${file.name}, which it lists, found none`)
      try {
        yield* rowsOf<Row>(handle, file, where)
      } finally {
        await handle.close()
      }
    }
  }
}

async function* entriesOf(folder: string): AsyncGenerator<{ entry: Entry; where: string; staging: string }> {
  const manifest = join(folder, manifestFolder)
  if (!(await files.exists(manifest)))
    throw new OptionError(`readJsonLines: expected a folder that jsonLines writes, and there is no ${manifest}`)
  for (const query of (await files.list(manifest)).sort()) {
    for (const sink of (await files.list(join(manifest, query))).sort()) {
      const names = await files.list(join(manifest, query, sink))
      const batches = names.map(batchOfEntry).filter((batchId) => batchId !== undefined)
      for (const batchId of batches.sort((a, b) => a - b)) {
        const where = join(manifest, query, sink, entryName(batchId))
        const text = await files.read(where)
        if (text === undefined)
          throw new CheckpointCorruptError(`${where}: expected a manifest entry, and it was removed meanwhile`)
        yield { entry: parseEntry(text, where, { batchId }), where, staging: join(folder, stagingFolder, query, sink) }
      }
    }
  }
}

/** Its commit may give a file its name in the folder at any moment, and takes the one in staging away after that. */
async function openPart(shown: string, staged: string): Promise<FileHandle | undefined> {
  for (const path of [shown, staged, shown]) {
    const handle = await nodeFsPromises().open(path).catch(when('ENOENT', undefined))
    if (handle !== undefined) return handle
  }
  return undefined
}

async function* rowsOf<Row extends object>(handle: FileHandle, file: PartFile, where: string): AsyncGenerator<Row> {
  const refuse = (found: string) =>
    new CheckpointCorruptError(
      `${where}: expected ${file.rows} rows in ${file.bytes} bytes in ${file.name}, found ${found}`,
    )
  const { size } = await handle.stat()
  if (size !== file.bytes) throw refuse(`${size} bytes`)
  let rows = 0
  let rest = ''
  // Not readline, which takes U+2028 inside a string for the end of a line.
  for await (const text of handle.createReadStream({ encoding: 'utf8', autoClose: false })) {
    const lines = (rest + text).split('\n')
    rest = lines.pop() as string
    for (const line of lines) {
      rows++
      yield parseRow<Row>(line, refuse)
    }
  }
  if (rows !== file.rows || rest !== '') throw refuse(`${rows} lines${rest === '' ? '' : ' and an unfinished one'}`)
}

function parseRow<Row>(line: string, refuse: (found: string) => Error): Row {
  try {
    return JSON.parse(line)
  } catch {
    throw refuse('a line that is not JSON')
  }
}
