import { createHash } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts'
import { fileCheckpoint } from '../../src/checkpoint/file.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import { deltaTable } from '../../src/connectors/delta/delta-table.ts'
import { filesSink } from '../../src/connectors/files/sink.ts'
import { jsonLines } from '../../src/connectors/json-lines/sink.ts'
import { duckdbWriter } from '../../src/connectors/parquet/duckdb-engine.ts'
import { postgresTable } from '../../src/connectors/postgres/sink.ts'
import type { BoundSink } from '../../src/data-source.ts'
import { schema } from '../../src/schema.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'
import { deltaRows } from '../examples/delta-rows.ts'
import { canOwnServer, ownServer, psql } from '../support/postgres.ts'
import { noSmallDisk, smallDisk } from '../support/small-disk.ts'

if (noSmallDisk !== undefined) console.log(`Tests of full disks are skipped: ${noSmallDisk}`)

const batchRows = 1_000
const head = 10 * batchRows
interface Row {
  readonly id: number
  readonly text: string
}

/** About 260 bytes that no compression makes small. */
function rowAt(id: number): Row {
  const part = (salt: string) => createHash('sha256').update(`${salt}${id}`).digest('base64')
  return { id, text: ['a', 'b', 'c', 'd', 'e', 'f'].map(part).join('') }
}

const numbers = {
  name: 'numbers',
  schema: schema('id int not null, text string not null'),
  streamReader: () => ({
    initialOffset: () => ({ n: 0 }),
    latestOffset: ({ n }: { n: number }) => ({ n: Math.min(head, n + batchRows) }),
    reportLatestOffset: () => ({ n: head }),
    compare: (a: { n: number }, b: { n: number }) => a.n - b.n,
    partitions: (start: { n: number }, end: { n: number }) => {
      const middle = (start.n + end.n) / 2
      return [
        { from: start.n, to: middle },
        { from: middle, to: end.n },
      ]
    },
    *read({ from, to }: { from: number; to: number }) {
      for (let id = from; id < to; id += 100) yield Array.from({ length: 100 }, (_, index) => rowAt(id + index))
    },
  }),
}

