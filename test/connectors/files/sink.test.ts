import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'
import { DuckDBInstance } from '@duckdb/node-api'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { type FilesSinkOptions, filesSink } from '../../../src/connectors/files/sink.ts'
import { files } from '../../../src/connectors/files/source.ts'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { duckdbWriter } from '../../../src/connectors/parquet/duckdb-engine.ts'
import { CheckpointCorruptError, OptionError, QueryError } from '../../../src/errors.ts'
import { schema } from '../../../src/schema.ts'
import { read, readStream } from '../../../src/stream.ts'
import { availableNow } from '../../../src/trigger.ts'
import { batchOf, settle, stageBatch, startOf, writeBatch } from '../drive.ts'
import { temporaryFolder } from './folders.ts'

const wide = schema(
  'id int not null, big bigint, price decimal(10,2), at timestamp, bytes binary, tags array<string>, s struct<a: int>',
)
const rowOf = (id: number) => ({
  id,
  big: 2n ** 60n + BigInt(id),
  price: `${id}.50`,
  at: new Date(id * 1_000),
  bytes: new Uint8Array([id % 256]),
  tags: ['x', null],
  s: { a: id },
})
type Wide = ReturnType<typeof rowOf>
const rowsOf = (from: number, to: number): Wide[] => Array.from({ length: to - from }, (_, i) => rowOf(from + i))

/** Writes batches as the engine does, and leaves the writer started. */
async function writer(options: FilesSinkOptions, batches: readonly (readonly Wide[])[], epoch = 1) {
  const made = filesSink(options).streamWriter()
  await settle(() => made.start?.(startOf({ schema: wide, epoch })))
  for (const [batchId, rows] of batches.entries())
    await writeBatch(made, batchOf(batchId), [[rows.slice(0, 5), rows.slice(5)]])
  return made
}

async function rowsByManifest(path: string, format: 'jsonLines' | 'parquet'): Promise<object[]> {
  const sink = memorySink<object>()
  const batch = read(files({ path, format, schema: wide, manifest: true })).write(sink)
  await new Promise<void>((complete, error) => batch.subscribe({ complete, error }))
  return [...sink.rows]
}

async function query(sql: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:')
  onTestFinished(() => instance.closeSync())
  const connection = await instance.connect()
  return (await connection.runAndReadAll(sql)).getRowObjectsJson()
}

