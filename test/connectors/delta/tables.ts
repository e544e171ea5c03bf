import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { from, lastValueFrom, toArray } from 'rxjs'
import { onTestFinished } from 'vitest'
import { type DeltaTableOptions, deltaSettings } from '../../../src/connectors/delta/options.ts'
import { deltaWriter } from '../../../src/connectors/delta/sink.ts'
import { deltaReader } from '../../../src/connectors/delta/source.ts'
import { hyparquetWriter } from '../../../src/connectors/parquet/hyparquet-engine.ts'
import type { ParquetEngine, ParquetFile } from '../../../src/connectors/parquet/port.ts'
import { type Schema, schema } from '../../../src/schema.ts'
import type { StartContext } from '../../../src/sink.ts'
import { settle, startOf } from '../drive.ts'

export const idSchema = schema('id int not null, name string')

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-delta-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function temporaryTable(): Promise<string> {
  return join(await temporaryFolder(), 'table')
}

/** A writer that was started. */
export async function startWriter(
  path: string,
  over: Partial<StartContext> & { readonly options?: Partial<DeltaTableOptions> } = {},
) {
  const { options = {}, ...start } = over
  const parquet = trackedEngine()
  onTestFinished(() => parquet.close?.())
  const writer = deltaWriter(deltaSettings({ path, parquet, ...options }))
  await settle(() => writer.start?.(startOf({ schema: idSchema, ...start })))
  return writer
}

/** The JavaScript writer; `close` ends what a process that "died" left open. */
export function trackedEngine(): ParquetEngine {
  const engine = hyparquetWriter()
  const left = new Set<ParquetFile>()
  return {
    name: engine.name,
    open: async (options) => {
      const file = await engine.open(options)
      const tracked: ParquetFile = {
        ...{ write: file.write, discard: file.discard },
        get bytes() {
          return file.bytes
        },
        get rows() {
          return file.rows
        },
        finish: async () => {
          left.delete(tracked)
          return file.finish()
        },
      }
      left.add(tracked)
      return tracked
    },
    close: async () => {
      for (const file of left) await file.discard()
      left.clear()
    },
  }
}

export async function readTable(
  path: string,
  options: { readonly version?: number; readonly schema?: Schema } = {},
): Promise<Record<string, unknown>[]> {
  const reader = deltaReader(deltaSettings({ path, ...options }))
  const rows: Record<string, unknown>[] = []
  const context = { queryId: 'q', batchId: 0, partitionId: 0, attempt: 0, signal: new AbortController().signal }
  for (const partition of await settle(() => reader.partitions())) {
    const read = reader.read(partition, { ...context, report: () => {} })
    rows.push(...(await lastValueFrom(from(read).pipe(toArray()))).flat())
  }
  return rows
}

/** All files below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
}

/** A table whose log is these entries; each is a list of actions, or text. */
export async function tableOf(entries: readonly (readonly object[] | string)[], first = 0): Promise<string> {
  const path = await temporaryTable()
  mkdirSync(join(path, '_delta_log'), { recursive: true })
  for (const [index, entry] of entries.entries()) {
    const text = typeof entry === 'string' ? entry : entry.map((action) => `${JSON.stringify(action)}\n`).join('')
    writeFileSync(join(path, '_delta_log', `${String(first + index).padStart(20, '0')}.json`), text)
  }
  return path
}
