import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  availableNow,
  fileCheckpoint,
  journaled,
  memoryCheckpoint,
  memorySink,
  type QueryEvent,
  readStream,
  schema,
  tee,
} from 'sluice'
import { type PostgresTableOptions, postgresTable } from 'sluice/postgres'
import { describe, expect, it, onTestFinished } from 'vitest'
import { exploreConnectors } from '../../../src/testing/explore-connectors.ts'
import { serverUrl, withDatabase } from '../../support/postgres.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'
import { commitProxy, type Fate } from './commit-proxy.ts'
import { type Numbered, numbers } from './numbers.ts'

const limit = { maxRows: 90 }
const retry = { initialDelayMs: 10, maxDelayMs: 50 }
const whole = (rows: number) => [`${rows}|${rows}|0|${rows - 1}`]
const counted = 'SELECT count(*), count(DISTINCT id), min(id), max(id) FROM t'

/** Runs to the end of the numbers. */
async function run(
  until: number,
  options: PostgresTableOptions,
  own = false,
  seen: (event: QueryEvent) => void = () => undefined,
): Promise<QueryEvent[]> {
  const events: QueryEvent[] = []
  const sink = postgresTable(options)
  const checkpoint = own ? sink.checkpoint : memoryCheckpoint()
  const query = readStream(numbers(until)).writeStream(sink, {
    name: 'q',
    checkpoint,
    trigger: availableNow(),
    limit,
    retry,
  })
  const handle = query.start()
  handle.events$.subscribe((event) => {
    events.push(event)
    seen(event)
  })
  await handle.terminated
  return events
}

const restartsOf = (events: readonly QueryEvent[]) =>
  events.flatMap((event) => (event.type === 'retry' && event.port === 'batch' ? [event.error] : []))

describe('a connection cut around COMMIT', () => {
  it.each([
    ['pass', 0],
    ['lost', 3],
    ['unanswered', 0],
    ['late', 3],
  ] as const)('doubles and loses nothing: %s', async (fate, restarts) => {
    const { url, psql } = await withDatabase()
    await run(90, { url, table: 't', createTable: true })
    psql('TRUNCATE t')
    const hit = new Set([0, 2, 4].map((nth) => nth + (fate === 'unanswered' ? 0 : nth / 2)))
    const proxy = await commitProxy(url, (count): Fate => (hit.has(count) ? fate : 'pass'))
    const events = await run(900, { url: proxy.url, table: 't' })
    expect(psql(counted)).toEqual(whole(900))
    expect(proxy.fates.filter((each) => each === fate)).toHaveLength(fate === 'pass' ? 10 : 3)
    expect(events.filter((event) => event.type === 'retry' && event.port === 'batch')).toHaveLength(restarts)
  })

  it('at random moments, wherever the query is just then, with its log in the database or not', async () => {
    const { url, psql } = await withDatabase()
    await run(90, { url, table: 't', createTable: true })
    psql('TRUNCATE t')
    const target = new URL(url)
    const proxy = await tcpProxy({ host: target.hostname, port: Number(target.port) })
    const cutter = setInterval(() => proxy.cut(), 120)
    const path = mkdtempSync(join(tmpdir(), 'sluice-cuts-'))
    onTestFinished(() => {
      clearInterval(cutter)
      rmSync(path, { recursive: true, force: true })
    })
    const sink = postgresTable({ url: proxy.url(url), table: 't', maxBuffered: 500 })
    const query = readStream(numbers(9000)).writeStream(sink, {
      name: 'q',
      checkpoint: fileCheckpoint(join(path, 'c')),
      trigger: availableNow(),
      limit,
      retry,
      restart: { maxAttempts: 20, backoff: retry },
    })
    await query.start().terminated
    expect(psql(counted)).toEqual(whole(9000))
    expect(proxy.accepted).toBeGreaterThan(3)
  })
})