describe.each(['jsonLines', 'parquet'] as const)('a folder of %s', (format) => {
  it('is read by its manifest with every type, batch after batch', async () => {
    const path = temporaryFolder()
    await writer({ path, format }, [rowsOf(0, 10), [], rowsOf(10, 13)])
    expect(await rowsByManifest(path, format)).toEqual(rowsOf(0, 13))
  })

  it('is cut into files by size, which DuckDB counts', async () => {
    const path = temporaryFolder()
    const batches = Array.from({ length: 3 }, (_, batch) => rowsOf(batch * 100, batch * 100 + 100))
    await writer(
      { path, format, maxFileBytes: 100, ...(format === 'parquet' ? { parquet: { rowGroupRows: 2 } } : {}) },
      batches,
    )
    const ending = format === 'parquet' ? 'parquet' : 'jsonl'
    const names = readdirSync(path).filter((name) => name.endsWith(ending))
    expect(names.length).toBeGreaterThanOrEqual(6)
    const reader = format === 'parquet' ? 'read_parquet' : 'read_json'
    expect(
      await query(
        `select count(*)::int as n, count(distinct id)::int as d, sum(id)::int as s from ${reader}('${path}/*.${ending}')`,
      ),
    ).toEqual([{ n: 300, d: 300, s: (299 * 300) / 2 }])
    expect(await rowsByManifest(path, format)).toEqual(rowsOf(0, 300))
  })

  it('shows nothing of a batch that is half written, aborted, or committed and not yet in place', async () => {
    const path = temporaryFolder()
    const made = await writer({ path, format }, [rowsOf(0, 4)])
    await stageBatch(made, batchOf(1), [[rowsOf(4, 8)]])
    expect(await rowsByManifest(path, format)).toEqual(rowsOf(0, 4))
    const messages = await stageBatch(made, batchOf(1), [[rowsOf(4, 8)]])
    await settle(() => made.abort?.(messages, batchOf(1)))
    expect(await rowsByManifest(path, format)).toEqual(rowsOf(0, 4))

    await writeBatch(made, batchOf(1), [[rowsOf(4, 8)]])
    const [name = ''] = readdirSync(path).filter((one) => one.startsWith('part-0000000001'))
    const staged = join(path, '_staging', 'q', 'main', name)
    renameSync(join(path, name), staged)
    expect(await rowsByManifest(path, format)).toEqual(rowsOf(0, 4))
    await writer({ path, format }, [], 2)
    expect(await rowsByManifest(path, format)).toEqual(rowsOf(0, 8))
  })

  it('that knows no batch of a query which has done some is told of', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const path = temporaryFolder()
    const first = await writer({ path, format: 'jsonLines' }, [rowsOf(0, 3)])
    await writeBatch(first, batchOf(1), [[rowsOf(3, 5)]])
    await writeBatch(await writer({ path, format: 'jsonLines' }, [], 2), batchOf(2), [[rowsOf(5, 6)]])
    expect(warned).not.toHaveBeenCalled()
    rmSync(path, { recursive: true })
    const again = await writer({ path, format: 'jsonLines' }, [], 3)
    await writeBatch(again, batchOf(3), [[rowsOf(6, 7)]])
    await writeBatch(again, batchOf(4), [[rowsOf(7, 8)]])
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/knows no batch of this query, .* batch 3: /), 'SluiceWarning'],
    ])
  })

  it('with a committed file that is gone or changed is refused', async () => {
    const path = temporaryFolder()
    await writer({ path, format }, [rowsOf(0, 4), rowsOf(4, 8)])
    const [first = '', second = ''] = readdirSync(path).filter((one) => one.startsWith('part-'))
    const content = readFileSync(join(path, first))
    for (const damage of [
      () => rmSync(join(path, first)),
      () => writeFileSync(join(path, first), content.subarray(1)),
    ]) {
      damage()
      const error = await rowsByManifest(path, format).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(QueryError)
      expect((error as QueryError).cause).toBeInstanceOf(CheckpointCorruptError)
      writeFileSync(join(path, first), content)
    }
    expect(existsSync(join(path, second))).toBe(true)
  })

  it('is the source of a further query, which reads each batch once as it comes', async () => {
    const path = temporaryFolder()
    const state = temporaryFolder()
    const made = await writer({ path, format }, [rowsOf(0, 3)])
    const sink = memorySink<object>()
    const checkpoint = memoryCheckpoint()
    const source = files({ path, format, schema: wide, manifest: true, state })
    for (let batch = 1; batch < 4; batch++) {
      const stream = readStream(source).writeStream(sink, { name: 'chained', checkpoint, trigger: availableNow() })
      await new Promise<void>((complete, error) => stream.subscribe({ complete, error }))
      await writeBatch(made, batchOf(batch), [[rowsOf(batch * 3, batch * 3 + 3)]])
    }
    expect(sink.rows).toEqual(rowsOf(0, 9))
  })
})

it('Parquet is written by DuckDB, where that is passed', async () => {
  const path = temporaryFolder()
  const made = await writer(
    { path, format: 'parquet', parquet: { engine: duckdbWriter(duckdb), compression: 'zstd' } },
    [rowsOf(0, 50)],
  )
  await settle(() => made.stop?.())
  expect(await rowsByManifest(path, 'parquet')).toEqual(rowsOf(0, 50))
})

it('Parquet needs a schema', async () => {
  const source = memoryStream<{ id: number }>()
  const stream = readStream(source).writeStream(filesSink({ path: temporaryFolder(), format: 'parquet' }), {
    name: 'q',
    checkpoint: memoryCheckpoint(),
    trigger: availableNow(),
  })
  const error = await new Promise((resolve) => stream.subscribe({ error: resolve, complete: () => resolve(undefined) }))
  expect((error as Error).cause).toBeInstanceOf(OptionError)
})

it.each([
  [{ path: 'x', format: 'csv' }, 'option "format"'],
  [{ path: 'x', format: 'jsonLines', parquet: {} }, 'needs format "parquet"'],
  [{ path: 'x', format: 'parquet', parquet: { codec: 1 } }, 'unknown option "codec"'],
])('bad options are refused', (options, message) => {
  expect(() => filesSink(options as FilesSinkOptions)).toThrow(message)
})
