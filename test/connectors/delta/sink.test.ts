import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as duckdb from '@duckdb/node-api'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { deltaTable } from '../../../src/connectors/delta/delta-table.ts'
import { DeltaLog } from '../../../src/connectors/delta/log.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { duckdbWriter } from '../../../src/connectors/parquet/duckdb-engine.ts'
import type { ParquetEngine } from '../../../src/connectors/parquet/port.ts'
import { DeltaTableError, LeaseLostError, OptionError, RowError, SchemaError } from '../../../src/errors.ts'
import { schema, toSparkJson } from '../../../src/schema.ts'
import { tee } from '../../../src/tee.ts'
import { exploreConnectors } from '../../../src/testing/explore-connectors.ts'
import { batchOf, settle, stageBatch, writeBatch } from '../drive.ts'
import {
  filesBelow,
  idSchema,
  readTable,
  startWriter,
  tableOf,
  temporaryFolder,
  temporaryTable,
  trackedEngine,
} from './tables.ts'

const rows = (...ids: readonly number[]) => ids.map((id) => ({ id, name: `n${id}` }))
const ids = async (path: string, version?: number) =>
  (await readTable(path, version === undefined ? {} : { version })).map(({ id }) => id as number).sort((a, b) => a - b)
const txnsOf = async (path: string) =>
  Object.fromEntries([...((await new DeltaLog(path).update())?.txns ?? [])].map(([id, { version }]) => [id, version]))
const dataFilesIn = (path: string) =>
  filesBelow(path).filter((name) => name.endsWith('.parquet') && !name.startsWith('_delta_log'))

describe('a batch', () => {
  it('is one entry of the log: its txn under the query’s id, and its files', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path)
    expect(await writeBatch(writer, batchOf(0), [[rows(1, 2)], [rows(3)], []])).toBe('written')
    const actions = readFileSync(new DeltaLog(path).pathOf(1), 'utf8')
      .trim()
      .split('\n')
      .map((line) => Object.keys(JSON.parse(line)).join())
    expect(actions).toEqual(['commitInfo', 'txn', 'add', 'add'])
    expect(await txnsOf(path)).toEqual({ q: 0 })
    expect(await ids(path)).toEqual([1, 2, 3])
    expect(await ids(path, 0)).toEqual([])
  })

  it('that is in the log is skipped, by its writer and by one started later', async () => {
    const path = await temporaryTable()
    const first = await startWriter(path)
    const messages = await stageBatch(first, batchOf(0), [[rows(1)]])
    await settle(() => first.commit(messages, batchOf(0)))
    await settle(() => first.commit(messages, batchOf(0)))
    expect(await writeBatch(first, batchOf(0), [[rows(1)]])).toBe('committed')
    expect(await writeBatch(await startWriter(path, { epoch: 2 }), batchOf(0), [[rows(1)]])).toBe('committed')
    expect(await ids(path)).toEqual([1])
    expect((await new DeltaLog(path).update())?.version).toBe(1)
  })

  it('warns once when table and checkpoint are of different age, and not otherwise', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const path = await temporaryTable()
    await writeBatch(await startWriter(path), batchOf(0), [[rows(1)]])
    const second = await startWriter(path, { epoch: 2 })
    expect(await writeBatch(second, batchOf(0), [[rows(1)]])).toBe('committed')
    await writeBatch(second, batchOf(1), [[rows(2)]])
    expect(warned).not.toHaveBeenCalled()
    const older = await startWriter(path, { epoch: 3 })
    expect(await writeBatch(older, batchOf(0), [[rows(1)]])).toBe('committed')
    expect(await writeBatch(older, batchOf(1), [[rows(2)]])).toBe('committed')
    const anew = await startWriter(await temporaryTable())
    await writeBatch(anew, batchOf(7), [[rows(7)]])
    await writeBatch(anew, batchOf(8), [[rows(8)]])
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/holds batch 1 of this query, .* batch 0: its checkpoint is older/), 'SluiceWarning'],
      [expect.stringMatching(/knows no batch of this query, .* batch 7: /), 'SluiceWarning'],
    ])
  })

  it('without rows is in the log, too', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path)
    await writeBatch(writer, batchOf(0), [])
    await writeBatch(writer, batchOf(1), [[]])
    expect(await txnsOf(path)).toEqual({ q: 1 })
    expect(dataFilesIn(path)).toEqual([])
  })

  it('of two writers with one id that stage it both is there once, and the files of the loser are gone', async () => {
    const path = await temporaryTable()
    const [a, b] = [await startWriter(path), await startWriter(path)]
    const [fromA, fromB] = [await stageBatch(a, batchOf(0), [[rows(1)]]), await stageBatch(b, batchOf(0), [[rows(1)]])]
    await settle(() => b.commit(fromB, batchOf(0)))
    await settle(() => a.commit(fromA, batchOf(0)))
    expect(await ids(path)).toEqual([1])
    expect(dataFilesIn(path)).toHaveLength(1)
  })

  it('gets the next number when another query was faster', async () => {
    const path = await temporaryTable()
    const [a, b] = [await startWriter(path), await startWriter(path, { queryId: 'other' })]
    const messages = await stageBatch(a, batchOf(0), [[rows(1)]])
    await writeBatch(b, batchOf(0, { queryId: 'other' }), [[rows(2)]])
    await settle(() => a.commit(messages, batchOf(0)))
    expect(await ids(path)).toEqual([1, 2])
    expect(await txnsOf(path)).toEqual({ q: 0, other: 0 })
  })

  it('that is aborted or whose attempt is discarded leaves nothing', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path, { options: { maxOpenFiles: 1, partitionBy: ['id'] } })
    const messages = await stageBatch(writer, batchOf(0), [[rows(1, 2)]])
    await settle(() => writer.abort?.([messages[0], undefined], batchOf(0)))
    const partition = await settle(() =>
      writer.open({
        ...batchOf(0),
        partitionId: 0,
        attempt: 0,
        signal: new AbortController().signal,
        report: () => {},
        sinkId: 'main',
        epoch: 1,
        deterministic: true,
        idempotencyKey: () => '',
      }),
    )
    await settle(() => partition.write(rows(1, 2, 3)))
    await settle(() => partition.discard?.())
    expect(dataFilesIn(path)).toEqual([])
  })
})

