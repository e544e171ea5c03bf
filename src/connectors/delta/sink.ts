import type { Batch } from '../../batch.ts'
import { OptionError, PortError } from '../../errors.ts'
import { rowChecker } from '../../schema.ts'
import type { StartContext, StreamWriter } from '../../sink.ts'
import { warnOfNewSink, warnOfOldCheckpoint } from '../../sink-gap.ts'
import type { Action } from './actions.ts'
import { type DeltaFile, dataFiles, type FileLayout } from './data-files.ts'
import { DeltaLog } from './log.ts'
import type { DeltaSettings } from './options.ts'
import { fromLogPath, toLogPath } from './partition-values.ts'
import { Staging } from './staging.ts'
import { codeOf } from './storage.ts'
import { DeltaTable } from './table.ts'

/** The sink id that a query has when it has one sink. */
const onlySink = 'main'

interface Run {
  readonly appId: string
  readonly table: DeltaTable
  readonly staging: Staging
  readonly layout: FileLayout
}

/** Writes batches to a table: files on the side, then their names and the batch's id in one entry of the log. */
export function deltaWriter(settings: DeltaSettings): StreamWriter<object, readonly DeltaFile[]> {
  let run: Run | undefined
  let isFirst = true
  const started = (): Run => {
    if (run === undefined) throw new PortError('deltaTable: the writer is used before it was started')
    return run
  }
  return {
    guarantee: 'transactional',
    start: async (context) => {
      if (settings.version !== undefined)
        throw new OptionError('deltaTable: option "version" is for reading; rows go to the last version')
      run = await startRun(settings, context)
    },
    begin: async ({ batchId }) => {
      const { appId, table } = started()
      const last = (await table.log.update())?.txns.get(appId)?.version
      if (isFirst) warnOfGap(settings.path, last, batchId)
      isFirst = false
      return last !== undefined && last >= batchId ? 'committed' : 'write'
    },
    open: (context) => {
      const { layout, staging } = started()
      return dataFiles(settings, layout, staging, context)
    },
    commit: (messages, batch) => commit(settings, started(), messages.flat(), batch),
    abort: async (messages, { batchId }) => {
      for (const { path } of messages.flatMap((message) => message ?? [])) await started().staging.drop(batchId, path)
    },
    stop: async () => {
      await settings.parquet.close?.()
    },
  }
}

/** Table and checkpoint are of different age. Spark's sink goes on without a word, and so must a query that was Spark's; but it says so. */
function warnOfGap(path: string, last: number | undefined, batchId: number): void {
  if (last === undefined && batchId > 0) warnOfNewSink(path, batchId)
  if (last !== undefined && last > batchId) warnOfOldCheckpoint(path, last, batchId)
}

async function startRun(settings: DeltaSettings, { queryId, sinkId, epoch, schema }: StartContext): Promise<Run> {
  const { path } = settings
  const fields = (settings.schema ?? schema)?.fields
  if (fields === undefined)
    throw new OptionError(
      'deltaTable: it needs the columns of the rows: state them by .as(schema), or by the option "schema"',
    )
  const appId = settings.appId ?? (sinkId === onlySink ? queryId : `${queryId}/${sinkId}`)
  const staging = new Staging(path, appId, epoch)
  const table = new DeltaTable(settings, new DeltaLog(path), staging)
  try {
    await staging.claim()
    const { metaData } = await table.prepare(fields)
    const layout = { fields, partitionBy: metaData.partitionColumns, misfit: rowChecker({ fields }) }
    const run = { appId, table, staging, layout }
    await sweep(run)
    return run
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'].includes(codeOf(cause) ?? ''))
      throw new OptionError(`deltaTable: the folder ${path} can't be written: ${(error as Error).message}`, { cause })
    throw error
  }
}

async function commit(
  settings: DeltaSettings,
  run: Run,
  files: readonly DeltaFile[],
  { batchId }: Batch,
): Promise<void> {
  const { appId, table, staging, layout } = run
  await staging.refuseWhenReplaced()
  const before = await table.log.update()
  if ((before?.txns.get(appId)?.version ?? -1) < batchId) {
    const paths = files.map(({ path }) => path)
    await staging.publish(batchId, paths)
    const done = await table.append({ appId, version: batchId }, (state) => {
      refuseOtherTable(settings, table, state, layout)
      return files.map(toAdd)
    })
    if (done === 'committed') {
      const named = new Set(paths)
      return staging.forget(batchId, (path) => named.has(path))
    }
  }
  await sweep(run)
}

/** While the files were written, the table may have become another one. */
function refuseOtherTable(
  { path }: DeltaSettings,
  table: DeltaTable,
  state: Parameters<DeltaTable['check']>[0],
  { fields, partitionBy }: FileLayout,
): void {
  const { added } = table.check(state, fields)
  const { partitionColumns } = state.metaData
  if (added.length > 0 || JSON.stringify(partitionColumns) !== JSON.stringify(partitionBy))
    throw new PortError(`${path}: the table was changed while this batch was written; start the query again`)
}

function toAdd({ path, partitionValues, size, modificationTime, stats }: DeltaFile): Action {
  return { add: { path: toLogPath(path), partitionValues, size, modificationTime, dataChange: true, stats } }
}

/**
 * Removes what killed processes and replaced writers left of batches that the log has: nobody can commit those once more, so a file of theirs that
 * it doesn't name belongs to nobody. What they left of the batch under way stays until that is in the log: a writer that was thought dead may be about to
 * commit it, and an entry must never name what is gone.
 */
async function sweep({ appId, table, staging }: Run): Promise<void> {
  const last = (await table.log.update())?.txns.get(appId)?.version ?? -1
  const over = (await staging.batches()).filter((batchId) => batchId <= last)
  if (over.length === 0) return
  const left = new Set<string>()
  for (const batchId of over) for (const path of await staging.filesOf(batchId)) left.add(path)
  const named = new Set<string>()
  if (left.size > 0) {
    const { start } = await table.log.startAt(undefined)
    for await (const { action } of table.log.actionsOf(start)) {
      const path = fromLogPath(action.add?.path ?? action.remove?.path ?? '')
      if (path !== undefined && left.has(path)) named.add(path)
    }
  }
  for (const batchId of over) await staging.forget(batchId, (path) => named.has(path))
}
