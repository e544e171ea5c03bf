import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { LeaseLostError, OptionError, SchemaError } from '../../errors.ts'
import type { Field } from '../../schema/data-type.ts'
import { ddlText } from '../../schema/ddl-text.ts'
import { toSparkJson } from '../../schema/spark-json.ts'
import { type Action, isRecord, type MetaData } from './actions.ts'
import { writeCheckpoint } from './checkpoint-write.ts'
import type { DeltaLog } from './log.ts'
import { checkpointName, logFolder } from './log-names.ts'
import type { DeltaSettings } from './options.ts'
import { checkPartitioning } from './options.ts'
import { plainProtocol, refuseUnwritable } from './protocol.ts'
import type { TableState } from './snapshot.ts'
import type { Staging } from './staging.ts'
import { linkIfAbsent, makeFolder, putDurable, removeFile } from './storage.ts'
import { compareSchemas, fieldsOf, mismatch } from './table-schema.ts'

/** As often as others may commit between our look at the log and our entry, before this is taken for a mistake. */
const mostConflicts = 1_000
/** Versions between checkpoints when the table doesn't say. */
const checkpointEvery = 10

/** One table, for one writer. */
export class DeltaTable {
  readonly #settings: DeltaSettings
  readonly #log: DeltaLog
  readonly #staging: Staging

  constructor(settings: DeltaSettings, log: DeltaLog, staging: Staging) {
    this.#settings = settings
    this.#log = log
    this.#staging = staging
  }

  get log(): DeltaLog {
    return this.#log
  }