describe('what a killed process left', () => {
  it('goes once the batch is in the log, however far it had come', async () => {
    const path = await temporaryTable()
    const dead = await startWriter(path)
    await stageBatch(dead, batchOf(0), [[rows(1)]])
    expect(dataFilesIn(path)).toHaveLength(1)
    const next = await startWriter(path, { epoch: 2 })
    expect(dataFilesIn(path)).toHaveLength(1) // its writer may be about to commit
    await writeBatch(next, batchOf(0), [[rows(1)]])
    expect(dataFilesIn(path)).toHaveLength(1)
    expect(await ids(path)).toEqual([1])
    expect(filesBelow(join(path, '_sluice')).filter((name) => name.includes('batches'))).toEqual([])
  })

  it('is kept where the log names it, and only its second name goes', async () => {
    const path = await temporaryTable()
    const dead = await startWriter(path, { options: { partitionBy: ['name'] } })
    const messages = await stageBatch(dead, batchOf(0), [[rows(1, 2)]])
    const staged = filesBelow(path).filter((name) => name.includes('batches'))
    const contents = staged.map((name) => readFileSync(join(path, name)))
    await settle(() => dead.commit(messages, batchOf(0)))
    for (const [index, name] of staged.entries()) {
      mkdirSync(join(path, name, '..'), { recursive: true })
      writeFileSync(join(path, name), contents[index] as Buffer)
    }
    await startWriter(path, { epoch: 2 })
    expect(await ids(path)).toEqual([1, 2])
    expect(filesBelow(path).filter((name) => name.includes('batches'))).toEqual([])
  })
})

it('a writer that was replaced commits nothing more', async () => {
  const path = await temporaryTable()
  const old = await startWriter(path)
  const messages = await stageBatch(old, batchOf(0), [[rows(1)]])
  await startWriter(path, { epoch: 2 })
  await expect(settle(() => old.commit(messages, batchOf(0)))).rejects.toBeInstanceOf(LeaseLostError)
  await expect(startWriter(path, { epoch: 1 })).rejects.toThrow(/a writer of epoch 2 has started/)
  expect(await ids(path)).toEqual([])
})

