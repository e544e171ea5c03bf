import { join } from 'node:path'
import { DeltaStorageError, DeltaTableError, describeError, SluiceError } from '../../errors.ts'
import type { Field } from '../../schema/data-type.ts'
import type { BatchReader } from '../../source.ts'
import { readParquet } from '../parquet/read.ts'
import type { Add } from './actions.ts'
import { DeltaLog } from './log.ts'
import type { DeltaSettings } from './options.ts'
import { fromLogPath, parseValue } from './partition-values.ts'
import { refuseUnreadable } from './protocol.ts'
import { codeOf } from './storage.ts'
import { compareSchemas, fieldsOf } from './table-schema.ts'

/** One file of a table. */
export interface DeltaPartition {
  /** Below the table's folder, as it is on disk. */
  readonly path: string
  readonly partitionValues: Readonly<Record<string, string | null>>
  /** Bytes. */
  readonly size: number
}

/** Reads a table's version from end to end: a file is a partition. */
export function deltaReader(settings: DeltaSettings): BatchReader<DeltaPartition, Record<string, unknown>> {
  const { path: table, version } = settings
  let columns: Columns | undefined
  return {
    partitions: async () => {
      const log = new DeltaLog(table)
      const state = await log.stateAt(version)
      refuseUnreadable(table, state.protocol, state.metaData)
      const all = fieldsOf(table, state.metaData)
      const fields = settings.schema?.fields ?? all
      // What is asked for must be there or be null; what else is there isn't asked for.
      compareSchemas(table, all.map(asNullable), fields.map(asNullable))
      columns = { fields, partitionBy: state.metaData.partitionColumns, all }
      return liveFiles(table, log, state.version)
    },
    read: (partition) => readFile(table, partition, columns as Columns),
    partitionKey: ({ path }) => path,
  }
}

interface Columns {
  readonly fields: readonly Field[]
  readonly partitionBy: readonly string[]
  readonly all: readonly Field[]
}

function asNullable(field: Field): Field {
  return { ...field, nullable: true }
}

async function liveFiles(table: string, log: DeltaLog, version: number): Promise<readonly DeltaPartition[]> {
  const { start } = await log.startAt(version)
  const live = new Map<string, Add>()
  for await (const { action } of log.actionsOf(start)) {
    if (action.add !== undefined) live.set(action.add.path, action.add)
    else if (action.remove !== undefined) live.delete(action.remove.path)
  }
  return [...live.values()].map(({ path, partitionValues, size, deletionVector }) => {
    if (deletionVector !== undefined && deletionVector !== null)
      throw new DeltaTableError(
        `${table}: the table can't be read here, because it uses what isn't supported: deletionVectors`,
      )
    const plain = fromLogPath(path)
    if (plain === undefined)
      throw new DeltaTableError(`${table}: the file ${JSON.stringify(path)} is not below the table's folder`)
    return { path: plain, partitionValues, size }
  })
}

async function* readFile(
  table: string,
  { path, partitionValues }: DeltaPartition,
  { fields, partitionBy, all }: Columns,
): AsyncGenerator<readonly Record<string, unknown>[]> {
  const file = join(table, path)
  const stored = fields.filter(({ name }) => !partitionBy.includes(name))
  const constant = fields
    .filter(({ name }) => partitionBy.includes(name))
    .map(({ name }) => {
      const type = all.find((field) => field.name === name)?.type ?? { kind: 'string' as const }
      return [
        name,
        parseValue(type, partitionValues[name], `${table}: column ${JSON.stringify(name)} of ${path}`),
      ] as const
    })
  try {
    for await (const rows of readParquet(file, stored)) {
      yield constant.length === 0 ? rows : rows.map((row) => withConstants(row, fields, constant))
    }
  } catch (error) {
    if (error instanceof SluiceError) throw error
    const code = codeOf(error)
    if (code === 'ENOENT')
      throw new DeltaTableError(`${file}: the table's log names this file, and it is not there`, { cause: error })
    if (code !== undefined)
      throw new DeltaStorageError(`${file}: can't read the file: ${describeError(error)}`, { cause: error })
    throw new DeltaTableError(`${file}: the file can't be read as Parquet: ${describeError(error)}`, { cause: error })
  }
}

/** In the order of the columns. */
function withConstants(
  row: Readonly<Record<string, unknown>>,
  fields: readonly Field[],
  constant: readonly (readonly [string, unknown])[],
): Record<string, unknown> {
  const values = new Map(constant)
  return Object.fromEntries(fields.map(({ name }) => [name, values.has(name) ? values.get(name) : row[name]]))
}
