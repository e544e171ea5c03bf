import { setTimeout as sleep } from 'node:timers/promises'
import { availableNow, memoryCheckpoint, memorySink, read, readStream, schema } from 'sluice'
import { type PostgresOffset, postgresRows, postgresTable } from 'sluice/postgres'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ReplayableReader } from '../../../src/source.ts'
import { readAllAvailable } from '../../../src/source.ts'
import { withDatabase } from '../../support/postgres.ts'
import { settle } from '../drive.ts'

const numbered = schema('id bigint not null, name string')

/** A reader that is stopped at the end of the test. */
function readerOf(options: Partial<Parameters<typeof postgresRows>[0]> & { readonly url: string }) {
  const reader = postgresRows({
    table: 't',
    schema: numbered,
    id: 'id',
    ...options,
  }).streamReader() as ReplayableReader<PostgresOffset, unknown, { readonly id: bigint }>
  onTestFinished(() => settle(() => reader.stop?.()).then(() => undefined))
  return reader
}

const all = readAllAvailable
const context = (signal = new AbortController().signal) => ({
  queryId: 'q',
  batchId: 0,
  partitionId: 0,
  attempt: 0,
  signal,
  report: () => undefined,
})

async function idsOf(
  reader: ReturnType<typeof readerOf>,
  start: PostgresOffset,
  end: PostgresOffset,
): Promise<bigint[]> {
  const ids: bigint[] = []
  for (const partition of await settle(() => reader.partitions(start, end)))
    for await (const chunk of reader.read(partition, context()) as AsyncIterable<readonly { id: bigint }[]>)
      ids.push(...chunk.map(({ id }) => id))
  return ids
}