describe('the name in the log', () => {
  it('is the query’s id for its only sink; another sink id joins it, so two children may share a table', async () => {
    const path = await temporaryTable()
    for (const sinkId of ['main', 'left', 'right'])
      await writeBatch(await startWriter(path, { sinkId }), batchOf(0), [[rows(1)]])
    expect(await txnsOf(path)).toEqual({ q: 0, 'q/left': 0, 'q/right': 0 })
    expect(await ids(path)).toEqual([1, 1, 1])
  })

  it('is the one that was asked for', async () => {
    const path = await temporaryTable()
    await writeBatch(await startWriter(path, { options: { appId: 'mine' } }), batchOf(4), [[rows(1)]])
    expect(await txnsOf(path)).toEqual({ mine: 4 })
  })
})

describe('the rows', () => {
  it('without a schema are refused', async () => {
    await expect(startWriter(await temporaryTable(), { schema: undefined })).rejects.toThrow(
      /it needs the columns of the rows/,
    )
  })

  it.each([
    [{ id: 'x', name: null }, /column "id": expected int, found a string/],
    [{ id: 1, name: null, more: 1 }, /column "more": not in the schema/],
    [{ name: 'x' }, /column "id": expected int, not null/],
  ])('%j: refused, naming the column', async (row, message) => {
    const writer = await startWriter(await temporaryTable())
    const written = stageBatch(writer, batchOf(0), [[[row]]])
    await expect(written).rejects.toThrow(message)
    await expect(written).rejects.toBeInstanceOf(RowError)
  })

  it('of a table that is parted: null, empty, and whatever else a text may be', async () => {
    const path = await temporaryTable()
    const columns = schema('id int not null, p string, q timestamp')
    const writer = await startWriter(path, { schema: columns, options: { partitionBy: ['p', 'q'], maxOpenFiles: 2 } })
    const texts = [
      null,
      '',
      ' ',
      'a/b',
      '%2F',
      'a b',
      'é日😀',
      '..',
      'x=y',
      "o'x",
      '#?:\\',
      'L'.repeat(300),
      '\u0001\n',
    ]
    const all = texts.map((p, id) => ({ id, p, q: id % 2 === 0 ? null : new Date(1e12 + id) }))
    await writeBatch(writer, batchOf(0), [[all, all]])
    const read = (await readTable(path)).sort((a, b) => (a.id as number) - (b.id as number))
    expect(read).toEqual(all.flatMap((row) => [row, row]).map((row) => ({ ...row, p: row.p === '' ? null : row.p })))
  })

  it('an empty text is no value of a column that is never null and parts the table', async () => {
    const writer = await startWriter(await temporaryTable(), {
      schema: schema('id int, p string not null'),
      options: { partitionBy: ['p'] },
    })
    await expect(stageBatch(writer, batchOf(0), [[[{ id: 1, p: '' }]]])).rejects.toThrow(
      /a table can't tell an empty text from null/,
    )
  })

  it('are cut into files of about the wanted size', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path, { options: { targetFileMb: 0.05, rowGroupRows: 1_000 } })
    const chunks = Array.from({ length: 20 }, (_, chunk) =>
      Array.from({ length: 1_000 }, (_, id) => ({ id, name: `${chunk}${Math.random()}` })),
    )
    await writeBatch(writer, batchOf(0), [chunks])
    expect(dataFilesIn(path).length).toBeGreaterThan(3)
    expect(await ids(path)).toHaveLength(20_000)
  })

  it.each(['snappy', 'zstd'] as const)('through DuckDB, %s', async (compression) => {
    const path = await temporaryTable()
    const writer = await startWriter(path, { options: { parquet: duckdbWriter(duckdb), compression } })
    for (let batchId = 0; batchId < 3; batchId++)
      await writeBatch(writer, batchOf(batchId), [[rows(batchId * 2, batchId * 2 + 1)]])
    await settle(() => writer.stop?.())
    expect(await ids(path)).toEqual([0, 1, 2, 3, 4, 5])
  })
})

