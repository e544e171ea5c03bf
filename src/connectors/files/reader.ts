import { asyncScheduler } from 'rxjs'
import { OptionError } from '../../errors.ts'
import type { ReplayableReader } from '../../source.ts'
import { nodeFiles } from '../manifest/files.ts'
import { arrivals } from './arrivals.ts'
import { cleanUp } from './clean-up.ts'
import { byAge, type FoundFile, listFiles } from './listing.ts'
import { manifestLister } from './manifest-listing.ts'
import type { FilesSettings } from './options.ts'
import { partitionReader } from './read-slice.ts'
import type { RowPlan } from './row-maker.ts'
import { refuseOlderState, SeenFiles } from './seen-files.ts'
import { type FilesPartition, slicesOf } from './slices.ts'

/** How many files were seen before this position, in the order in which the source saw them. */
export interface FilesOffset {
  readonly files: number
}

/** Files that a batch takes when the query sets no limit. */
const defaultMaxFiles = 1_000

export function isSplittable({ format, compression }: FilesSettings): (path: string) => boolean {
  return (path) => format === 'jsonLines' && compression(path) === 'none'
}

/** Lists the files that are there, in the order in which they are taken. */
function listerOf({ path, glob, manifest }: FilesSettings): () => Promise<FoundFile[]> {
  return manifest ? manifestLister(path) : async () => (await listFiles(path, glob)).sort(byAge)
}

/** The partitions of all files that are there now. */
export async function allPartitions(settings: FilesSettings): Promise<FilesPartition[]> {
  return slicesOf(await listerOf(settings)(), settings.splitBytes, isSplittable(settings))
}

/** @throws OptionError without a state folder. */
export function filesReader(
  settings: FilesSettings,
  plan: RowPlan,
): ReplayableReader<FilesOffset, FilesPartition, object> {
  const { path, glob, state: folder } = settings
  if (folder === undefined)
    throw new OptionError(
      'files: a stream needs the option "state": a folder where it keeps which files it has seen, best beside the checkpoint',
    )
  const seen = new SeenFiles(nodeFiles, { ...settings, folder })
  const tidy = cleanUp(settings)
  const list = listerOf(settings)
  let hasLooked = false
  let hasWarned = false

  /** A limit that is not kept must not look like one that is. */
  const warnOfRows = (maxRows: number): void => {
    if (maxRows === Infinity || hasWarned) return
    hasWarned = true
    process.emitWarning(
      `files: the limit maxRows (${maxRows}) has no effect on ${path}: how many rows a file has is known when it was read; maxFiles and maxBytes cut batches`,
      'SluiceWarning',
    )
  }

  const look = async (): Promise<void> => {
    await seen.load()
    await seen.add(await list())
    hasLooked = true
  }
  // What changes the list of seen files goes one after the other: the head is also asked for beside a batch.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(step: () => Promise<T>): Promise<T> => {
    const mine = turn.then(step, step)
    turn = mine.catch(() => undefined)
    return mine
  }

  return {
    initialOffset: () =>
      inTurn(async () => {
        if (settings.existing === 'read') return { files: 0 }
        await look()
        return { files: seen.count }
      }),
    latestOffset: (start, { maxRows, maxFiles, maxBytes }) =>
      inTurn(async () => {
        warnOfRows(maxRows)
        await seen.load()
        refuseOlderState(seen.count, start.files, folder)
        const within = (): number => {
          let [count, bytes, end] = [0, 0, start.files]
          for (const { ordinal, size } of seen.between(start.files, seen.count)) {
            if (count >= maxFiles || (count > 0 && bytes + size > maxBytes)) return end
            count++
            bytes += size
            end = ordinal + 1
          }
          return seen.count
        }
        // A full batch of what was seen before needs no look.
        if (!hasLooked || within() === seen.count) await look()
        return { files: within() }
      }),
    partitions: (start, end) =>
      inTurn(async () => {
        await seen.load()
        return slicesOf(seen.between(start.files, end.files), settings.splitBytes, isSplittable(settings))
      }),
    read: partitionReader(settings, plan),
    compare: (a, b) => a.files - b.files,
    reportLatestOffset: () =>
      inTurn(async () => {
        await seen.load()
        return { files: hasLooked ? seen.count : seen.countWith(await list()) }
      }),
    commit: (end) =>
      inTurn(async () => {
        await seen.load()
        refuseOlderState(seen.count, end.files, folder)
        seen.forget(await tidy(seen.between(0, end.files)))
        await seen.compact(end.files)
      }),
    defaultLimit: { maxFiles: defaultMaxFiles },
    available: arrivals(path, glob.depth > 0, settings.settleMs, asyncScheduler),
    repeatable: settings.missing === 'fail',
  }
}