describe('postgresRows by id', () => {
  it('reads every row once, whatever the gaps, the last one and ids beyond 2⁵³ included', async () => {
    const { url, client } = await withDatabase()
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY, name text);
      INSERT INTO t SELECT id, 'x' FROM unnest(ARRAY[-5, 0, 1, 2, 3, 1000000, 9007199254740993, 9223372036854775807]) AS id`)
    const reader = readerOf({ url, partitions: 3 })
    const start = await settle(() => reader.initialOffset())
    const end = await settle(() => reader.latestOffset(start, all))
    expect([start, end]).toEqual([{ id: '-9223372036854775808' }, { id: '9223372036854775808' }])
    expect(await settle(() => reader.distance?.({ id: '1000000' }, end) ?? 0)).toBe(Number(2n ** 63n - 1_000_000n))
    expect(await settle(() => reader.distance?.(start, { id: '4' }) ?? 0)).toBe(9)
    expect(await idsOf(reader, start, end)).toEqual([
      -5n,
      0n,
      1n,
      2n,
      3n,
      1_000_000n,
      9007199254740993n,
      2n ** 63n - 1n,
    ])
    expect(await settle(() => reader.latestOffset(end, all))).toEqual(end)
    expect(await settle(() => reader.partitions(end, end))).toEqual([])
  })

  it('cuts batches of maxRows, one after the other', async () => {
    const { url, client } = await withDatabase()
    await client.query(
      `CREATE TABLE t (id bigint PRIMARY KEY, name text); INSERT INTO t SELECT i * i, 'x' FROM generate_series(1, 25) AS i`,
    )
    const reader = readerOf({ url })
    const batches: bigint[][] = []
    for (let start = await settle(() => reader.initialOffset()); ; ) {
      const end = await settle(() => reader.latestOffset(start, { ...all, maxRows: 10 }))
      if (JSON.stringify(end) === JSON.stringify(start)) break
      batches.push(await idsOf(reader, start, end))
      start = end
    }
    expect(batches.map(({ length }) => length)).toEqual([10, 10, 5])
    expect(batches.flat()).toEqual(Array.from({ length: 25 }, (_, i) => BigInt((i + 1) ** 2)))
  })

  it('plans a large table without reading it', async () => {
    const { url, client, rows } = await withDatabase()
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY, name text) WITH (autovacuum_enabled = false);
      INSERT INTO t SELECT i * 500, 'x' FROM generate_series(1, 200000) AS i; ANALYZE t`)
    await sleep(200)
    const scans = async () =>
      (
        await rows<{ seq: number; tup: number }>(
          "SELECT seq_scan::int AS seq, idx_tup_read::int AS tup FROM pg_stat_user_tables JOIN pg_stat_user_indexes USING (relid) WHERE pg_stat_user_tables.relname = 't'",
        )
      )[0] as { seq: number; tup: number }
    const before = await scans()
    const reader = readerOf({ url, partitions: 8 })
    const start = await settle(() => reader.initialOffset())
    const end = await settle(() => reader.latestOffset(start, { ...all, maxRows: 1_000 }))
    expect((await settle(() => reader.partitions(start, end))).length).toBe(8)
    expect((await settle(() => reader.partitions(start, { id: '100000001' }))).length).toBe(8)
    await settle(() => reader.stop?.())
    await sleep(1_200)
    const after = await scans()
    expect(after.seq - before.seq).toBe(0)
    expect(after.tup - before.tup).toBeLessThan(1_100)
  })

  it('waits for a transaction that commits late, with openTransactions', async () => {
    const { url, client, rows } = await withDatabase()
    const { client: other } = await openSecond(url)
    await client.query('CREATE TABLE t (id bigserial PRIMARY KEY, name text)')
    await rows("INSERT INTO t (name) VALUES ('first')")
    const reader = readerOf({ url, openTransactions: 'wait' })
    const start = await settle(() => reader.initialOffset())
    await settle(() => reader.latestOffset(start, all))
    await other.query("BEGIN; INSERT INTO t (name) VALUES ('late')")
    await rows("INSERT INTO t (name) VALUES ('early')")
    const held = await settle(() => reader.latestOffset(start, all))
    expect(await idsOf(reader, start, held)).toEqual([1n])
    await other.query('COMMIT')
    const end = await settle(() => reader.latestOffset(held, all))
    expect(await idsOf(reader, held, end)).toEqual([2n, 3n])
    const hasty = readerOf({ url })
    await other.query("BEGIN; INSERT INTO t (name) VALUES ('lost')")
    await rows("INSERT INTO t (name) VALUES ('seen')")
    expect(await settle(() => hasty.latestOffset(end, all))).toEqual({ id: '6' }) // the hazard that it is for
    await other.query('COMMIT')
  })

  it('begins below an id that is in an open transaction when the query is new', async () => {
    const { url, client, rows } = await withDatabase()
    const { client: other } = await openSecond(url)
    await client.query('CREATE TABLE t (id bigserial PRIMARY KEY, name text)')
    await other.query("BEGIN; INSERT INTO t (name) VALUES ('late')")
    await rows("INSERT INTO t (name) VALUES ('early')")
    const reader = readerOf({ url, openTransactions: 'wait' })
    const start = await settle(() => reader.initialOffset())
    const held = await settle(() => reader.latestOffset(start, all))
    expect(await idsOf(reader, start, held)).toEqual([])
    await other.query('COMMIT')
    const end = await settle(() => reader.latestOffset(held, all))
    expect(await idsOf(reader, held, end)).toEqual([1n, 2n])
  })

  it('waits for a transaction that began after the statement did which asks for the head, and before its snapshot', async () => {
    const { url, client, rows } = await withDatabase()
    const { client: other } = await openSecond(url)
    // While a statement on the view is planned, half a second passes: between its time and its snapshot.
    await client.query(`CREATE TABLE plain (id bigserial PRIMARY KEY, name text); INSERT INTO plain (name) VALUES ('first');
      CREATE FUNCTION slow() RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN 1; END';
      CREATE VIEW t AS SELECT * FROM plain WHERE slow() = 1`)
    const reader = readerOf({ url, openTransactions: 'wait' })
    const start = await settle(() => reader.initialOffset())
    await settle(() => reader.latestOffset(start, all))
    const asked = settle(() => reader.latestOffset(start, all))
    await sleep(200)
    await other.query("BEGIN; INSERT INTO plain (name) VALUES ('late')")
    await rows("INSERT INTO plain (name) VALUES ('early')")
    const held = await asked
    const first = await idsOf(reader, start, held)
    await other.query('COMMIT')
    const end = await settle(() => reader.latestOffset(held, all))
    expect([...first, ...(await idsOf(reader, held, end))]).toEqual([1n, 2n, 3n])
  })

  it('holds back what is younger than the safety lag', async () => {
    const { url, rows, client } = await withDatabase()
    await client.query("CREATE TABLE t (id bigserial PRIMARY KEY, name text); INSERT INTO t (name) VALUES ('a')")
    const reader = readerOf({ url, safetyLag: '300ms' })
    const start = await settle(() => reader.initialOffset())
    expect(await settle(() => reader.latestOffset(start, all))).toEqual({ id: '2' }) // it waited
    await rows("INSERT INTO t (name) VALUES ('b')")
    expect(await settle(() => reader.latestOffset({ id: '2' }, all))).toEqual({ id: '2' })
    await sleep(350)
    await settle(() => reader.latestOffset({ id: '2' }, all))
    expect(await settle(() => reader.latestOffset({ id: '2' }, all))).toEqual({ id: '3' })
  })

  it('ends the statement at the server when it is aborted, and when nobody reads on', async () => {
    const { url, client, rows } = await withDatabase()
    await client.query(
      'CREATE TABLE t (id bigint PRIMARY KEY, name text); INSERT INTO t SELECT i, repeat(chr(120), 500) FROM generate_series(1, 100000) AS i',
    )
    const reader = readerOf({ url, applicationName: 'reads', partitions: 1 })
    const [partition] = await settle(() => reader.partitions({ id: '1' }, { id: '100001' }))
    const active = async () =>
      (
        await rows(
          "SELECT 1 FROM pg_stat_activity WHERE application_name = 'reads' AND query LIKE 'COPY%' AND state = 'active'",
        )
      ).length
    const controller = new AbortController()
    const aborted = (reader.read(partition, context(controller.signal)) as AsyncIterable<unknown>)[
      Symbol.asyncIterator
    ]()
    await aborted.next()
    expect(await active()).toBe(1)
    controller.abort()
    await expect(
      (async () => {
        for (;;) if ((await aborted.next()).done === true) break
      })(),
    ).rejects.toThrow()
    const left = (reader.read(partition, context()) as AsyncIterable<unknown>)[Symbol.asyncIterator]()
    await left.next()
    await left.return?.()
    for (let waited = 0; (await active()) > 0 && waited < 5_000; waited += 50) await sleep(50)
    expect(await active()).toBe(0)
  })
})