/** Runs until all is there, or to its error. */
async function run(sink: unknown, checkpoint: Checkpoint): Promise<unknown> {
  const query = readStream(numbers).writeStream(sink as BoundSink<Row, never>, {
    name: 'numbers',
    checkpoint,
    trigger: availableNow(),
    retry: { maxAttempts: 1 },
  })
  return query.start().terminated.then(
    () => 'done',
    (error: unknown) => error,
  )
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-full-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const all = Array.from({ length: head }, (_, id) => id)
const sorted = (ids: readonly number[]) => ids.toSorted((a, b) => a - b)

/** What a reader that isn't ours finds in the files of a folder. */
async function idsIn(source: string): Promise<number[]> {
  const instance = await duckdb.DuckDBInstance.create(':memory:')
  try {
    const connection = await instance.connect()
    const reader = await connection.runAndReadAll(`select id::int as id from ${source}`)
    return sorted(reader.getRowObjectsJS().map(({ id }) => Number(id)))
  } finally {
    instance.closeSync()
  }
}

const shown = (path: string, ending: string): readonly string[] =>
  readdirSync(path).filter((name) => name.endsWith(ending) && !name.startsWith('_'))
const inFolder = (ending: string, reader: string) => async (path: string) =>
  shown(path, ending).length === 0 ? [] : idsIn(`${reader}('${path}/*${ending}')`)
const inTable = async (path: string) => sorted((await deltaRows<Row>(path)).map(({ id }) => id))

interface Case {
  readonly sink: (path: string) => unknown
  readonly ids: (path: string) => Promise<number[]>
}

const cases: Readonly<Record<string, Case>> = {
  deltaTable: { sink: (path) => deltaTable({ path }), ids: inTable },
  'deltaTable by DuckDB': {
    sink: (path) => deltaTable({ path, parquet: duckdbWriter(duckdb) }),
    ids: inTable,
  },
  'filesSink of Parquet': {
    sink: (path) => filesSink({ path, format: 'parquet' }),
    ids: inFolder('.parquet', 'read_parquet'),
  },
  jsonLines: { sink: (path) => jsonLines({ path }), ids: inFolder('.jsonl', 'read_json') },
}

describe.skipIf(noSmallDisk !== undefined)('on a disk that gets full', () => {
  it.each(Object.entries(cases))(
    '%s fails by that name, shows whole batches only, and goes on exactly-once when there is room',
    async (_, { sink, ids }) => {
      const disk = smallDisk(1)
      const path = join(disk.path, 'out')
      const checkpoint = fileCheckpoint(temporaryFolder())
      const error = await run(sink(path), checkpoint)
      expect(String(error)).toMatch(/ENOSPC|No space left/i)
      expect(String(error)).toContain(disk.path)
      const before = await ids(path)
      expect(before.length).toBeGreaterThan(0)
      expect(before).toEqual(all.slice(0, Math.floor(before.length / batchRows) * batchRows))
      expect(String(await run(sink(path), checkpoint)), 'it is still full').toMatch(/ENOSPC|No space left/i)
      disk.grow(64)
      expect(await run(sink(path), checkpoint)).toBe('done')
      expect(await ids(path)).toEqual(all)
    },
  )

  it.each([
    ['a file', (path: string) => fileCheckpoint(join(path, 'checkpoint'))],
    ['SQLite', (path: string) => sqliteCheckpoint(join(path, 'checkpoint.db'))],
  ])('a checkpoint (%s) fails by that name, and goes on exactly-once when there is room', async (_, make) => {
    const disk = smallDisk(1)
    const out = join(temporaryFolder(), 'out')
    let ballast = 0
    const filling = () => {
      const sink = jsonLines({ path: out })
      const writer = sink.streamWriter()
      // Full from the third batch on: a whole page of it is never free again.
      return () => ({
        ...writer,
        begin: (batch: { readonly batchId: number }) => {
          if (batch.batchId === 2 && ballast++ === 0) fill(join(disk.path, 'ballast'))
          return writer.begin?.(batch as never) ?? ('write' as const)
        },
      })
    }
    const error = await run(filling(), make(disk.path))
    expect(String(error)).toMatch(/ENOSPC|No space left|full/i)
    expect(ballast).toBeGreaterThan(0)
    rmSync(join(disk.path, 'ballast'))
    expect(await run(jsonLines({ path: out }), make(disk.path))).toBe('done')
    expect(await idsIn(`read_json('${out}/*.jsonl')`)).toEqual(all)
  })

  it.skipIf(!canOwnServer)(
    'PostgreSQL’s, with the rows and the log: both fail by that name, and go on exactly-once when there is room',
    async () => {
      const disk = smallDisk(9)
      const server = await ownServer()
      const admin = new pg.Client({ connectionString: server.url })
      admin.on('error', () => undefined)
      await admin.connect()
      onTestFinished(() => admin.end().catch(() => undefined))
      const { rows } = await admin.query<{ data_directory: string; version: number }>(
        "SELECT current_setting('data_directory') AS data_directory, current_setting('server_version_num')::int AS version",
      )
      const [{ data_directory, version } = expect.fail()] = rows
      const { uid, gid } = statSync(data_directory)
      const place = join(disk.path, 'space')
      mkdirSync(place)
      chmodSync(disk.path, 0o755)
      chownSync(place, uid, gid)
      await admin.query(`CREATE TABLESPACE small LOCATION '${place}'`)
      // Else its own pages are only written later, and the disk looks empty until then.
      const strategy = version >= 150_000 ? 'STRATEGY file_copy' : ''
      await admin.query(`CREATE DATABASE small TABLESPACE small ${strategy}`)
      const url = new URL(server.url)
      url.pathname = '/small'
      const table = () => postgresTable({ url: url.href, table: 'numbers', createTable: true })
      const attempt = async () => {
        const one = table()
        return run(one, one.checkpoint)
      }
      const ids = () => psql(url.href, 'SELECT id FROM numbers ORDER BY id').map(Number)
      const error = await attempt()
      expect(String(error)).toMatch(/No space left on device.*SQLSTATE 53100/s)
      const before = ids()
      expect(before.length).toBeGreaterThan(0)
      expect(before).toEqual(all.slice(0, Math.floor(before.length / batchRows) * batchRows))
      disk.grow(128)
      expect(await attempt()).toBe('done')
      expect(ids()).toEqual(all)
    },
  )
})

/** To the last byte. */
function fill(path: string): void {
  const block = Buffer.alloc(4_096, 'x')
  for (;;) {
    try {
      writeFileSync(path, block, { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return
      throw error
    }
  }
}
