import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  LeaseLostError,
  OptionError,
  PortError,
  PostgresRefusedError,
  RowError,
  SchemaError,
} from '../../../src/errors.ts'
import { type Schema, schema } from '../../../src/schema.ts'
import { withDatabase } from '../../support/postgres.ts'
import { batchOf, contextOf, settle, stageBatch, startOf, writeBatch } from '../drive.ts'
import { idsFrom, numbered, rowsOf, startedWriter } from './rig.ts'

const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  )

describe('postgresTable appends', () => {
  it('a batch of several partitions in one transaction, with an entry in the ledger', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true })
    await settle(() => writer.begin?.(batchOf(0)) ?? 'write')
    const messages = await stageBatch(writer, batchOf(0), [[rowsOf([1, 2]), rowsOf([3])], [], [rowsOf([4])]])
    expect(psql('SELECT count(*) FROM t')).toEqual(['0'])
    await settle(() => writer.begin?.(batchOf(0)) ?? 'write')
    await writeBatch(writer, batchOf(0), [[rowsOf([1, 2]), rowsOf([3])], [], [rowsOf([4])]])
    expect(messages).toEqual([{ rows: 3 }, { rows: 0 }, { rows: 1 }])
    expect(psql('SELECT * FROM t ORDER BY id')).toEqual(['1|x1', '2|x2', '3|x3', '4|x4'])
    expect(psql('SELECT sink_id, batch_id, epoch, rows FROM sluice.ledger')).toEqual(['main|0|1|4'])
  })

  it('a batch without rows, which is an entry as well', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true })
    expect(await writeBatch(writer, batchOf(0), [])).toBe('written')
    expect(await writeBatch(writer, batchOf(0), [])).toBe('committed')
    expect(psql('SELECT batch_id, rows FROM sluice.ledger')).toEqual(['0|0'])
  })

  it('a batch of a thousand partitions', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true })
    await writeBatch(
      writer,
      batchOf(0),
      idsFrom(0, 1000).map((id) => [rowsOf([id])]),
    )
    expect(psql('SELECT count(*), count(DISTINCT id), sum(id) FROM t')).toEqual(['1000|1000|499500'])
  })

  it('rows that are more than it may hold, as they come', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true, maxBuffered: 100_000 })
    const chunks = (first: number) =>
      Array.from({ length: 20 }, (_, index) => rowsOf(idsFrom(first + index * 1000, 1000)))
    await writeBatch(writer, batchOf(0), [chunks(0), chunks(20_000), chunks(40_000)])
    expect(psql('SELECT count(*), count(DISTINCT id), max(id) FROM t')).toEqual(['60000|60000|59999'])
  })

  it('skips a batch that it holds, in another process too, and refuses another range under its id', async () => {
    const { url, psql } = await withDatabase()
    const first = await startedWriter({ url, table: 't', createTable: true }, { queryId: 'q', schema: numbered })
    await writeBatch(first, batchOf(0), [[rowsOf([1])]])
    await writeBatch(first, batchOf(1), [[rowsOf([2])]])
    const second = await startedWriter({ url, table: 't' }, { queryId: 'q', epoch: 2, schema: numbered })
    expect(await writeBatch(second, batchOf(1), [[rowsOf([2])]])).toBe('committed')
    const other = await failureOf(writeBatch(second, batchOf(1, { end: { offset: 99 } }), []))
    expect(other).toBeInstanceOf(PortError)
    expect(String(other)).toContain('the checkpoint is older than the table')
    expect(psql('SELECT count(*) FROM t')).toEqual(['2'])
  })

  it('warns once when the ledger knows no batch of a query that has done some', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const { url, psql } = await withDatabase()
    const first = await startedWriter({ url, table: 't', createTable: true }, { queryId: 'q', schema: numbered })
    await writeBatch(first, batchOf(0), [[rowsOf([1])]])
    await writeBatch(first, batchOf(1), [])
    expect(warned).not.toHaveBeenCalled()
    psql('DELETE FROM sluice.ledger')
    const second = await startedWriter({ url, table: 't' }, { queryId: 'q', epoch: 2, schema: numbered })
    await writeBatch(second, batchOf(2), [[rowsOf([3])]])
    await writeBatch(second, batchOf(3), [])
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/"main": knows no batch of this query, .* batch 2: /), 'SluiceWarning'],
    ])
  })

  it('refuses a batch that is older than what the ledger keeps', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true })
    for (let id = 0; id < 130; id++) await writeBatch(writer, batchOf(id), [])
    expect(psql('SELECT count(*), min(batch_id), max(batch_id) FROM sluice.ledger')).toEqual(['100|30|129'])
    expect(String(await failureOf(writeBatch(writer, batchOf(3), [])))).toContain('comes after batch 129 was committed')
  })

  it('keeps queries and sinks apart', async () => {
    const { url, psql } = await withDatabase()
    for (const [queryId, sinkId] of [
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'x'],
    ] as const) {
      const writer = await startedWriter({ url, table: 't', createTable: true }, { queryId, sinkId, schema: numbered })
      expect(await writeBatch(writer, batchOf(0), [[rowsOf([1])]])).toBe('written')
    }
    expect(psql('SELECT count(*) FROM t')).toEqual(['3'])
  })

  it('commits nothing more once another process has taken over, however far it is', async () => {
    const { url, psql } = await withDatabase()
    const older = await startedWriter({ url, table: 't', createTable: true }, { queryId: 'q', schema: numbered })
    const messages = await stageBegun(older)
    const newer = await startedWriter({ url, table: 't' }, { queryId: 'q', epoch: 2, schema: numbered })
    const lost = await failureOf(settle(() => older.commit(messages, batchOf(0))))
    expect(lost).toMatchObject({ restartsBatch: true })
    expect(await failureOf(settle(() => older.begin?.(batchOf(0)) ?? 'write'))).toBeInstanceOf(LeaseLostError)
    expect(await writeBatch(newer, batchOf(0), [[rowsOf([1])]])).toBe('written')
    const late = failureOf(startedWriter({ url, table: 't' }, { queryId: 'q', epoch: 1, schema: numbered }))
    expect(await late).toBeInstanceOf(LeaseLostError)
    expect(psql('SELECT count(*) FROM t')).toEqual(['1'])
  })

  it('takes nothing of a batch that was aborted, and a partition that failed alone', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true })
    await stageBegun(writer)
    await settle(() => writer.abort?.([], batchOf(0)))
    await settle(() => writer.begin?.(batchOf(0)) ?? 'write')
    const failed = await settle(() => writer.open(contextOf(batchOf(0), 0)))
    await settle(() => failed.write(rowsOf([7])))
    await settle(() => failed.discard?.())
    const again = await settle(() => writer.open(contextOf(batchOf(0), 0, { attempt: 1 })))
    await settle(() => again.write(rowsOf([8])))
    const message = await settle(() => again.finish())
    await settle(() => writer.commit([message], batchOf(0)))
    expect(psql('SELECT id FROM t')).toEqual(['8'])
  })

  it('begins the batch again when a partition fails that had sent rows', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true, maxBuffered: 1 })
    await settle(() => writer.begin?.(batchOf(0)) ?? 'write')
    const partition = await settle(() => writer.open(contextOf(batchOf(0), 0)))
    await settle(() => partition.write(rowsOf([7])))
    await settle(() => partition.discard?.())
    const lost = await failureOf(settle(() => writer.open(contextOf(batchOf(0), 0, { attempt: 1 }))))
    expect(lost).toMatchObject({ restartsBatch: true, retryable: true })
    await settle(() => writer.abort?.([undefined], batchOf(0)))
    expect(await writeBatch(writer, batchOf(0), [[rowsOf([8])]])).toBe('written')
    expect(psql('SELECT id FROM t')).toEqual(['8'])
  })

  it('quotes names, whatever they are', async () => {
    const { url, psql, client } = await withDatabase()
    await client.query('CREATE SCHEMA "Odd ""schema"""')
    const odd = schema([
      { name: 'select', type: 'int' },
      { name: 'a"b; drop', type: 'string' },
      { name: 'Größe', type: 'string' },
    ])
    const table = { schema: 'Odd "schema"', name: 'Table; "x"' }
    const writer = await startedWriter(
      { url, table, createTable: true, bookkeeping: 'Book "keeping"' },
      { schema: odd },
    )
    await writeBatch(writer, batchOf(0), [[[{ select: 1, 'a"b; drop': 'x', Größe: 'y' }]]])
    expect(psql(`SELECT * FROM "Odd ""schema"""."Table; ""x"""`)).toEqual(['1|x|y'])
    expect(psql(`SELECT batch_id FROM "Book ""keeping""".ledger`)).toEqual(['0'])
  })
})