describe('postgresRows by updatedAt', () => {
  it('brings what was changed, ties by id, microseconds too', async () => {
    const { url, client, rows } = await withDatabase()
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY, name text, at timestamptz NOT NULL); CREATE INDEX ON t (at, id);
      INSERT INTO t SELECT i, 'x', timestamptz '2026-01-01' + (i / 10) * interval '1 microsecond' FROM generate_series(1, 100) AS i`)
    const reader = readerOf({ url, updatedAt: 'at', safetyLag: 0, partitions: 4 })
    const seen: bigint[] = []
    let start = await settle(() => reader.initialOffset())
    for (;;) {
      const end = await settle(() => reader.latestOffset(start, { ...all, maxRows: 7 }))
      if (JSON.stringify(end) === JSON.stringify(start)) break
      const ids = await idsOf(reader, start, end)
      expect(ids.length).toBeLessThanOrEqual(7)
      seen.push(...ids)
      start = end
    }
    expect(seen.sort((a, b) => Number(a - b))).toEqual(Array.from({ length: 100 }, (_, i) => BigInt(i + 1)))
    await rows('UPDATE t SET at = now() WHERE id = 50')
    const end = await settle(() => reader.latestOffset(start, all))
    expect(await idsOf(reader, start, end)).toEqual([50n])
  })

  it('warns of rows whose time is null or infinite: they never come', async () => {
    const { url, client } = await withDatabase()
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY, name text, at timestamptz); CREATE INDEX ON t (at, id);
      INSERT INTO t VALUES (1, 'x', now() - interval '1 hour')`)
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined)
    onTestFinished(() => warned.mockRestore())
    const ids = async () => {
      const reader = readerOf({ url, updatedAt: 'at', safetyLag: 0, partitions: 1 })
      return idsOf(reader, {}, await settle(() => reader.latestOffset({}, all)))
    }
    expect(await ids()).toEqual([1n])
    expect(warned).not.toHaveBeenCalled()
    await client.query("INSERT INTO t VALUES (2, 'x', NULL)")
    expect(await ids()).toEqual([1n])
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/without a time.*"at".*null or infinity are never read/), 'SluiceWarning'],
    ])
    await client.query("UPDATE t SET at = 'infinity' WHERE id = 2")
    await ids()
    expect(warned).toHaveBeenCalledTimes(2)
    const sink = memorySink<{ id: bigint }>()
    await read(postgresRows({ url, table: 't', schema: numbered, id: 'id', updatedAt: 'at', safetyLag: 0 }))
      .write(sink)
      .start().terminated
    expect(sink.rows).toHaveLength(2)
    expect(warned).toHaveBeenCalledTimes(2)
  })

  it('starts all the same where looking for such rows takes too long, and says so', async () => {
    const { url, client } = await withDatabase()
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY, name text, at timestamptz);
      INSERT INTO t VALUES (1, 'x', now() - interval '1 hour')`)
    await client.query('BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE')
    let released: Promise<unknown> | undefined
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {
      released = client.query('ROLLBACK')
    })
    onTestFinished(() => warned.mockRestore())
    const reader = readerOf({ url, updatedAt: 'at', safetyLag: 0, partitions: 1, statementTimeout: '2 seconds' })
    expect(await idsOf(reader, {}, await settle(() => reader.latestOffset({}, all)))).toEqual([1n])
    await released
    expect(warned.mock.calls).toEqual([
      [expect.stringMatching(/"statementTimeout".*index on "at".*null or infinity are never read/), 'SluiceWarning'],
    ])
  })

  it('takes times before Christ for earlier, and years of five digits for later', async () => {
    const { url, client } = await withDatabase()
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY, name text, at timestamptz NOT NULL);
      INSERT INTO t VALUES (1, 'x', '-infinity'), (2, 'x', '4713-12-31 00:00:00+00 BC'), (3, 'x', '0044-03-15 00:00:00+00 BC'), (4, 'x', '2026-01-01 00:00:00+00')`)
    const reader = readerOf({ url, updatedAt: 'at', safetyLag: 0, partitions: 2 })
    let start = await settle(() => reader.initialOffset())
    for (const id of [1n, 2n, 3n, 4n]) {
      const end = await settle(() => reader.latestOffset(start, { ...all, maxRows: 1 }))
      expect(reader.compare?.(start, end)).toBe(-1)
      expect(reader.compare?.(end, start)).toBe(1)
      expect(await idsOf(reader, start, end)).toEqual([id])
      start = end
    }
    expect(reader.compare?.(start, { time: '10000-01-01 00:00:00+00', id: '1' })).toBe(-1)
  })

  it('cuts times of any spread without gap and overlap', async () => {
    const { url, client } = await withDatabase()
    await client.query(`CREATE TABLE t (id bigint PRIMARY KEY, name text, at timestamptz NOT NULL);
      INSERT INTO t SELECT i, 'x', timestamptz '2020-01-01' + random() * random() * interval '5 years' FROM generate_series(1, 5000) AS i`)
    const reader = readerOf({ url, updatedAt: 'at', safetyLag: '1 second', partitions: 7 })
    const end = await settle(() => reader.latestOffset({}, all))
    const ids = await idsOf(reader, {}, end)
    expect(ids.length).toBe(5000)
    expect(new Set(ids).size).toBe(5000)
  })
})