describe('a schema', () => {
  const started = async (ddl: string, other: string, schemaMode: 'strict' | 'merge' = 'strict') => {
    const path = await temporaryTable()
    await writeBatch(await startWriter(path, { schema: schema(ddl) }), batchOf(0), [[[{ id: 1 }]]])
    return { path, writer: startWriter(path, { queryId: 'r', schema: schema(other), options: { schemaMode } }) }
  }
  it.each([
    ['id int', 'id bigint', /column "id" is int in the table and bigint in the rows/],
    ['id int', 'id int, name string', /the table lacks "name"; schemaMode "merge" would add that/],
    ['id int', 'ID int', /column "ID" is "id" in the table/],
    ['id int not null', 'id int', /column "id" is never null in the table, and may be in the rows/],
    ['id int not null, a string', 'a string', /column "id" is never null in the table, and the rows lack it/],
    [
      'id int, s struct<x: int>',
      'id int, s struct<x: string>',
      /column "s.x" is int in the table and string in the rows/,
    ],
  ])('of rows that does not fit is refused, showing both: %s ← %s', async (ddl, other, message) => {
    const { writer } = await started(ddl, other, message.source.includes('merge') ? 'strict' : 'merge')
    await expect(writer).rejects.toThrow(message)
    await expect(writer).rejects.toBeInstanceOf(SchemaError)
    await expect(writer).rejects.toThrow(
      new RegExp(`the table has: ${schema(ddl).ddl.replace(/[()<>]/g, '\\$&')}\n  the rows have: `),
    )
  })

  it('with fewer columns fits: they are null', async () => {
    const { path, writer } = await started('id int, a string', 'id int')
    await writeBatch(await writer, batchOf(0), [[[{ id: 2 }]]])
    expect((await readTable(path)).map(({ id, a }) => [id, a])).toEqual([
      [1, null],
      [2, null],
    ])
  })

  it('with new columns is merged: at the end and nullable, also within structs; old rows have null', async () => {
    const { path, writer } = await started(
      'id int, s struct<x: int>',
      'new string not null, id int, s struct<y: int, x: int>',
      'merge',
    )
    await writeBatch(await writer, batchOf(0), [[[{ id: 2, new: 'n', s: { x: 1, y: 2 } }]]])
    expect(await readTable(path)).toEqual([
      { id: 1, s: null, new: null },
      { id: 2, s: { x: 1, y: 2 }, new: 'n' },
    ])
    expect((await new DeltaLog(path).update())?.metaData.schemaString).toBe(
      toSparkJson(schema('id int, s struct<x: int, y: int>, new string')),
    )
  })

  it('is merged by many writers at once, and none of their columns is lost', async () => {
    const path = await temporaryTable()
    await startWriter(path)
    const names = Array.from({ length: 6 }, (_, index) => `c${index}`)
    const writers = await Promise.all(
      names.map((name) =>
        startWriter(path, {
          queryId: name,
          schema: schema(`id int not null, ${name} int`),
          options: { schemaMode: 'merge' },
        }),
      ),
    )
    await Promise.all(
      writers.map((writer, index) =>
        writeBatch(writer, batchOf(0, { queryId: names[index] as string }), [
          [[{ id: index, [names[index] as string]: index }]],
        ]),
      ),
    )
    const table = await readTable(path)
    expect(
      table.map((row) => [row.id, ...names.map((name) => row[name]).filter((value) => value !== null)]).sort(),
    ).toEqual(names.map((_, index) => [index, index]))
  })

  it('that changes while a batch is written is looked at again before the commit', async () => {
    const path = await temporaryTable()
    const writer = await startWriter(path)
    const messages = await stageBatch(writer, batchOf(0), [[rows(1)]])
    const state = await new DeltaLog(path).update()
    const metaData = { ...state?.metaData, schemaString: toSparkJson(schema('id string not null, name string')) }
    writeFileSync(new DeltaLog(path).pathOf(1), JSON.stringify({ metaData }))
    await expect(settle(() => writer.commit(messages, batchOf(0)))).rejects.toThrow(
      /column "id" is string in the table and int in the rows/,
    )
    const wider = { ...state?.metaData, schemaString: toSparkJson(schema('id int not null, name string, more int')) }
    writeFileSync(new DeltaLog(path).pathOf(2), JSON.stringify({ metaData: wider }))
    await settle(() => writer.commit(messages, batchOf(0)))
    expect(await readTable(path)).toEqual([{ id: 1, name: 'n1', more: null }])
  })

  it('parted otherwise than asked is refused', async () => {
    const path = await temporaryTable()
    await startWriter(path, { options: { partitionBy: ['id'] } })
    await startWriter(path)
    await expect(startWriter(path, { options: { partitionBy: ['name'] } })).rejects.toThrow(
      /option "partitionBy" is \["name"\], and the table is partitioned by \["id"\]/,
    )
  })
})