describe('a batch whose transaction fails', () => {
  it('is begun again after a deadlock', async () => {
    const { url, psql, client } = await withDatabase()
    const options = { url, table: 't', createTable: true, mode: 'upsert', key: ['id'] } as const
    await run(180, options)
    await client.query('BEGIN; UPDATE t SET name = name WHERE id = 100')
    // The query's one statement has the rows before that one and waits for it; this session then waits for one of those.
    const query = run(180, { ...options, applicationName: 'victim' })
    const waiting = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'victim'`
    while (psql(waiting)[0] === '0') await sleep(20)
    await client.query("SET deadlock_timeout = '10s'; UPDATE t SET name = name WHERE id = 95").catch(() => undefined)
    await client.query('ROLLBACK')
    const events = await query
    expect(psql(counted)).toEqual(whole(180))
    expect(restartsOf(events)).toMatchObject([{ cause: { sqlState: '40P01' } }])
  })

  it('is begun again after a serialization failure', async () => {
    const { url, psql, client } = await withDatabase()
    const options = { url, table: 't', createTable: true, mode: 'upsert', key: ['id'] } as const
    await run(180, options)
    psql(
      `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', current_database()); END $$`,
    )
    await client.query("BEGIN; UPDATE t SET name = 'theirs' WHERE id = 100")
    // The query's statement waits for that row, of which it has seen an older version.
    const query = run(180, { ...options, applicationName: 'victim' })
    const waiting = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'victim'`
    while (psql(waiting)[0] === '0') await sleep(20)
    await client.query('COMMIT')
    expect(restartsOf(await query)).toMatchObject([{ cause: { sqlState: '40001' } }])
    expect(psql(counted)).toEqual(whole(180))
    expect(psql("SELECT count(*) FROM t WHERE name = 'theirs'")).toEqual(['0'])
  })

  it.each([
    ['a lock', { lockTimeout: 200 }, '55P03'],
    ['a statement', { statementTimeout: 200, lockTimeout: 0 }, '57014'],
  ] as const)('is begun again when %s takes too long', async (_, timeouts, sqlState) => {
    const { url, psql, client } = await withDatabase()
    const options = { url, table: 't', createTable: true, mode: 'upsert', key: ['id'] } as const
    await run(180, options)
    await client.query('BEGIN; UPDATE t SET name = name WHERE id = 100')
    let freed: Promise<unknown> | undefined
    const events = await run(180, { ...options, ...timeouts }, false, ({ type }) => {
      if (type === 'retry') freed ??= client.query('ROLLBACK')
    })
    await freed
    expect(restartsOf(events)[0]).toMatchObject({ cause: { sqlState } })
    expect(psql(counted)).toEqual(whole(180))
  })

  it('is begun again when the server ends the session', async () => {
    const { url, psql, rows } = await withDatabase()
    await run(90, { url, table: 't', createTable: true })
    const source = numbers(1800, 1)
    const ended = new Set<number>()
    const wanted = new Set([90, 540, 990])
    const reader = source.streamReader()
    const ending = {
      ...source,
      streamReader: () => ({
        ...reader,
        async *read(...args: Parameters<typeof reader.read>) {
          for await (const chunk of reader.read(...args) as AsyncIterable<readonly Numbered[]>) {
            yield chunk
            if (wanted.has(args[0].from) && !ended.has(args[0].from) && chunk[0]?.id === BigInt(args[0].from + 50)) {
              ended.add(args[0].from)
              await rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim' AND datname = current_database()",
              )
            }
          }
        },
      }),
    }
    const sink = postgresTable({ url, table: 't2', createTable: true, applicationName: 'victim', maxBuffered: 1 })
    const query = readStream(ending as typeof source).writeStream(sink, {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit,
      retry,
    })
    const events: QueryEvent[] = []
    const handle = query.start()
    handle.events$.subscribe((event) => events.push(event))
    await handle.terminated
    expect(psql(counted.replace('FROM t', 'FROM t2'))).toEqual(whole(1800))
    expect(events.filter((event) => event.type === 'retry' && event.port === 'batch')).toHaveLength(3)
    expect(ended.size).toBe(3)
  })
})

describe('the log in the database', () => {
  it('ends a batch in the transaction of its rows, and in no other', async () => {
    const { url, psql } = await withDatabase()
    await run(270, { url, table: 't', createTable: true }, true)
    expect(psql(counted)).toEqual(whole(270))
    expect(psql('SELECT batch_id, outcome FROM sluice.plans ORDER BY 1')).toEqual([
      '0|committed',
      '1|committed',
      '2|committed',
    ])
    // The entry of the ledger and the outcome in the log were written by one transaction.
    const same = 'SELECT count(*) FROM sluice.plans JOIN sluice.ledger USING (batch_id) WHERE plans.xmin = ledger.xmin'
    expect(psql(same)).toEqual(['3'])
    await run(360, { url, table: 't' }, true)
    expect(psql(counted)).toEqual(whole(360))
  })

  it('is not ended by the sink while another sink may not have the batch', async () => {
    const { url, psql } = await withDatabase()
    const table = postgresTable({ url, table: 't', createTable: true })
    const live = memorySink<Numbered>()
    let refuse = true
    const failing = () => {
      const writer = live.streamWriter()
      const commit: typeof writer.commit = (...args) =>
        refuse ? Promise.reject(new Error('down')) : writer.commit(...args)
      return { ...writer, commit }
    }
    const query = () =>
      readStream(numbers(90)).writeStream(tee({ table, live: failing }), {
        name: 'q',
        checkpoint: table.checkpoint,
        trigger: availableNow(),
        retry,
      })
    await expect(query().start().terminated).rejects.toThrow('down')
    expect(psql('SELECT outcome IS NULL FROM sluice.plans')).toEqual(['t'])
    refuse = false
    await query().start().terminated
    expect(live.rows).toHaveLength(90)
    expect(psql(counted)).toEqual(whole(90))
  })

  it('keeps the journal of a source that can not be read again', async () => {
    const { url, psql } = await withDatabase()
    const sink = postgresTable({ url, table: 't', createTable: true })
    let given = 0
    const simple = {
      initialOffset: () => ({ n: 0 }),
      read: ({ n }: { readonly n: number }) => {
        const rows = n >= 300 ? [] : Array.from({ length: 100 }, (_, index) => ({ id: BigInt(n + index), name: 'x' }))
        given += rows.length
        return { rows, end: { n: n + rows.length } }
      },
    }
    const source = {
      name: 'mail',
      schema: schema('id bigint not null, name string not null'),
      streamReader: () => journaled(simple),
    }
    await readStream(source)
      .writeStream(sink, { name: 'q', checkpoint: sink.checkpoint, trigger: availableNow() })
      .start().terminated
    expect(given).toBeGreaterThanOrEqual(100)
    expect(psql('SELECT count(*) = count(DISTINCT id) FROM t')).toEqual(['t'])
    expect(Number(psql('SELECT count(*) FROM sluice.journals')[0])).toBeGreaterThan(0)
  })
})

describe('exploreConnectors', () => {
  it.each(['append', 'upsert'] as const)('finds no crash between two calls that loses or repeats: %s', async (mode) => {
    const database = await withDatabase()
    const keyed = mode === 'upsert' ? { mode, key: ['id'] } : {}
    let world = 0
    const { failures, schedules } = await exploreConnectors(
      async () => {
        const table = `t${world++}`
        await database.client.query(`CREATE TABLE ${table} (id bigint PRIMARY KEY, name text NOT NULL)`)
        return {
          source: numbers(5, 2),
          sink: postgresTable({ url: database.url, table, ...keyed }),
          ids: () => database.psql(`SELECT id FROM ${table} ORDER BY id`).map(Number),
        }
      },
      { rows: 5, maxRows: 4, patienceMs: 20_000 },
    )
    expect(failures).toEqual([])
    expect(schedules).toBeGreaterThanOrEqual(30)
  })
})

describe('secrets', () => {
  it('never stand in an error: a wrong password, a host that is not there', async () => {
    const target = new URL(serverUrl())
    target.password = 'hunter2-secret'
    const wrong = await run(90, { url: target.href, table: 't' }).catch((error: unknown) => error)
    expect(JSON.stringify([String(wrong), wrong, (wrong as Error).cause])).not.toContain('hunter2')
    expect(String(wrong)).toContain('SQLSTATE 28P01')
    const away = await run(90, { url: 'postgres://u:hunter2@127.0.0.1:1/x', table: 't' }).catch(
      (error: unknown) => error,
    )
    expect(String(away)).toContain('ECONNREFUSED')
    expect(JSON.stringify([String(away), (away as Error).cause])).not.toContain('hunter2')
  })
})
