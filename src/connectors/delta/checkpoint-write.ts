import { join } from 'node:path'
import { hyparquetWriter } from '../parquet/hyparquet-engine.ts'
import type { Action, Add, Remove } from './actions.ts'
import { checkpointFields } from './checkpoint-schema.ts'
import type { DeltaLog } from './log.ts'
import { checkpointName } from './log-names.ts'
import type { TableState } from './snapshot.ts'
import { linkIfAbsent, removeFile, replace } from './storage.ts'

/** For how long a table remembers removed files when it doesn't say so itself: a week. */
const rememberMs = 7 * 86_400_000
const chunkRows = 1_000

/**
 * Writes the checkpoint of a version that is in the log, and `_last_checkpoint`. What the one before it holds goes through, a chunk at a time;
 * in memory are only the paths of what changed since.
 * @param temporary makes the path of a file that nobody else has.
 */
export async function writeCheckpoint(log: DeltaLog, state: TableState, temporary: () => string): Promise<void> {
  const { version } = state
  const { start } = await log.startAt(version)
  if (start.checkpoint?.version === version) return
  const changed = new Map<string, { readonly add: Add } | { readonly remove: Remove }>()
  const since = { checkpoint: undefined, entries: start.entries }
  for await (const { action } of log.actionsOf(since)) {
    if (action.add !== undefined) changed.set(action.add.path, { add: action.add })
    else if (action.remove !== undefined) changed.set(action.remove.path, { remove: action.remove })
  }

  const draft = temporary()
  const file = await hyparquetWriter().open({
    path: draft,
    fields: checkpointFields,
    compression: 'snappy',
    rowGroupRows: 10_000,
  })
  let rows = 0
  let adds = 0
  let pending: object[] = []
  const write = async (action: Action) => {
    if (action.add !== undefined) adds++
    rows++
    pending.push(rowOf(action))
    if (pending.length < chunkRows) return
    await file.write(pending)
    pending = []
  }
  try {
    await write({ protocol: state.protocol })
    await write({ metaData: state.metaData })
    for (const txn of state.txns.values()) await write({ txn })
    const keepsLonger = state.metaData.configuration?.['delta.deletedFileRetentionDuration'] !== undefined
    const forgotten = keepsLonger ? -Infinity : Date.now() - rememberMs
    const lives = ({ remove }: Action) => remove === undefined || (remove.deletionTimestamp ?? 0) > forgotten
    for await (const { action } of log.actionsOf({ ...start, entries: [] })) {
      const path = action.add?.path ?? action.remove?.path
      if (path !== undefined && !changed.has(path) && lives(action)) await write(action)
    }
    for (const action of changed.values()) if (lives(action)) await write(action)
    await file.write(pending)
    const { bytes } = await file.finish()
    await linkIfAbsent(draft, join(log.folder, checkpointName(version)))
    const last = { version, size: rows, sizeInBytes: bytes, numOfAddFiles: adds }
    await replace(join(log.folder, '_last_checkpoint'), JSON.stringify(last), temporary())
  } catch (error) {
    await file.discard().catch(() => {}) // the error before it matters more
    throw error
  }
  await removeFile(draft)
}

function rowOf({ protocol, metaData, txn, add, remove }: Action): object {
  if (protocol !== undefined) return { protocol }
  if (metaData !== undefined) {
    const { id, name, description, format, schemaString, partitionColumns, configuration, createdTime } = metaData
    const { provider, options } = format
    return {
      metaData: {
        ...{ id, name, description, schemaString, partitionColumns },
        format: { provider, options: options ?? {} },
        configuration: configuration ?? {},
        createdTime: long(createdTime),
      },
    }
  }
  if (txn !== undefined)
    return { txn: { appId: txn.appId, version: long(txn.version), lastUpdated: long(txn.lastUpdated) } }
  if (add !== undefined) {
    const { path, partitionValues, stats, tags } = add
    // What a checkpoint holds is no change of data.
    const sizes = { size: long(add.size), modificationTime: long(add.modificationTime), dataChange: false }
    return { add: { path, partitionValues, stats, tags, ...sizes } }
  }
  if (remove !== undefined) {
    const { path, partitionValues, extendedFileMetadata } = remove
    const sizes = { size: long(remove.size), deletionTimestamp: long(remove.deletionTimestamp), dataChange: false }
    return { remove: { path, partitionValues, extendedFileMetadata, ...sizes } }
  }
  return {}
}

function long(value: number | null | undefined): bigint | null {
  return value === null || value === undefined ? null : BigInt(value)
}
