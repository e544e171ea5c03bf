import { join } from 'node:path'
import { CheckpointCorruptError, LeaseLostError } from '../errors.ts'
import { type NewEntry, putAll } from './durable-files.ts'
import { type FileLayout, initialName, journalName } from './file-layout.ts'
import type { Lease } from './file-lease.ts'
import type { FolderState } from './file-read.ts'
import type { FileSystem } from './file-system.ts'
import type { LogEntry } from './log.ts'
import { formatOffset } from './offset-text.ts'
import { encodePlan } from './plan-text.ts'
import { commitText, formatOffsets } from './spark-files.ts'

export interface FileLogContext {
  readonly files: FileSystem
  readonly layout: FileLayout
  readonly lease: Lease
  readonly retain: number
  /** Milliseconds. */
  readonly now: () => number
}

/** Writes the entries of an open log, and drops the oldest ones. */
export class FileLog {
  readonly #context: FileLogContext
  readonly #sources: readonly string[]
  readonly #journals: Map<number, number>
  /** The batch whose `offsets` Spark wrote: its plan quotes that file, which stays as it is. */
  readonly #adopted: { readonly batchId: number; readonly text: string } | undefined
  #oldest: number

  constructor(context: FileLogContext, state: FolderState) {
    this.#context = context
    this.#sources = state.position.sources
    this.#journals = new Map(state.journals)
    this.#oldest = state.oldest
    const { unplanned } = state.recovered
    if (unplanned !== undefined && state.lastOffsets !== undefined)
      this.#adopted = { batchId: unplanned.batchId, text: state.lastOffsets }
  }

  async append(entries: readonly LogEntry[]): Promise<void> {
    const { lease, retain } = this.#context
    if (entries.length === 0) return
    try {
      await this.put(entries.flatMap((entry) => this.#filesOf(entry)))
    } catch (error) {
      await this.#explain(error)
    }
    // Who lost the lease meanwhile must not go on to read and write the batch.
    await lease.assertHeld()
    for (const entry of entries) {
      if (entry.kind === 'journal') this.#journals.set(entry.batchId, entry.chunk + 1)
      if (entry.kind === 'plan') await this.#purge(entry.plan.batchId - retain)
    }
  }

  put(entries: readonly NewEntry[]): Promise<void> {
    const { files, lease } = this.#context
    return putAll(files, entries, {
      epoch: lease.epoch,
      beforeLinks: lease.assertHeld,
      taken: (path) =>
        new CheckpointCorruptError(
          `${path}: expected no such file yet; another process, which doesn't look at the lease, writes into this checkpoint`,
        ),
    })
  }

  /** How many journal records a batch has. */
  journal(batchId: number): number {
    return this.#journals.get(batchId) ?? 0
  }

  /** A new holder removes the temporary files of the one before, who then finds them missing. */
  async #explain(error: unknown): Promise<never> {
    const lost = await this.#context.lease.assertHeld().catch((reason: unknown) => reason)
    throw lost instanceof LeaseLostError ? lost : error
  }

  #filesOf(entry: LogEntry): readonly NewEntry[] {
    const { layout, now } = this.#context
    switch (entry.kind) {
      case 'initial':
        return [
          { folder: layout.own, name: initialName, content: `v1\n${formatOffset(entry.offset, 'initial offset')}` },
        ]
      case 'journal':
        return [
          {
            folder: layout.journals,
            name: journalName(entry.batchId, entry.chunk),
            content: entry.rows,
            isPrivate: true,
          },
        ]
      case 'plan': {
        const { batchId, end } = entry.plan
        const isAdopted = this.#adopted?.batchId === batchId
        const offsets = isAdopted ? this.#adopted.text : formatOffsets(now(), this.#sources, end)
        const plan = { folder: layout.plans, name: String(batchId), content: encodePlan({ ...entry.plan, offsets }) }
        return isAdopted ? [plan] : [plan, { folder: layout.offsets, name: String(batchId), content: offsets }]
      }
      case 'done': {
        const name = String(entry.batchId)
        const commit = { folder: layout.commits, name, content: commitText }
        return entry.outcome === 'abandoned' ? [{ folder: layout.abandoned, name, content: 'v1' }, commit] : [commit]
      }
    }
  }

  /**
   * Drops the batches below `end`, from the oldest upward, so that a crash leaves no gap: the removal of one batch is durable before that
   * of the next begins. One batch at a time needs no sync for that, the next entries of the same folders bring it.
   */
  async #purge(end: number): Promise<void> {
    const { files, layout } = this.#context
    const many = end - this.#oldest > 1
    for (; this.#oldest < end; this.#oldest++) {
      const id = String(this.#oldest)
      const journal = Array.from({ length: this.journal(this.#oldest) }, (_, chunk) =>
        join(layout.journals, journalName(this.#oldest, chunk)),
      )
      const sidecars = [layout.offsets, layout.commits].map((folder) => join(folder, `.${id}.crc`)) // Hadoop's; a stale one would be an error to Spark
      const entries = [layout.offsets, layout.commits, layout.plans, layout.abandoned].map((folder) => join(folder, id))
      await Promise.all([...entries, ...sidecars, ...journal].map((path) => files.remove(path)))
      this.#journals.delete(this.#oldest)
      if (many)
        await Promise.all([layout.offsets, layout.commits, layout.plans].map((folder) => files.syncFolder(folder)))
    }
  }
}
