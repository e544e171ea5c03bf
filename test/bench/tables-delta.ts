// Rows a second of the Delta sink, its port driven directly, against the bare Parquet writer it uses, side by side, A B A B …, in one process; then the sink's memory.
// node test/bench/tables-delta.ts [rounds] [rows]
import { mkdtempSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { deltaSettings } from '../../src/connectors/delta/options.ts'
import { deltaWriter } from '../../src/connectors/delta/sink.ts'
import { duckdbWriter } from '../../src/connectors/parquet/duckdb-engine.ts'
import { hyparquetWriter } from '../../src/connectors/parquet/hyparquet-engine.ts'
import type { ParquetEngine } from '../../src/connectors/parquet/port.ts'
import { schema } from '../../src/schema.ts'
import { settle } from '../connectors/drive.ts'
import { report } from './harness/figure.ts'

const rounds = Number(process.argv[2] ?? 11)
const count = Number(process.argv[3] ?? 200_000)
const chunkRows = 1_000
const columns = schema('id int not null, name string, value double, city string')
interface Row {
  readonly id: number
  readonly name: string
  readonly value: number
  readonly city: string
}
const cities = ['Oslo', 'Lima', 'Quito', 'Pune']
const chunk = (from: number): Row[] =>
  Array.from({ length: chunkRows }, (_, index) => ({
    id: from + index,
    name: `name ${from + index}`,
    value: (from + index) * 1.1,
    city: cities[index % 4] as string,
  }))
const chunks = Array.from({ length: count / chunkRows }, (_, index) => chunk(index * chunkRows))

const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'))
let files = 0

interface Sink {
  readonly batch: (through?: Iterable<readonly Row[]>) => Promise<void>
  readonly stop: () => Promise<unknown>
}

/** Batch after batch of one started writer, as in a running query: what is timed is a batch, from `begin` to its durable entry in the log. */
async function started(engine: ParquetEngine): Promise<Sink> {
  const writer = deltaWriter(deltaSettings({ path: join(folder, `${files++}`), parquet: engine }))
  await settle(() => writer.start?.({ queryId: 'q', sinkId: 'main', epoch: 1, schema: columns }))
  let batchId = 0
  return {
    batch: async (through = chunks) => {
      const batch = { queryId: 'q', batchId: batchId++, start: {}, end: {} }
      await settle(() => writer.begin?.(batch) ?? 'write')
      const signal = new AbortController().signal
      const context = { ...batch, partitionId: 0, attempt: 0, signal, sinkId: 'main', epoch: 1, deterministic: true }
      const { write, finish } = await settle(() =>
        writer.open({ ...context, report: () => {}, idempotencyKey: () => '' }),
      )
      for (const rows of through) await settle(() => write(rows))
      const message = await settle(finish)
      await settle(() => writer.commit([message], batch))
    },
    stop: () => settle(() => writer.stop?.()),
  }
}

/** A file that survives a power cut has a durable name, too. */
async function syncFolder(): Promise<void> {
  const names = await open(folder, 'r')
  await names.sync()
  await names.close()
}

/** As somebody would write it by hand who wants the same file, durable: a row group of 10,000 at a time. */
async function bareHyparquet(): Promise<void> {
  const handle = await open(join(folder, `${files++}.parquet`), 'ax')
  const bytes = new ByteWriter()
  const leaf = { repetition_type: 'OPTIONAL' } as const
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [
      { name: 'root', num_children: 4 },
      { name: 'id', type: 'INT32', repetition_type: 'REQUIRED' },
      { name: 'name', type: 'BYTE_ARRAY', converted_type: 'UTF8', ...leaf },
      { name: 'value', type: 'DOUBLE', ...leaf },
      { name: 'city', type: 'BYTE_ARRAY', converted_type: 'UTF8', ...leaf },
    ],
  })
  for (let at = 0; at < chunks.length; at += 10) {
    const rows = chunks.slice(at, at + 10).flat()
    const names = ['id', 'name', 'value', 'city'] as const
    writer.write({
      columnData: names.map((name) => ({ name, data: rows.map((row) => row[name]) })),
      rowGroupSize: Infinity,
    })
    await handle.write(bytes.getBytes())
    bytes.index = 0
  }
  writer.finish()
  await handle.write(bytes.getBytes())
  await handle.sync()
  await handle.close()
  await syncFolder()
}

const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: '2' })

async function bareDuckDb(): Promise<void> {
  const path = join(folder, `${files++}.parquet`)
  const connection = await instance.connect()
  await connection.run('create temp table rows (id integer, name varchar, value double, city varchar)')
  const appender = await connection.createAppender('rows')
  const types = [0, 1, 2, 3].map((index) => appender.columnType(index))
  for (let at = 0; at < chunks.length; at += 2) {
    const rows = chunks.slice(at, at + 2).flat()
    const data = duckdb.DuckDBDataChunk.create(types)
    data.setColumns((['id', 'name', 'value', 'city'] as const).map((name) => rows.map((row) => row[name])))
    appender.appendDataChunk(data)
  }
  appender.flushSync()
  await connection.run(`copy rows to '${path}' (format parquet, codec 'snappy', row_group_size 10000)`)
  appender.closeSync()
  connection.closeSync()
  const file = await open(path, 'r+')
  await file.sync()
  await file.close()
  await syncFolder()
}

async function seconds(run: () => Promise<void>): Promise<number> {
  globalThis.gc?.({ type: 'minor' })
  const from = performance.now()
  await run()
  return (performance.now() - from) / 1000
}

function summary(values: readonly number[], digits = 2): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.round(share * (sorted.length - 1))] as number).toFixed(digits)
  return `${at(0)} / ${at(0.5)} / ${at(1)}`
}

const native = duckdbWriter(duckdb)
try {
  console.log(`${rounds} rounds of ${count} rows on Node ${process.version}; min / median / max`)
  for (const [name, engine, bare] of [
    ['hyparquet-writer', hyparquetWriter(), bareHyparquet],
    ['@duckdb/node-api', native, bareDuckDb],
  ] as const) {
    const sink = await started(engine)
    await sink.batch()
    await bare()
    const [ratios, rates]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      const ours = await seconds(() => sink.batch())
      const theirs = await seconds(bare)
      ratios.push(theirs / ours)
      rates.push(count / ours / 1000)
    }
    report(
      {
        name: `Delta Lake, ${name}`,
        against: 'the bare writer',
        unit: 'of its speed',
        target: { atLeast: 0.9 },
        values: ratios,
        rows: count,
        batchRows: count,
      },
      ['rxjs', name],
    )
    console.log(`${name}: ${summary(rates, 0)} thousand rows/s, of the bare writer ${summary(ratios)}`)
    await sink.stop()
  }
  for (const [name, engine] of [
    ['hyparquet-writer', hyparquetWriter()],
    ['@duckdb/node-api', native],
  ] as const) {
    for (const times of [1, 5]) {
      let peak = 0
      function* many() {
        for (let index = 0; index < (count * times) / chunkRows; index++) {
          peak = Math.max(peak, process.memoryUsage.rss())
          yield chunk(index * chunkRows)
        }
      }
      const sink = await started(engine)
      await sink.batch(many())
      await sink.stop()
      console.log(`${name}: ${count * times} rows in one batch, at most ${Math.round(peak / 2 ** 20)} MiB resident`)
    }
  }
} finally {
  await native.close?.()
  instance.closeSync()
  rmSync(folder, { recursive: true, force: true })
}