describe('postgresRows', () => {
  it('is read once from end to end, too', async () => {
    const { url, client } = await withDatabase()
    await client.query(
      "CREATE TABLE t (id integer PRIMARY KEY, name text); INSERT INTO t SELECT i, 'n' || i FROM generate_series(1, 3000) AS i",
    )
    const sink = memorySink<{ id: number }>()
    await read(postgresRows({ url, table: 't', schema: schema('id int not null, name string'), id: 'id' }))
      .write(sink)
      .start().terminated
    expect(new Set(sink.rows.map(({ id }) => id)).size).toBe(3000)
  })

  it('goes from one table into another, exactly once', async () => {
    const { url, client, psql } = await withDatabase()
    await client.query(
      "CREATE TABLE t (id bigint PRIMARY KEY, name text); INSERT INTO t SELECT i, 'n' || i FROM generate_series(1, 5000) AS i",
    )
    const sink = postgresTable({ url, table: 'copy', createTable: true })
    const query = readStream(postgresRows({ url, table: 't', schema: numbered, id: 'id' })).writeStream(sink, {
      name: 'copy',
      checkpoint: sink.checkpoint,
      trigger: availableNow(),
      limit: { maxRows: 700 },
      require: 'exactly-once',
    })
    await query.start().terminated
    await client.query("INSERT INTO t SELECT i, 'n' || i FROM generate_series(5001, 6000) AS i")
    await query.start().terminated
    expect(
      psql('SELECT count(*) FROM copy FULL JOIN t USING (id, name) WHERE copy.id IS NULL OR t.id IS NULL'),
    ).toEqual(['0'])
    expect(psql('SELECT count(*) FROM copy')).toEqual(['6000'])
  })

  it.each([
    [{ id: 'no' }, /has no column "no"; its columns: id bigint, name text/],
    [{ id: 'name' }, /expected an integer as "id"/],
    [{ table: 'nowhere' }, /there is no table "nowhere"/],
  ])('refuses %j', async (options, message) => {
    const { url, client } = await withDatabase()
    await client.query('CREATE TABLE t (id bigint PRIMARY KEY, name text)')
    await expect(settle(() => readerOf({ url, ...options }).initialOffset())).rejects.toThrow(message)
  })

  it('refuses options that lose rows', () => {
    const base = { url: 'postgres://h/d', table: 't', schema: numbered, id: 'id' }
    expect(() => postgresRows({ ...base, updatedAt: 'at' })).toThrow(/needs "safetyLag"/)
    expect(() => postgresRows({ ...base, url: 'mysql://u:secret@h/d' })).toThrow(
      /^postgresRows: option "url" must be a URL postgres:\/\/user:password@host:5432\/database$/,
    )
    expect(memoryCheckpoint().durable).toBe(false)
  })
})

describe('a reader that is stopped while it is asked', () => {
  it.each(['first look', 'plan', 'partitions'] as const)('leaves no connection open: %s', async (moment) => {
    const { url, client, psql } = await withDatabase()
    await client.query("CREATE TABLE t (id bigint PRIMARY KEY, name text); INSERT INTO t VALUES (1, 'x')")
    const reader = readerOf({ url })
    const start = { id: '1' }
    if (moment !== 'first look') await settle(() => reader.latestOffset(start, all))
    const asked =
      moment === 'partitions'
        ? settle(() => reader.partitions(start, { id: '2' }))
        : settle(() => reader.latestOffset(start, { ...all, maxRows: 1 }))
    await settle(() => reader.stop?.())
    await asked.catch(() => undefined)
    const others =
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'psql'"
    await expect.poll(() => psql(others), { timeout: 5_000 }).toEqual(['1']) // the test's own
  })
})

async function openSecond(url: string) {
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  onTestFinished(() => client.end().catch(() => undefined))
  return { client }
}