  /**
   * Makes the table unless it is there; else holds the rows against it, and with `schemaMode: 'merge'` adds their columns.
   * @throws DeltaTableError, SchemaError, OptionError
   */
  async prepare(fields: readonly Field[]): Promise<TableState> {
    const { path, partitionBy = [] } = this.#settings
    await makeFolder(join(path, logFolder), path)
    return this.#commit((state) => {
      if (state === undefined) {
        checkPartitioning({ fields }, partitionBy)
        return [
          { commitInfo: this.#info('CREATE TABLE', { partitionBy: JSON.stringify(partitionBy) }) },
          { protocol: plainProtocol },
          { metaData: newMetaData(fields, partitionBy) },
        ]
      }
      const { fields: merged, added } = this.check(state, fields)
      if (added.length === 0) return undefined
      const schemaString = mergedSchema(state.metaData.schemaString, merged)
      const columns = JSON.stringify(added.map((field) => ddlText([field])))
      return [{ commitInfo: this.#info('ADD COLUMNS', { columns }) }, { metaData: { ...state.metaData, schemaString } }]
    })
  }

  /** @throws DeltaTableError for a table that can't be written, SchemaError for rows that don't fit it. */
  check(state: TableState, fields: readonly Field[]): ReturnType<typeof compareSchemas> {
    const { path, partitionBy, schemaMode } = this.#settings
    refuseUnwritable(path, state.protocol, state.metaData)
    const table = fieldsOf(path, state.metaData)
    const { partitionColumns } = state.metaData
    if (partitionBy !== undefined && JSON.stringify(partitionBy) !== JSON.stringify(partitionColumns))
      throw new SchemaError(
        `${path}: option "partitionBy" is ${JSON.stringify(partitionBy)}, and the table is partitioned by ${JSON.stringify(partitionColumns)}`,
      )
    const change = compareSchemas(path, table, fields)
    if (change.added.length > 0 && schemaMode === 'strict') {
      const names = change.added.map(({ name }) => JSON.stringify(name)).join(', ')
      throw mismatch(path, `the table lacks ${names}; schemaMode "merge" would add that`, table, fields)
    }
    // A table that others made may be partitioned by a column that we could only write wrong.
    if (partitionColumns.length > 0) checkPartitioning({ fields: change.fields }, partitionColumns)
    return change
  }

  /**
   * Adds a batch, unless the log has it.
   * @param adds made anew for the table as it is when they are committed
   */
  async append(
    { appId, version }: { readonly appId: string; readonly version: number },
    actions: (state: TableState) => readonly Action[],
  ): Promise<'committed' | 'was there'> {
    let had = false
    const state = await this.#commit((current) => {
      if (current === undefined) throw new OptionError(`${this.#settings.path}: the table is gone`)
      had = (current.txns.get(appId)?.version ?? -1) >= version
      if (had) return undefined
      const info = this.#info('STREAMING UPDATE', { outputMode: 'Append', queryId: appId, epochId: String(version) })
      return [{ commitInfo: info }, { txn: { appId, version, lastUpdated: Date.now() } }, ...actions(current)]
    })
    if (!had) await this.#checkpoint(state)
    return had ? 'was there' : 'committed'
  }

  /** Puts the next entry, unless there is nothing to say; when somebody else was faster, asks again for the table as it has become. */
  async #commit(entry: (state: TableState | undefined) => readonly Action[] | undefined): Promise<TableState> {
    for (let attempt = 0; attempt < mostConflicts; attempt++) {
      const state = await this.#log.update()
      const actions = entry(state)
      if (actions === undefined) return state as TableState
      const version = (state?.version ?? -1) + 1
      if (await this.#put(version, actions)) {
        this.#log.committed(version, actions)
        return this.#log.state as TableState
      }
    }
    throw new Error(`${this.#settings.path}: other writers were faster ${mostConflicts} times in a row`)
  }

  async #put(version: number, actions: readonly Action[]): Promise<boolean> {
    const draft = this.#staging.temporary()
    await putDurable(draft, actions.map((action) => `${JSON.stringify(action)}\n`).join(''))
    try {
      await this.#staging.refuseWhenReplaced()
      const linked = await linkIfAbsent(draft, this.#log.pathOf(version))
      if (linked === 'missing')
        throw new LeaseLostError(`${this.#settings.path}: a later writer has started; this one commits nothing more`)
      return linked === 'linked'
    } finally {
      await removeFile(draft)
    }
  }

  /** A commit that is in the log stays a success whatever becomes of this: the next one that is due tries again. */
  async #checkpoint(state: TableState): Promise<void> {
    const every = Number(state.metaData.configuration?.['delta.checkpointInterval'] ?? checkpointEvery)
    if (!(every > 0) || state.version % every !== 0) return
    try {
      await writeCheckpoint(this.#log, state, () => this.#staging.temporary())
    } catch (error) {
      const name = checkpointName(state.version)
      process.emitWarning(`${this.#settings.path}: the checkpoint ${name} was not written: ${String(error)}`)
    }
  }

  #info(operation: string, operationParameters: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
    const readVersion = this.#log.state?.version
    return {
      timestamp: Date.now(),
      operation,
      operationParameters,
      ...(readVersion === undefined ? {} : { readVersion }),
      isBlindAppend: operation === 'STREAMING UPDATE',
      engineInfo: 'sluice',
    }
  }
}

function newMetaData(fields: readonly Field[], partitionColumns: readonly string[]): MetaData {
  return {
    id: randomUUID(),
    format: { provider: 'parquet', options: {} },
    schemaString: toSparkJson({ fields }),
    partitionColumns,
    configuration: {},
    createdTime: Date.now(),
  }
}

/** The table's schema with the new columns. What others wrote into it (metadata, lengths) stays as it is. */
function mergedSchema(before: string, fields: readonly Field[]): string {
  const ours: unknown = JSON.parse(toSparkJson({ fields }))
  return JSON.stringify(mergeJson(JSON.parse(before), ours))
}

function mergeJson(theirs: unknown, ours: unknown): unknown {
  if (!isRecord(theirs) || !isRecord(ours)) return theirs
  const [known, all] = [theirs.fields, ours.fields]
  if (Array.isArray(known) && Array.isArray(all)) {
    const fields = all.map((field: unknown, index) => (index < known.length ? mergeField(known[index], field) : field))
    return { ...theirs, fields }
  }
  const inner = ['elementType', 'valueType'].filter((name) => name in theirs)
  return { ...theirs, ...Object.fromEntries(inner.map((name) => [name, mergeJson(theirs[name], ours[name])])) }
}

function mergeField(theirs: unknown, ours: unknown): unknown {
  if (!isRecord(theirs) || !isRecord(ours)) return theirs
  return { ...theirs, type: mergeJson(theirs.type, ours.type) }
}