/** Writes all partitions of batch 0 and stops short of the commit. */
async function stageBegun(writer: Awaited<ReturnType<typeof startedWriter>>) {
  await settle(() => writer.begin?.(batchOf(0)) ?? 'write')
  return stageBatch(writer, batchOf(0), [[rowsOf(idsFrom(0, 5))]])
}

describe('postgresTable with a key', () => {
  it('replaces rows by their key; of several in one statement the last stays', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true, mode: 'upsert', key: ['id'] })
    await writeBatch(writer, batchOf(0), [[rowsOf([1, 2, 3])]])
    await writeBatch(writer, batchOf(1), [[rowsOf([2], 'a'), rowsOf([2, 4], 'b')], [rowsOf([3], 'c')]])
    expect(psql('SELECT * FROM t ORDER BY id')).toEqual(['1|x1', '2|b2', '3|c3', '4|b4'])
  })

  it('leaves out rows whose key is there, with mode insertOnly', async () => {
    const { url, psql } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true, mode: 'insertOnly', key: ['id'] })
    await writeBatch(writer, batchOf(0), [[rowsOf([1, 2])]])
    await writeBatch(writer, batchOf(1), [[rowsOf([2, 3], 'a'), rowsOf([3], 'b')]])
    expect(psql('SELECT * FROM t ORDER BY id')).toEqual(['1|x1', '2|x2', '3|a3'])
  })

  it('deletes rows whose flag says so, in the order of the rows', async () => {
    const { url, psql } = await withDatabase()
    const flagged = schema('id bigint not null, name string, gone boolean')
    const options = { url, table: 't', createTable: true, mode: 'upsert', key: ['id'], deleteFlag: 'gone' } as const
    const writer = await startedWriter(options, { schema: flagged })
    const change = (id: number, name: string, gone: boolean | null = null) => ({ id: BigInt(id), name, gone })
    await writeBatch(writer, batchOf(0), [[[change(1, 'a'), change(2, 'b'), change(3, 'c', false)]]])
    await writeBatch(writer, batchOf(1), [
      [
        [change(1, 'x', true), change(2, 'y', true), change(2, 'again')],
        [change(4, 'd'), change(4, 'd', true)],
      ],
    ])
    expect(psql('SELECT * FROM t ORDER BY id')).toEqual(['2|again', '3|c'])
  })

  it.each([
    ['string', 'uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'],
    ['decimal(10, 2)', 'numeric', '1.0', '1.00'],
    ['decimal(10, 2)', 'numeric(10, 1)', '1.01', '1.04'],
    ['double', 'double precision', 0, -0],
    ['bigint', 'double precision', 9007199254740992n, 9007199254740993n],
    ['string', 'char(5)', 'a', 'a '],
    ['string', 'text COLLATE nobodys_case', 'a', 'A'],
    ['timestamp', 'timestamptz(0)', new Date(1_000), new Date(1_400)],
    ['array<double>', 'double precision[]', [0], [-0]],
  ] as const)('knows equal keys by what the table takes for equal: %s in a column %s', async (type, column, a, b) => {
    const { url, psql } = await withDatabase()
    psql(`CREATE COLLATION nobodys_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`)
    psql(`CREATE TABLE t (n int, id ${column} PRIMARY KEY)`)
    const flagged = schema(`id ${type} not null, n int, gone boolean`)
    const options = { url, table: 't', mode: 'upsert', key: ['id'], deleteFlag: 'gone' } as const
    const writer = await startedWriter(options, { schema: flagged })
    await writeBatch(writer, batchOf(0), [
      [[{ id: a, n: 1 }], [{ id: b, n: 2 }]],
      [
        [
          { id: b, n: 3 },
          { id: a, n: 4 },
        ],
      ],
    ])
    expect(psql('SELECT n FROM t')).toEqual(['4'])
    await writeBatch(writer, batchOf(1), [
      [
        [
          { id: a, n: 5 },
          { id: b, n: 6, gone: true },
        ],
      ],
    ])
    expect(psql('SELECT n FROM t')).toEqual([])
    await writeBatch(writer, batchOf(2), [
      [
        [
          { id: a, n: 7, gone: true },
          { id: b, n: 8 },
        ],
      ],
    ])
    expect(psql('SELECT n FROM t')).toEqual(['8'])
  })

  it('takes more rows than a statement has, and a key of several columns', async () => {
    const { url, psql } = await withDatabase()
    const pair = schema('a int not null, b string not null, v array<string>')
    const options = { url, table: 't', createTable: true, mode: 'upsert', key: ['a', 'b'] } as const
    const writer = await startedWriter(options, { schema: pair })
    const rows = idsFrom(0, 25_000).map((id) => ({ a: id % 5000, b: `k${id % 7}`, v: [`${id}`, null] }))
    await writeBatch(writer, batchOf(0), [[rows.slice(0, 12_000), rows.slice(12_000)]])
    const last = new Map(rows.map((row) => [`${row.a}|${row.b}`, row.v[0]]))
    expect(psql('SELECT a, b, v[1], array_length(v, 1) FROM t ORDER BY a, b')).toEqual(
      [...last]
        .map(([key, v]) => `${key}|${v}|2`)
        .sort((x, y) => {
          const [a = '', b = ''] = x.split('|')
          const [c = '', d = ''] = y.split('|')
          return Number(a) - Number(c) || (b < d ? -1 : 1)
        }),
    )
  })

  it('refuses a key without a unique index, and a key that is null', async () => {
    const { url, client } = await withDatabase()
    await client.query('CREATE TABLE t (id bigint, name text); CREATE UNIQUE INDEX ON t (id) WHERE id > 5')
    const options = { url, table: 't', mode: 'upsert', key: ['id'] } as const
    expect(String(await failureOf(startedWriter(options)))).toContain('has no unique index on ("id")')
    await client.query('CREATE UNIQUE INDEX ON t (id)')
    const nullable = schema('id bigint, name string')
    const writer = await startedWriter(options, { schema: nullable })
    const error = await failureOf(writeBatch(writer, batchOf(0), [[[{ id: null, name: 'x' }]]]))
    expect(error).toBeInstanceOf(RowError)
  })
})