const plain = {
  id: 't',
  format: { provider: 'parquet' },
  schemaString: toSparkJson(idSchema),
  partitionColumns: [],
  configuration: {},
}
const withColumn = (metadata: object) =>
  JSON.stringify({
    type: 'struct',
    fields: [
      { name: 'id', type: 'integer', nullable: false, metadata },
      { name: 'name', type: 'string', nullable: true, metadata: {} },
    ],
  })
const features: readonly (readonly [
  string,
  { readonly protocol?: object; readonly metaData?: object; readonly read: boolean },
])[] = [
  [
    'deletionVectors',
    {
      protocol: {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['deletionVectors'],
        writerFeatures: ['deletionVectors'],
      },
      read: false,
    },
  ],
  ['columnMapping', { metaData: { configuration: { 'delta.columnMapping.mode': 'name' } }, read: false }],
  ['reader version 2', { protocol: { minReaderVersion: 2, minWriterVersion: 5 }, read: false }],
  [
    'variantType',
    {
      protocol: {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['variantType'],
        writerFeatures: ['variantType'],
      },
      read: false,
    },
  ],
  ['writer version 4', { protocol: { minReaderVersion: 1, minWriterVersion: 4 }, read: true }],
  [
    'rowTracking',
    {
      protocol: { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'rowTracking'] },
      read: true,
    },
  ],
  [
    'invariants',
    {
      metaData: { schemaString: withColumn({ 'delta.invariants': '{"expression":{"expression":"id > 1"}}' }) },
      read: true,
    },
  ],
  ['generatedColumns', { metaData: { schemaString: withColumn({ 'delta.generationExpression': '1' }) }, read: true }],
  ['checkConstraints', { metaData: { configuration: { 'delta.constraints.positive': 'id > 0' } }, read: true }],
  ['changeDataFeed', { metaData: { configuration: { 'delta.enableChangeDataFeed': 'true' } }, read: true }],
  ['inCommitTimestamp', { metaData: { configuration: { 'delta.enableInCommitTimestamps': 'true' } }, read: true }],
]

describe('a table with', () => {
  it.each(features)(
    '%s is refused by that name',
    async (name, { protocol = { minReaderVersion: 1, minWriterVersion: 2 }, metaData = {}, read }) => {
      const path = await tableOf([[{ protocol }, { metaData: { ...plain, ...metaData } }]])
      const before = filesBelow(join(path, '_delta_log'))
      const writer = startWriter(path)
      await expect(writer).rejects.toThrow(
        new RegExp(`can't be (read|written) here, because it uses what isn't supported: .*${name}`),
      )
      await expect(writer).rejects.toBeInstanceOf(DeltaTableError)
      if (read) expect(await readTable(path)).toEqual([])
      else await expect(readTable(path)).rejects.toThrow(name)
      expect(filesBelow(join(path, '_delta_log'))).toEqual(before)
    },
  )

  it('features that an append honours anyway is written', async () => {
    const protocol = { minReaderVersion: 1, minWriterVersion: 7, writerFeatures: ['appendOnly', 'invariants'] }
    const path = await tableOf([
      [{ protocol }, { metaData: { ...plain, configuration: { 'delta.appendOnly': 'true' } } }],
    ])
    await writeBatch(await startWriter(path), batchOf(0), [[rows(1)]])
    expect(await ids(path)).toEqual([1])
  })

  it('a type that rows do not have is refused, naming the column', async () => {
    for (const type of [
      'timestamp_ntz',
      'variant',
      { type: 'map', keyType: 'integer', valueType: 'string', valueContainsNull: true },
    ]) {
      const schemaString = JSON.stringify({
        type: 'struct',
        fields: [{ name: 'odd', type, nullable: true, metadata: {} }],
      })
      const path = await tableOf([
        [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData: { ...plain, schemaString } }],
      ])
      await expect(readTable(path)).rejects.toThrow(/column "odd" has (the type|a map)/)
    }
  })
})

