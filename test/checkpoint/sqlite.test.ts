import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, it } from 'vitest'
import type { CheckpointSession, LogRecord } from '../../src/checkpoint/checkpoint.ts'
import { encodeJournal } from '../../src/checkpoint/journal.ts'
import { type SqliteCheckpointOptions, sqliteCheckpoint } from '../../src/checkpoint/sqlite.ts'
import type { SqliteDatabase } from '../../src/checkpoint/sqlite-database.ts'
import {
  CheckpointCorruptError,
  CheckpointLockedError,
  CheckpointWriteError,
  LeaseLostError,
  OptionError,
} from '../../src/errors.ts'
import { failureOf, settle } from './settle.ts'
import { temporaryFolder } from './temporary-folder.ts'

const cleanups: (() => void)[] = []
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup()
})

function newFile(): string {
  const folder = temporaryFolder()
  cleanups.push(folder.remove)
  return join(folder.path, 'log.db')
}

function open(file: string, options: SqliteCheckpointOptions = {}): CheckpointSession {
  const session = sqliteCheckpoint(file, options).open({ sources: ['src'] }) as CheckpointSession
  cleanups.unshift(() => session.close())
  return session
}

const initial: LogRecord = { initial: { seq: 0 } }
const plan = (session: CheckpointSession, batchId: number): LogRecord => ({
  plan: {
    queryId: session.queryId,
    batchId,
    start: { seq: batchId },
    end: { seq: batchId + 1 },
    partitions: [{ at: batchId }],
  },
})
const done = (batchId: number): LogRecord => ({ done: batchId, outcome: 'committed' })

async function withBatches(file: string): Promise<void> {
  const session = open(file)
  await settle(
    session.write([initial, plan(session, 0), done(0), { journal: 1, rows: encodeJournal([1]) }, plan(session, 1)]),
  )
  await settle(session.close())
}

function alter(file: string, sql: string): void {
  const database = new DatabaseSync(file)
  database.exec(sql)
  database.close()
}

it('answers synchronously', () => {
  const session = open(newFile())
  expect(session.write([initial])).toBeUndefined()
  expect(session.close()).toBeUndefined()
})

it('makes a file that only the user can read, and nothing else that stays', async () => {
  const file = newFile()
  const session = open(file)
  await settle(session.write([initial]))
  for (const name of readdirSync(dirname(file))) expect(statSync(join(dirname(file), name)).mode & 0o077).toBe(0)
  await settle(session.close())
  expect(readdirSync(dirname(file))).toEqual(['log.db'])
})

it('is a WAL database that says what it is', async () => {
  const file = newFile()
  await withBatches(file)
  const database = new DatabaseSync(file)
  expect({ ...database.prepare('PRAGMA journal_mode').get() }).toEqual({ journal_mode: 'wal' })
  expect({ ...database.prepare('PRAGMA application_id').get() }).toEqual({ application_id: 0x736c6365 })
  database.close()
})

it('writes the records of one call in one transaction', async () => {
  const file = newFile()
  let statements: string[] = []
  const session = open(file, {
    database: (path) => {
      const database = new DatabaseSync(path)
      const { exec } = database
      const recording: SqliteDatabase = {
        exec: (sql) => {
          statements.push(sql)
          return exec.call(database, sql)
        },
        prepare: (sql) => database.prepare(sql),
        close: () => database.close(),
      }
      return recording
    },
  })
  statements = []
  await settle(session.write([initial, plan(session, 0), done(0), plan(session, 1)]))
  expect(statements).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
})

/** The database as it may be after a power failure: with so many bytes of its log. */
function copyCutAt(file: string, length: number): string {
  const copy = newFile()
  copyFileSync(file, copy)
  copyFileSync(`${file}-wal`, `${copy}-wal`)
  truncateSync(`${copy}-wal`, length)
  return copy
}

