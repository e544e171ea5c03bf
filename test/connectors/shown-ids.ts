import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'

/** Whole files of a folder, as a reader sees them who knows nothing of manifests and logs. */
const shown = (path: string, ending: string): string[] =>
  existsSync(path) ? readdirSync(path).filter((name) => name.endsWith(ending)) : []

/** The ids in files of JSON lines. */
export function plainIds(path: string): number[] {
  return shown(path, '.jsonl').flatMap((name) =>
    readFileSync(join(path, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { readonly id: number }).id),
  )
}

/** The ids in Parquet files, by DuckDB. */
export function parquetIds(path: string): Promise<number[]> {
  return idsInParquet(shown(path, '.parquet').map((name) => join(path, name)))
}

/** The ids in these files, by DuckDB. */
export async function idsInParquet(files: readonly string[]): Promise<number[]> {
  if (files.length === 0) return []
  const instance = await duckdb.DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  try {
    const list = files.map((file) => `'${file}'`).join(',')
    return (await connection.runAndReadAll(`select id from read_parquet([${list}])`))
      .getRows()
      .map(([id]) => Number(id))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** The files of a Delta table by its log's entries, which are read as they stand there; checkpoints aren't looked at. */
export function filesOfDeltaLog(path: string): string[] {
  const log = join(path, '_delta_log')
  if (!existsSync(log)) return []
  const files = new Set<string>()
  const entries = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name))
  for (const entry of entries.sort()) {
    const lines = readFileSync(join(log, entry), 'utf8').split('\n')
    for (const line of lines.filter((text) => text !== '')) {
      const { add, remove } = JSON.parse(line) as Record<'add' | 'remove', { readonly path: string } | undefined>
      if (add !== undefined) files.add(join(path, decodeURIComponent(add.path)))
      if (remove !== undefined) files.delete(join(path, decodeURIComponent(remove.path)))
    }
  }
  return [...files]
}
