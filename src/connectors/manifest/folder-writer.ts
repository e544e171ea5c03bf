import { join } from 'node:path'
import type { Batch } from '../../batch.ts'
import { PortError } from '../../errors.ts'
import type { StreamWriter } from '../../sink.ts'
import { warnOfNewSink } from '../../sink-gap.ts'
import { type PartFile, refuseOtherRange } from './entry.ts'
import { claimEpoch, refuseWhenReplaced } from './fence.ts'
import type { Files } from './files.ts'
import { type Layout, layoutOf, partName } from './layout.ts'
import { Manifest } from './manifest.ts'
import type { MakePartFormat, PartFormat } from './part-format.ts'
import { partWriter } from './part-writer.ts'

/** What a folder of files is like. */
export interface FolderOptions {
  readonly path: string
  readonly format: MakePartFormat
  /** @default Infinity: one file a partition */
  readonly maxFileBytes?: number
}

/**
 * Adds each batch to a folder whole and once: **transactional**.
 *
 *     part-0000000007-00000-<uuid>.jsonl         rows of batch 7, partition 0: whole files of committed batches, nothing else
 *     _manifest/<query>/<sink>/7.json            the batch's entry: its files with their rows and bytes. Its existence is the commit
 *     _staging/<query>/<sink>/…                  files on their way
 *
 * A partition is written and synced under `_staging`; the commit puts the entry there (synced, put-if-absent, one a batch also where
 * it has no rows); then the files get their names in the folder.
 */
export function folderWriter(
  { path, format: make, maxFileBytes = Infinity }: FolderOptions,
  files: Files,
): StreamWriter<object, readonly PartFile[]> {
  let run:
    | { readonly layout: Layout; readonly manifest: Manifest; readonly epoch: number; readonly format: PartFormat }
    | undefined
  let isFirst = true
  const started = () => {
    if (run === undefined) throw new PortError('the writer of a folder is used before it was started')
    return run
  }

  return {
    guarantee: 'transactional',
    start: async ({ queryId, sinkId, epoch, schema }) => {
      const format = await make(schema)
      const layout = layoutOf(path, queryId, sinkId)
      await files.makeFolder(layout.staging, path)
      await files.makeFolder(layout.epochs, path)
      await claimEpoch(files, layout, epoch)
      const manifest = new Manifest(files, layout, { queryId, sinkId, epoch })
      await manifest.sweep(0)
      run = { layout, manifest, epoch, format }
    },
    begin: async (batch) => {
      const { manifest } = started()
      const entry = await manifest.find(batch.batchId)
      if (isFirst && batch.batchId > 0 && (await manifest.isEmpty())) warnOfNewSink(path, batch.batchId)
      isFirst = false
      if (entry === undefined) return 'write'
      refuseOtherRange(entry, batch, manifest.pathOf(batch.batchId))
      return 'committed'
    },
    open: ({ batchId, partitionId, report }) => {
      const { layout, format } = started()
      const numbered = maxFileBytes < Infinity
      const name = (index: number): string => {
        const unique = numbered ? `${String(index).padStart(5, '0')}-${crypto.randomUUID()}` : crypto.randomUUID()
        return partName(batchId, partitionId, unique, format.extension)
      }
      return partWriter(files, format, { staging: layout.staging, name, maxFileBytes }, report)
    },
    commit: async (messages, batch) => {
      const { layout, manifest, epoch } = started()
      await refuseWhenReplaced(files, layout, epoch)
      await files.syncFolder(layout.staging)
      const entry = (await manifest.find(batch.batchId)) ?? (await manifest.put(committed(messages, batch)))
      if (entry.epoch > epoch) await refuseWhenReplaced(files, layout, epoch)
      refuseOtherRange(entry, batch, manifest.pathOf(batch.batchId))
      await manifest.publish(entry)
      await manifest.sweep(batch.batchId)
    },
    abort: async (messages) => {
      for (const { name } of messages.flatMap((message) => message ?? []))
        await files.remove(join(started().layout.staging, name))
    },
    stop: () => run?.format.close?.(),
  }
}

function committed(messages: readonly (readonly PartFile[])[], { batchId, start, end }: Batch) {
  return { batchId, outcome: 'committed', start, end, files: messages.flat() } as const
}
