import { join } from 'node:path'
import { CheckpointCorruptError } from '../../errors.ts'
import { type Entry, parseEntry } from './entry.ts'
import type { Files } from './files.ts'
import { batchOfEntry, batchOfStaged, entryDraftName, entryName, type Layout } from './layout.ts'

export interface Owner {
  readonly queryId: string
  readonly sinkId: string
  readonly epoch: number
}

/** The entries of one query's sink, and the files that they list or don't. Safe with other processes at the same folders. */
export class Manifest {
  readonly #files: Files
  readonly #layout: Layout
  readonly #owner: Owner

  constructor(files: Files, layout: Layout, owner: Owner) {
    this.#files = files
    this.#layout = layout
    this.#owner = owner
  }

  pathOf(batchId: number): string {
    return join(this.#layout.entries, entryName(batchId))
  }

  /** Whether no batch has an entry. */
  async isEmpty(): Promise<boolean> {
    return !(await this.#files.list(this.#layout.entries)).some((name) => batchOfEntry(name) !== undefined)
  }

  /** The entry of a batch. Durable when there is one: its maker may have died just before it was. */
  async find(batchId: number): Promise<Entry | undefined> {
    const path = this.pathOf(batchId)
    const text = await this.#files.read(path)
    if (text === undefined) return undefined
    const { queryId, sinkId } = this.#owner
    const entry = parseEntry(text, path, { queryId, sinkId, batchId })
    await this.#files.syncFolder(this.#layout.entries)
    return entry
  }

  /** Adds an entry unless the batch has one. Answers with the one it has then, durable. */
  async put(what: Pick<Entry, 'batchId' | 'outcome' | 'files' | 'start' | 'end'>): Promise<Entry> {
    const { queryId, sinkId, epoch } = this.#owner
    const entry: Entry = { version: 1, queryId, sinkId, epoch, ...what }
    const draft = join(this.#layout.staging, entryDraftName(entry.batchId, crypto.randomUUID()))
    const file = await this.#files.create(draft)
    try {
      await file.append(`${JSON.stringify(entry)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await this.#files.link(draft, this.pathOf(entry.batchId))
    await this.#files.remove(draft)
    const held = await this.find(entry.batchId)
    if (held === undefined)
      throw new CheckpointCorruptError(
        `${this.pathOf(entry.batchId)}: expected the entry that was just made, found none`,
      )
    return held
  }

  /**
   * Shows the files of a durable entry in the sink's folder. May be repeated, also after a crash in between.
   * By a second name and not by a rename, so that at no instant a file is without a durable name.
   */
  async publish(entry: Entry): Promise<void> {
    const { data, staging } = this.#layout
    for (const { name } of entry.files) {
      const shown = join(data, name)
      if ((await this.#files.link(join(staging, name), shown)) === 'missing' && !(await this.#files.exists(shown))) {
        throw new CheckpointCorruptError(
          `${this.pathOf(entry.batchId)}: expected the file ${shown}, which it lists, found none`,
        )
      }
    }
    if (entry.files.length > 0) await this.#files.syncFolder(data)
    for (const { name } of entry.files) await this.#files.remove(join(staging, name))
  }

  /**
   * Tidies what crashes and replaced writers left: files that an entry lists are shown; files of a batch whose entry doesn't list them are removed.
   *
   * Files of a batch without an entry stay: a writer that was thought dead may be about to commit them, and an entry must never list
   * what is gone. Batches below `closedBelow` get no further entry from their query, so here they get one without files, which shuts that writer out.
   */
  async sweep(closedBelow: number): Promise<void> {
    const published = new Set<number>()
    for (const name of await this.#files.list(this.#layout.staging)) {
      const batchId = batchOfStaged(name)
      if (batchId === undefined) continue
      const entry =
        (await this.find(batchId)) ??
        (batchId < closedBelow ? await this.put({ batchId, outcome: 'abandoned', files: [] }) : undefined)
      if (entry === undefined) continue
      if (!entry.files.some((file) => file.name === name)) {
        await this.#files.remove(join(this.#layout.staging, name))
      } else if (!published.has(batchId)) {
        published.add(batchId)
        await this.publish(entry)
      }
    }
  }
}
