import { OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import type { Checkpoint, CheckpointSession } from './checkpoint.ts'
import { ensureFolder, type NewEntry, removeTemporaries } from './durable-files.ts'
import { readJournal } from './file-journals.ts'
import { fileLayout, metadataName, sourcesName } from './file-layout.ts'
import { freeEpoch, type Lease, type LeaseFolder, lockedMeanwhile, takeLease } from './file-lease.ts'
import { FileLog } from './file-log.ts'
import { type FolderState, readFolder } from './file-read.ts'
import { type FileSystem, nodeFileSystem } from './file-system.ts'
import { defaultRetain, type RetainOption, retainRule } from './options.ts'
import { nodeProcesses, type Processes } from './process-identity.ts'
import { startSession } from './session.ts'
import { formatMetadata } from './spark-files.ts'

/** Options of {@link fileCheckpoint}. */
export interface FileCheckpointOptions extends RetainOption {
  /**
   * Take the lease even from a process that may still run; that one then writes nothing more and fails with `LeaseLostError`.
   * For places where it can't be seen whether the former process is gone (another machine, another container) and something else
   * makes sure that only one runs.
   * @default false
   */
  readonly takeOver?: boolean
}

/** What surrounds the checkpoint; tests bring their own. */
export interface FileCheckpointHost {
  readonly files: FileSystem
  readonly processes: Processes
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * A checkpoint in a folder, in the layout of Spark's v1 (`metadata`, `offsets/N`, `commits/N`), so that a pipeline without state can move
 * between Spark and sluice. What Spark doesn't keep lies in `_sluice/`. The file system must know hard links.
 *
 * That a batch is done is written when its sink has committed; into a transactional sink, from a source without `commit` whose `latestOffset` answers at once and has
 * more, in one go with the next plan. A process that is killed before that replays the batch, which the sink skips, also when its progress was told.
 *
 * A second process gets a `CheckpointLockedError` while the first one runs; what a killed process left behind doesn't block.
 * @param dir made when it is missing.
 */
export function fileCheckpoint(dir: string, options: FileCheckpointOptions = {}): Checkpoint {
  return fileCheckpointOn({ files: nodeFileSystem, processes: nodeProcesses, now: Date.now }, dir, options)
}

export function fileCheckpointOn(host: FileCheckpointHost, dir: string, options: FileCheckpointOptions): Checkpoint {
  if (typeof dir !== 'string' || dir === '')
    throw new OptionError('fileCheckpoint: the folder must be a string that is not empty')
  validateOptions('fileCheckpoint', options, { retain: retainRule, takeOver: rules.boolean })
  const retain = options.retain ?? defaultRetain
  const takeOver = options.takeOver ?? false
  const { files, processes, now } = host
  const layout = fileLayout(dir)
  const at: LeaseFolder = { files, processes, name: `checkpoint ${dir}`, folder: layout.lease, now }
  const folders = [layout.offsets, layout.commits, layout.own, layout.plans, layout.abandoned]

  /** Refuses without having touched anything. */
  const inspect = async (sources: readonly string[]): Promise<{ last: number; isNew: boolean }> => {
    const last = await freeEpoch(at, takeOver)
    try {
      const { queryId } = await readFolder(files, layout, sources)
      return { last, isNew: queryId === undefined }
    } catch (error) {
      // What looks corrupt may be a checkpoint that another process has just begun to write.
      if ((await freeEpoch(at, takeOver)) !== last) throw lockedMeanwhile(at)
      throw error
    }
  }

  /** Reads again, now that nobody else writes. */
  const prepare = async (
    lease: Lease,
    sources: readonly string[],
  ): Promise<{ log: FileLog; state: FolderState; queryId: string }> => {
    for (const folder of [layout.root, ...folders, layout.journals]) await removeTemporaries(files, folder, lease.epoch)
    const state = await readFolder(files, layout, sources)
    for (const folder of folders) await ensureFolder(files, folder)
    await ensureFolder(files, layout.journals, 0o700)
    for (const path of state.leftovers) {
      await lease.assertHeld() // a later holder may have given the name to something else
      await files.remove(path)
    }
    const log = new FileLog({ files, layout, lease, retain, now }, state)
    const queryId = state.queryId ?? crypto.randomUUID()
    const missing: NewEntry[] = []
    if (state.queryId === undefined)
      missing.push({ folder: layout.root, name: metadataName, content: formatMetadata(queryId) })
    if (state.sources === undefined)
      missing.push({ folder: layout.own, name: sourcesName, content: `v1\n${JSON.stringify(sources)}` })
    await log.put(missing)
    return { log, state, queryId }
  }

  const open = async (sources: readonly string[]): Promise<CheckpointSession> => {
    const { last, isNew } = await inspect(sources)
    if (isNew) await ensureFolder(files, layout.root)
    for (const folder of [layout.own, layout.lease]) await ensureFolder(files, folder)
    const lease = await takeLease(at, last)
    const { log, state, queryId } = await orElse(prepare(lease, sources), lease.withdraw)
    await orElse(lease.settle(), lease.release)
    const session = startSession(
      {
        name: at.name,
        epoch: lease.epoch,
        queryId,
        recovered: state.recovered,
        position: { ...state.position, queryId },
      },
      { append: (entries) => log.append(entries), release: lease.release },
    )
    let turn: Promise<unknown> = Promise.resolve()
    const inTurn = <T>(work: () => T | Promise<T>): Promise<T> => {
      const result = turn.then(work)
      turn = result.catch(() => {}) // it reaches its own caller; the session refuses what follows
      return result
    }
    return {
      ...session,
      write: (records) => inTurn(() => session.write(records)),
      retain,
      readJournal: (batchId) => readJournal(files, layout, batchId, log.journal(batchId)),
      close: () => inTurn(() => session.close()),
    }
  }
  return { open: ({ sources }) => open([...sources]) }
}

async function orElse<T>(work: Promise<T>, undo: () => Promise<void>): Promise<T> {
  try {
    return await work
  } catch (error) {
    await undo()
    throw error
  }
}