describe('postgresTable refuses', () => {
  const cases: readonly (readonly [string, string, Schema | undefined, RegExp])[] = [
    ['a table that is not there', '', numbered, /there is no table "t"; option createTable/],
    ['rows without a schema', 'CREATE TABLE t (id bigint)', undefined, /state it with \.as/],
    [
      'a column that the table does not have',
      'CREATE TABLE t (id bigint)',
      numbered,
      /has no column "name"; its columns: id bigint; those of the rows: id, name/,
    ],
    [
      'rows that lack what the table needs',
      'CREATE TABLE t (id bigint, name text, at date NOT NULL)',
      numbered,
      /needs a value for column "at"/,
    ],
    [
      'a generated column',
      'CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, name text)',
      numbered,
      /makes the values of column "id" itself/,
    ],
    [
      'an unlogged table',
      'CREATE UNLOGGED TABLE t (id bigint, name text)',
      numbered,
      /unlogged, and a crash of the server would empty it/,
    ],
  ]
  it.each(cases)('%s', async (_what, ddl, rows, message) => {
    const { url, client } = await withDatabase()
    if (ddl !== '') await client.query(ddl)
    const start = startOf({ queryId: 'q', schema: rows })
    const error = await failureOf(startedWriter({ url, table: 't' }, start as typeof start & { schema: Schema }))
    expect(error instanceof SchemaError || error instanceof OptionError).toBe(true)
    expect(String(error)).toMatch(message)
  })

  it.each([
    ['integer', '4711471147114711', /value "…" is out of range for type integer/],
    ['double precision', '4711e4711', /"…" is out of range for type double precision/],
    ['timestamptz', '2020-01-01 00:00 Secret/4711', /time zone "…" not recognized/],
    ['integer', 'a "4711" b', /invalid input syntax for type integer \(/],
  ])('a text that the type %s has no value for, without showing it', async (type, name, expected) => {
    const { url, psql } = await withDatabase()
    psql(`CREATE TABLE t (id bigint, name ${type})`)
    const writer = await startedWriter({ url, table: 't' })
    const refused = await failureOf(writeBatch(writer, batchOf(0), [[[{ id: 1n, name }]]]))
    expect(refused).toBeInstanceOf(PostgresRefusedError)
    expect(String(refused)).toMatch(expected)
    expect(JSON.stringify([String(refused), (refused as Error).cause])).not.toMatch(/4711|secret/i)
  })

  it('a row that the table refuses, without its values', async () => {
    const { url, client, psql } = await withDatabase()
    await client.query('CREATE TABLE t (id integer CHECK (id < 100), name text)')
    const writer = await startedWriter({ url, table: 't' })
    const refused = await failureOf(writeBatch(writer, batchOf(0), [[rowsOf([1, 4711], 'secret')]]))
    expect(refused).toBeInstanceOf(PostgresRefusedError)
    expect(refused).toMatchObject({ sqlState: '23514' })
    expect(JSON.stringify([String(refused), (refused as Error).cause])).not.toMatch(/4711|secret/)
    const wide = await failureOf(writeBatch(writer, batchOf(0), [[[{ id: 2n ** 40n, name: 'x' }]]]))
    expect(wide).toMatchObject({ code: 'SLUICE_POSTGRES_REFUSED', sqlState: '22003' })
    expect(await writeBatch(writer, batchOf(0), [[rowsOf([1])]])).toBe('written')
    expect(psql('SELECT id FROM t')).toEqual(['1'])
  })

  it('NUL characters and halves of surrogate pairs, by the column', async () => {
    const { url } = await withDatabase()
    const writer = await startedWriter({ url, table: 't', createTable: true })
    for (const name of ['a\0b', '\ud800']) {
      const error = await failureOf(writeBatch(writer, batchOf(0), [[[{ id: 1n, name }]]]))
      expect(error).toBeInstanceOf(RowError)
      expect(String(error)).toContain('column "name"')
    }
  })
})
