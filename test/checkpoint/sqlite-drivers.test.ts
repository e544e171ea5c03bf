import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Database from 'better-sqlite3'
import { afterEach, describe, expect, it } from 'vitest'
import type { CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { encodeJournal } from '../../src/checkpoint/journal.ts'
import { sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import type { SqliteDatabase } from '../../src/checkpoint/sqlite-database.ts'
import { CheckpointCorruptError, CheckpointLockedError, CheckpointWriteError } from '../../src/errors.ts'
import { collect, failureOf } from './settle.ts'
import { temporaryFolder } from './temporary-folder.ts'

const cleanups: (() => unknown)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

function newFile(): string {
  const folder = temporaryFolder()
  cleanups.push(folder.remove)
  return join(folder.path, 'log.db')
}

type Driver = readonly [name: string, connect: (file: string) => SqliteDatabase]
const nodeSqlite: Driver = ['node:sqlite', (file) => new DatabaseSync(file)]
const betterSqlite3: Driver = ['better-sqlite3', (file) => new Database(file)]

function open(file: string, connect: Driver[1]): CheckpointSession {
  const session = sqliteCheckpoint(file, { database: connect }).open({ sources: ['src'] }) as CheckpointSession
  cleanups.unshift(() => session.close())
  return session
}

const initial: LogRecord = { initial: { seq: 0 } }
const plan = ({ queryId }: CheckpointSession, batchId: number): LogRecord => ({
  plan: { queryId, batchId, start: { seq: batchId }, end: { seq: batchId + 1 }, partitions: [{ at: batchId }] },
})

describe.each([nodeSqlite, betterSqlite3])('the connection of an open session, by %s,', (_, connect) => {
  /** Connects as another build of SQLite might: with every setting at its least safe. */
  function careless(file: string): SqliteDatabase {
    const database = connect(file)
    database.exec('PRAGMA synchronous = OFF; PRAGMA locking_mode = NORMAL; PRAGMA busy_timeout = 60000')
    return database
  }

  function settingsOf(database: SqliteDatabase | undefined): Record<string, unknown> {
    const names = ['synchronous', 'journal_mode', 'locking_mode', 'busy_timeout']
    return Object.fromEntries(
      names.map((name) => [name, Object.values(database?.prepare(`PRAGMA ${name}`).get() as object)[0]]),
    )
  }

  const safe = { synchronous: 2 /* FULL */, journal_mode: 'wal', locking_mode: 'exclusive', busy_timeout: 0 }

  it('is as durable and as exclusive as promised, whatever it was like when it was made', () => {
    const file = newFile()
    const connections: SqliteDatabase[] = []
    const noting = (path: string) => {
      const database = careless(path)
      connections.push(database)
      return database
    }
    const first = open(file, noting)
    expect(settingsOf(connections.at(-1))).toEqual(safe)
    first.write([initial, plan(first, 0)])
    expect(settingsOf(connections.at(-1))).toEqual(safe)
    first.close()
    open(file, noting)
    expect(settingsOf(connections.at(-1))).toEqual(safe)
  })

  it('syncs a write that says nothing, and spares itself a sync for one that can bear it', () => {
    const commits: unknown[] = []
    const noting = (path: string): SqliteDatabase => {
      const database = careless(path)
      return {
        exec: (sql) => {
          if (sql === 'COMMIT') commits.push(settingsOf(database).synchronous)
          return database.exec(sql)
        },
        close: () => database.close(),
        prepare: (sql) => database.prepare(sql),
      }
    }
    const file = newFile()
    const session = open(file, noting)
    commits.length = 0
    session.write([initial, plan(session, 0)])
    session.write([{ done: 0, outcome: 'committed' }], { sync: false })
    session.write([plan(session, 1)], { sync: true })
    session.write([{ done: 1, outcome: 'committed' }], { sync: false })
    expect(commits).toEqual([2, 1 /* NORMAL */, 2, 1])
    session.close()
    expect(open(file, noting).recovered).toEqual({ initial: { seq: 0 }, done: expect.objectContaining({ batchId: 1 }) })
  })

  it('makes a new database durably', () => {
    const seen: [sql: string, synchronous: unknown][] = []
    const noting = (path: string): SqliteDatabase => {
      const database = careless(path)
      return {
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
        prepare: (sql) => {
          seen.push([sql, settingsOf(database).synchronous])
          return database.prepare(sql)
        },
      }
    }
    open(newFile(), noting)
    expect(seen.find(([sql]) => sql.startsWith('INSERT INTO query'))?.[1]).toBe(2)
  })
})

describe.each([
  [...nodeSqlite, betterSqlite3[1]],
  [...betterSqlite3, nodeSqlite[1]],
] as const)('a checkpoint made by %s', (_, one, other) => {
  it('is read and continued by the other driver, with its journal', async () => {
    const file = newFile()
    const first = open(file, one)
    first.write([initial, { journal: 0, rows: encodeJournal([{ n: 1n }]) }, plan(first, 0)])
    first.close()
    const second = open(file, other)
    expect(second.recovered.pending).toMatchObject({ batchId: 0, end: { seq: 1 } })
    expect(await collect(second.readJournal?.(0) ?? [])).toEqual([[{ n: 1n }]])
    second.write([{ done: 0, outcome: 'committed' }])
    second.close()
    expect(open(file, one)).toMatchObject({ epoch: 3, recovered: { done: { batchId: 0 } } })
  })

  it('is locked for the other driver', async () => {
    const file = newFile()
    open(file, one)
    expect(await failureOf(() => open(file, other))).toBeInstanceOf(CheckpointLockedError)
  })
})

describe('errors of better-sqlite3', () => {
  const [, connect] = betterSqlite3

  it('are told apart by their names: a lock that another connection holds', async () => {
    const file = newFile()
    open(file, connect).close()
    const holder = new Database(file)
    cleanups.unshift(() => holder.close())
    holder.exec('BEGIN IMMEDIATE')
    expect(await failureOf(() => open(file, connect))).toBeInstanceOf(CheckpointLockedError)
  })

  it('are told apart by their names: a missing table', async () => {
    const file = newFile()
    open(file, connect).close()
    const database = new Database(file)
    database.exec('DROP TABLE batches')
    database.close()
    expect(await failureOf(() => open(file, connect))).toBeInstanceOf(CheckpointCorruptError)
  })

  it.each([
    ['SQLITE_BUSY_RECOVERY', CheckpointLockedError],
    ['SQLITE_CORRUPT_INDEX', CheckpointCorruptError],
    ['SQLITE_CONSTRAINT_NOTNULL', CheckpointCorruptError],
    ['SQLITE_FULL', CheckpointWriteError],
    ['SQLITE_READONLY_DIRECTORY', CheckpointWriteError],
    ['ERR_OF_SOMETHING_ELSE', Database.SqliteError],
  ])('are told apart by the first two parts of their names: %s', async (code, expected) => {
    const file = newFile()
    open(file, connect).close()
    const failing = (path: string): SqliteDatabase => {
      const database = new Database(path)
      const exec = (sql: string): unknown => {
        if (sql.startsWith('BEGIN IMMEDIATE')) throw new Database.SqliteError('it failed', code)
        return database.exec(sql)
      }
      return { exec, prepare: (sql) => database.prepare(sql), close: () => database.close() }
    }
    const failure = await failureOf(() => open(file, failing))
    expect(failure).toBeInstanceOf(expected)
    if (expected !== Database.SqliteError) {
      expect(failure.message).toContain(file)
      expect(failure.cause).toBeInstanceOf(Database.SqliteError)
    }
    expect(open(file, connect).epoch).toBe(2) // the connection that failed was closed
  })
})