describe('a reader', () => {
  it('says that there is no table, or that a file is gone', async () => {
    await expect(readTable(await temporaryTable())).rejects.toThrow(/there is no Delta table/)
    const path = await tableOf([
      [{ protocol: { minReaderVersion: 1, minWriterVersion: 2 } }, { metaData: plain }],
      [{ add: { path: 'gone.parquet', partitionValues: {}, size: 1, modificationTime: 1, dataChange: true } }],
    ])
    await expect(readTable(path)).rejects.toThrow(/gone.parquet: the table's log names this file, and it is not there/)
  })
})

describe('a folder', () => {
  it('that can not be one is refused at start', async () => {
    const folder = await temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    const writer = startWriter(join(folder, 'file', 'table'))
    await expect(writer).rejects.toThrow(/deltaTable: the folder .*file\/table can't be written/)
    await expect(writer).rejects.toBeInstanceOf(OptionError)
  })

  it('holds nothing of ours in the log’s but entries and checkpoints', async () => {
    const path = await temporaryTable()
    await writeBatch(await startWriter(path), batchOf(0), [[rows(1)]])
    expect(readdirSync(join(path, '_delta_log')).sort()).toEqual([
      '00000000000000000000.json',
      '00000000000000000001.json',
    ])
    expect(existsSync(join(path, '_sluice'))).toBe(true)
  })
})

describe('options', () => {
  it.each([
    [{ path: '' }, /option "path"/],
    [{ path: 'x', partitionBy: ['a', 'a'] }, /option "partitionBy" must be a list of different column names/],
    [{ path: 'x', schema: idSchema, partitionBy: ['nope'] }, /names "nope", which is none of the columns/],
    [
      { path: 'x', schema: schema('a double, b int'), partitionBy: ['a'] },
      /column "a" can't part a table: its type is double/,
    ],
    [{ path: 'x', schema: schema('a int'), partitionBy: ['a'] }, /names all columns/],
    [{ path: 'x', parquet: {} }, /option "parquet" must be a Parquet writer/],
    [{ path: 'x', mode: 'overwrite' }, /unknown option "mode"/],
  ])('%j', (options, message) => {
    expect(() => deltaTable(options as never)).toThrow(message)
  })

  it('"version" is not for a sink', async () => {
    await expect(startWriter(await temporaryTable(), { options: { version: 1 } })).rejects.toThrow(
      /"version" is for reading/,
    )
  })
})

// Each of some hundred schedules makes files durable, which takes as long as the disk has for others.
describe('with a crash after every call and log record, each row is there once', { timeout: 400_000 }, () => {
  const six = { rows: 6, maxRows: 3 }
  const table = schema('id int not null')
  const world = async (readAt: string, sinkOf: (path: string, parquet: ParquetEngine) => unknown) => {
    const source = memoryStream<{ id: number }>({ partitions: 2 })
    source.add(...Array.from({ length: 6 }, (_, id) => ({ id })))
    const [path, parquet] = [await temporaryTable(), trackedEngine()]
    return {
      source,
      sink: sinkOf(path, parquet) as ReturnType<typeof deltaTable<{ id: number }>>,
      ids: () => ids(join(path, readAt)),
      close: () => parquet.close?.(),
    }
  }

  it('in one table', async () => {
    const report = await exploreConnectors(
      () => world('', (path, parquet) => deltaTable({ path, parquet, schema: table })),
      six,
    )
    expect(report.text).toBe(`${report.schedules} schedules, none failed`)
    expect(report.schedules).toBeGreaterThan(20)
  })

  it.each(['left', 'right'])('in each of two tables of a tee: %s', async (which) => {
    const child = (path: string, parquet: ParquetEngine) => deltaTable({ path, parquet, schema: table })
    const report = await exploreConnectors(
      () =>
        world(which, (path, parquet) =>
          tee({ left: child(join(path, 'left'), parquet), right: child(join(path, 'right'), parquet) }),
        ),
      six,
    )
    expect(report.text).toBe(`${report.schedules} schedules, none failed`)
  })
})
