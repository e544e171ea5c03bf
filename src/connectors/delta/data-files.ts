import { randomUUID } from 'node:crypto'
import { RowError } from '../../errors.ts'
import type { Field } from '../../schema/data-type.ts'
import type { PartitionWriter, WriteContext } from '../../sink.ts'
import type { ParquetFile } from '../parquet/port.ts'
import type { DeltaSettings } from './options.ts'
import { folderOf, type Serialize, serializerOf } from './partition-values.ts'
import type { Staging } from './staging.ts'
import { statsJson } from './stats.ts'
import { storage } from './storage.ts'

/** A finished file of a batch that isn't committed yet. */
export interface DeltaFile {
  /** Below the table's folder, as it is on disk. */
  readonly path: string
  readonly partitionValues: Readonly<Record<string, string | null>>
  readonly rows: number
  /** Bytes. */
  readonly size: number
  /** Milliseconds since 1970. */
  readonly modificationTime: number
  /** JSON. */
  readonly stats: string
}

/** What the files of a table are like. */
export interface FileLayout {
  /** The columns of the rows, those of the partition with them. */
  readonly fields: readonly Field[]
  readonly partitionBy: readonly string[]
  /** Why a row doesn't fit, or `undefined`. */
  readonly misfit: (row: unknown) => string | undefined
}

interface OpenFile {
  readonly path: string
  readonly staged: string
  readonly values: readonly (string | null)[]
  readonly parquet: ParquetFile
}

type Row = Readonly<Record<string, unknown>>

/** Writes the rows of one partition of a batch: a file for each combination of partition values, and more where they get large. */
export function dataFiles(
  settings: DeltaSettings,
  layout: FileLayout,
  staging: Staging,
  { batchId, partitionId, report }: WriteContext,
): PartitionWriter<object, readonly DeltaFile[]> {
  const { parquet: engine, compression, rowGroupRows, targetFileBytes, maxOpenFiles } = settings
  const { partitionBy, misfit } = layout
  const fields = layout.fields.filter(({ name }) => !partitionBy.includes(name))
  const keyOf = partitionBy.length === 0 ? undefined : partitionKey(layout)
  const open = new Map<string, OpenFile>()
  const finished: DeltaFile[] = []

  const openFile = async (key: string): Promise<OpenFile> => {
    const values: readonly (string | null)[] = key === '' ? [] : JSON.parse(key)
    const name = `part-${String(partitionId).padStart(5, '0')}-${randomUUID()}.c000.${compression}.parquet`
    const path = values.length === 0 ? name : `${folderOf(partitionBy, values)}/${name}`
    const staged = await staging.stage(batchId, path)
    const parquet = await storage('write the file', staged, () =>
      engine.open({ path: staged, fields, compression, rowGroupRows }),
    )
    const file = { path, staged, values, parquet }
    open.set(key, file)
    return file
  }
  const finish = async (key: string, { path, staged, values, parquet }: OpenFile) => {
    const summary = await storage('write the file', staged, () => parquet.finish())
    open.delete(key)
    finished.push({
      path,
      partitionValues: Object.fromEntries(partitionBy.map((name, index) => [name, values[index] ?? null])),
      rows: summary.rows,
      size: summary.bytes,
      modificationTime: Date.now(),
      stats: statsJson(summary, fields),
    })
    report({ bytes: summary.bytes })
  }
  const makeRoom = async () => {
    if (open.size < maxOpenFiles) return
    const [fullest] = [...open].sort(([, a], [, b]) => b.parquet.rows - a.parquet.rows)
    if (fullest !== undefined) await finish(...fullest)
  }

  return {
    write: async (rows) => {
      for (const row of rows) {
        const reason = misfit(row)
        if (reason !== undefined) throw new RowError(`deltaTable: a row does not fit the table: ${reason}`)
      }
      if (rows.length === 0) return
      for (const [key, group] of keyOf === undefined ? [['', rows] as const] : groupRows(rows, keyOf)) {
        if (!open.has(key)) await makeRoom()
        const file = open.get(key) ?? (await openFile(key))
        await storage('write the file', file.staged, () => file.parquet.write(group))
        if (file.parquet.bytes >= targetFileBytes) await finish(key, file)
      }
    },
    finish: async () => {
      for (const [key, file] of [...open]) await finish(key, file)
      return finished
    },
    discard: async () => {
      for (const { parquet } of open.values()) await parquet.discard()
      open.clear()
      for (const { path } of finished) await staging.drop(batchId, path)
    },
  }
}

function groupRows(
  rows: readonly object[],
  keyOf: (row: Row) => string,
): Iterable<readonly [string, readonly object[]]> {
  const groups = new Map<string, object[]>()
  let lastKey: string | undefined
  let last: object[] = []
  for (const row of rows) {
    const key = keyOf(row as Row)
    if (key !== lastKey) {
      lastKey = key
      last = groups.get(key) ?? []
      if (last.length === 0) groups.set(key, last)
    }
    last.push(row)
  }
  return groups
}

/** The partition values of a row as JSON. */
function partitionKey({ fields, partitionBy }: FileLayout): (row: Row) => string {
  const columns = partitionBy.map((name) => {
    const field = fields.find((one) => one.name === name)
    return { name, nullable: field?.nullable !== false, serialize: field && serializerOf(field.type) }
  })
  return (row) =>
    JSON.stringify(
      columns.map(({ name, nullable, serialize }) => {
        const text = serialized(Object.hasOwn(row, name) ? row[name] : undefined, serialize)
        if (text === null && !nullable)
          throw new RowError(
            `deltaTable: column ${JSON.stringify(name)} is never null, and a table can't tell an empty text from null in a column that it is partitioned by`,
          )
        return text
      }),
    )
}

/** An empty text is null there: the format has no other. */
function serialized(value: unknown, serialize: Serialize | undefined): string | null {
  if (value === null || value === undefined || serialize === undefined) return null
  const text = serialize(value).toWellFormed()
  return text === '' ? null : text
}