it('a power failure undoes unsynced entries from the last one on, and nothing that was synced', async () => {
  const file = newFile()
  const session = open(file)
  const bytes = () => statSync(`${file}-wal`).size
  await settle(session.write([initial, plan(session, 0)]))
  const planned = bytes()
  await settle(session.write([done(0)], { sync: false }))
  const finished = bytes()
  await settle(session.write([plan(session, 1)]))
  const all = bytes()
  expect([finished > planned, all > finished]).toEqual([true, true])

  const found = new Set<string>()
  for (let length = planned; length <= all; length += 8) {
    const { recovered, close } = open(copyCutAt(file, length))
    const state = `done ${recovered.done?.batchId}, planned ${recovered.pending?.batchId}`
    const least =
      length < finished ? 'done undefined, planned 0' : length < all ? 'done 0, planned undefined' : 'done 0, planned 1'
    expect([length, state]).toEqual([length, least])
    found.add(state)
    close()
  }
  expect(found.size).toBe(3)
})

it('a power failure leaves both entries of a write, or none', async () => {
  const file = newFile()
  const session = open(file)
  const bytes = () => statSync(`${file}-wal`).size
  await settle(session.write([initial, plan(session, 0)]))
  const planned = bytes()
  await settle(session.write([done(0), plan(session, 1)]))
  const all = bytes()
  expect(all).toBeGreaterThan(planned)
  for (let length = planned; length <= all; length += 8) {
    const { recovered, close } = open(copyCutAt(file, length))
    const found = [recovered.done?.batchId, recovered.pending?.batchId]
    expect([length, ...found]).toEqual(length < all ? [length, undefined, 0] : [length, 0, 1])
    close()
  }
})

it('rolls back what a failed write began, and ends the session', async () => {
  const file = newFile()
  let failing = false
  const session = open(file, {
    database: (path) => {
      const database = new DatabaseSync(path)
      return {
        exec: (sql) => database.exec(sql),
        close: () => database.close(),
        prepare: (sql) => {
          if (failing && sql.startsWith('UPDATE batches')) throw new Error('disk full')
          return database.prepare(sql)
        },
      }
    },
  })
  failing = true
  const error = await failureOf(() => session.write([initial, plan(session, 0), done(0)]))
  expect(error).toBeInstanceOf(CheckpointWriteError)
  expect(error.cause).toMatchObject({ message: 'disk full' })
  failing = false
  expect(await failureOf(() => session.write([initial]))).toBeInstanceOf(CheckpointWriteError)
  await settle(session.close())
  expect(open(file).recovered).toEqual({})
})

describe('the lock', () => {
  it('is looked up before the file is opened a second time, which would free it', async () => {
    const file = newFile()
    open(file)
    let opened = 0
    const counting = (path: string) => {
      opened += 1
      return new DatabaseSync(path)
    }
    expect(
      await failureOf(() => sqliteCheckpoint(file, { database: counting }).open({ sources: ['src'] })),
    ).toBeInstanceOf(CheckpointLockedError)
    expect(opened).toBe(0)
  })

  it('keeps other connections out between writes too', async () => {
    const file = newFile()
    const session = open(file)
    await settle(session.write([initial]))
    const other = new DatabaseSync(file)
    expect(() => other.prepare('SELECT * FROM query').get()).toThrow('locked')
    other.close()
  })

  it('is refused at once while another connection writes', async () => {
    const file = newFile()
    await withBatches(file)
    const other = new DatabaseSync(file)
    other.exec('BEGIN IMMEDIATE')
    expect(await failureOf(() => open(file))).toBeInstanceOf(CheckpointLockedError)
    other.exec('ROLLBACK')
    other.close()
    expect(open(file).epoch).toBe(2)
  })

  it.each<[string, (file: string) => void]>([
    ['removed', (file) => rmSync(file)],
    [
      'replaced',
      (file) => {
        writeFileSync(`${file}-new`, 'x')
        rmSync(file)
        copyFileSync(`${file}-new`, file)
      },
    ],
  ])('is worth nothing once the file was %s', async (_, change) => {
    const file = newFile()
    const session = open(file)
    await settle(session.write([initial]))
    change(file)
    expect(await failureOf(() => session.write([plan(session, 0)]))).toBeInstanceOf(LeaseLostError)
  })
})

