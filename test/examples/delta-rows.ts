import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'

/**
 * The rows of a Delta table, in the order of its log, as DuckDB reads its files; none where there is no table yet.
 * Which files these are is found without the library: by the entries of the log, all of which must be there from version 0 on.
 */
export async function deltaRows<Row extends object>(path: string): Promise<Row[]> {
  const log = join(path, '_delta_log')
  if (!existsSync(log)) return []
  const entries = readdirSync(log)
    .filter((name) => /^\d{20}\.json$/.test(name))
    .sort()
  if (entries.some((name, version) => Number(name.slice(0, 20)) !== version)) throw new Error(`${log} has a gap`)
  const files = new Set<string>()
  for (const name of entries) {
    for (const line of readFileSync(join(log, name), 'utf8').split('\n').filter(Boolean)) {
      const { add, remove } = JSON.parse(line) as { add?: { path: string }; remove?: { path: string } }
      if (add !== undefined) files.add(decodeURIComponent(add.path))
      if (remove !== undefined) files.delete(decodeURIComponent(remove.path))
    }
  }
  if (files.size === 0) return []
  const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: '1' })
  const connection = await instance.connect()
  try {
    const list = [...files].map((file) => `'${join(path, file).replaceAll("'", "''")}'`).join(', ')
    const reader = await connection.runAndReadAll(`select * from read_parquet([${list}], union_by_name = true)`)
    return reader.getRowObjectsJS().map((row) => JSON.parse(JSON.stringify(row, plain)) as Row)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function plain(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? Number(value) : value
}