describe('refusals', () => {
  const cases: Record<string, (file: string) => void> = {
    'an empty file': (file) => truncateSync(file, 0),
    'a file cut short': (file) => truncateSync(file, 8192),
    'a file cut within the header': (file) => truncateSync(file, 50),
    'another kind of file': (file) => writeFileSync(file, 'id,name\n1,a\n'),
    'another database': (file) => alter(file, 'PRAGMA application_id = 7'),
    'a newer version': (file) => alter(file, 'PRAGMA user_version = 2'),
    'a missing table': (file) => alter(file, 'DROP TABLE journals'),
    'no query': (file) => alter(file, 'DELETE FROM query'),
    'other sources': (file) => alter(file, `UPDATE query SET sources = '["other"]'`),
    'sources that are not JSON': (file) => alter(file, `UPDATE query SET sources = '["oth'`),
    'no initial offset': (file) => alter(file, 'UPDATE query SET initial = NULL'),
    'an initial offset cut short': (file) => alter(file, `UPDATE query SET initial = '{"seq"'`),
    'a changed plan': (file) =>
      alter(file, `UPDATE batches SET plan = replace(plan, '"at":1', '"at":2') WHERE batch_id = 1`),
    'a gap': (file) => alter(file, 'DELETE FROM batches WHERE batch_id = 0'),
    'more than one unfinished batch': (file) => alter(file, 'UPDATE batches SET outcome = NULL'),
    'a changed journal': (file) => alter(file, `UPDATE journals SET rows = x'00'`),
    'a missing journal': (file) => alter(file, 'DELETE FROM journals'),
  }
  it.each(Object.keys(cases))('%s: names the file and what was expected, and leaves it as it was', async (what) => {
    const file = newFile()
    await withBatches(file)
    ;(cases[what] as (file: string) => void)(file)
    const before = readFileSync(file)
    const error = await failureOf(() => open(file))
    expect(error).toBeInstanceOf(CheckpointCorruptError)
    expect(error.message).toContain('log.db')
    expect(error.message).toContain('expected')
    expect(readFileSync(file).equals(before)).toBe(true)
    expect(readdirSync(dirname(file))).toEqual(['log.db'])
  })

  it('a damaged page that nothing would have read now', async () => {
    const file = newFile()
    const session = open(file)
    await settle(
      session.write([initial, { journal: 0, rows: encodeJournal(['x'.repeat(100_000)]) }, plan(session, 0), done(0)]),
    )
    await settle(session.close())
    const bytes = readFileSync(file)
    bytes.fill(0xff, bytes.length - 4096, bytes.length - 4000)
    writeFileSync(file, bytes)
    expect(await failureOf(() => open(file))).toBeInstanceOf(CheckpointCorruptError)
    expect(readFileSync(file).equals(bytes)).toBe(true)
  })

  it('a log left behind by a database that was removed', async () => {
    const file = newFile()
    writeFileSync(`${file}-wal`, 'x')
    const error = await failureOf(() => open(file))
    expect(error).toBeInstanceOf(CheckpointCorruptError)
    expect(readdirSync(dirname(file))).toEqual(['log.db-wal'])
  })

  it('of options', () => {
    expect(() => sqliteCheckpoint('')).toThrow(OptionError)
    expect(() => sqliteCheckpoint('x', { retain: 1 })).toThrow(OptionError)
    expect(() => sqliteCheckpoint('x', { database: {} } as unknown as SqliteCheckpointOptions)).toThrow(OptionError)
  })
})

it('is made in a folder that does not exist yet, by one of several', async () => {
  const file = join(newFile(), 'a', 'log.db')
  mkdirSync(dirname(dirname(file)), { recursive: true })
  const first = open(file)
  await settle(first.close())
  expect(open(file).queryId).toBe(first.queryId)
})
