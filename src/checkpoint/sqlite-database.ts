import { basename, dirname, join } from 'node:path'
import { nodeFs } from '../builtins.ts'
import { CheckpointCorruptError, CheckpointLockedError, CheckpointWriteError, OptionError } from '../errors.ts'

export type SqliteValue = string | number | Uint8Array | null

/** The part of a `node:sqlite` or better-sqlite3 database that is used. */
export interface SqliteDatabase {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
  close(): unknown
}

export interface SqliteStatement {
  run(...parameters: SqliteValue[]): unknown
  get(...parameters: SqliteValue[]): unknown
  all(...parameters: SqliteValue[]): unknown[]
}

/** Opens a database for reading and writing, as a synchronous connection. */
export type SqliteFactory = (file: string) => SqliteDatabase

/** "slce", in the header of the file. */
const applicationId = 0x736c6365
const layoutVersion = 1

const schema = `
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${layoutVersion};
  CREATE TABLE query (one INTEGER PRIMARY KEY CHECK (one = 1), query_id TEXT NOT NULL, epoch INTEGER NOT NULL, sources TEXT, initial TEXT) STRICT;
  CREATE TABLE batches (batch_id INTEGER PRIMARY KEY, plan TEXT NOT NULL, outcome TEXT CHECK (outcome IN ('committed', 'abandoned'))) STRICT;
  CREATE TABLE journals (batch_id INTEGER NOT NULL, chunk INTEGER NOT NULL, rows BLOB NOT NULL, PRIMARY KEY (batch_id, chunk)) STRICT;
`

/** `node:sqlite`, loaded when it is first needed: some versions of Node warn that it is experimental. */
export const nodeSqlite: SqliteFactory = (file) => {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined)
    throw new OptionError(
      'sqliteCheckpoint: this Node has no node:sqlite; pass option "database", e.g. (file) => new Database(file) of better-sqlite3',
    )
  return new sqlite.DatabaseSync(file)
}

/** Makes the database when there is none: elsewhere and linked into place, so that it is there completely or not at all. Only the user may read it. */
export function createIfMissing(file: string, factory: SqliteFactory): void {
  if (exists(file)) return
  const orphan = [`${file}-wal`, `${file}-journal`].find(exists)
  // SQLite would play it into the new database.
  if (orphan !== undefined)
    throw new CheckpointCorruptError(`${file}: expected the database that ${orphan} belongs to, found no such file`)
  const folder = dirname(file)
  nodeFs().mkdirSync(folder, { recursive: true })
  const path = join(folder, `.${basename(file)}.${crypto.randomUUID()}.sluice.tmp`)
  nodeFs().closeSync(nodeFs().openSync(path, 'wx', 0o600))
  try {
    const database = factory(path)
    try {
      database.exec(`PRAGMA synchronous = FULL; BEGIN; ${schema} COMMIT; PRAGMA journal_mode = WAL;`)
      database.prepare('INSERT INTO query VALUES (1, ?, 0, NULL, NULL)').run(crypto.randomUUID())
    } finally {
      database.close()
    }
    try {
      nodeFs().linkSync(path, file)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error // another starter was faster: its database is as good
    }
  } finally {
    nodeFs().rmSync(path, { force: true })
  }
  syncFolder(folder)
}

/**
 * Opens the database and takes its lock, which is the lease: the system frees it when the process dies.
 * Never look at the file by other means while it is open: closing any descriptor of it frees the locks of the whole process.
 * @throws CheckpointLockedError at once when another connection has it, CheckpointCorruptError unless it is a sound checkpoint that this release reads.
 */
export function openLocked(file: string, factory: SqliteFactory): SqliteDatabase {
  const database = factory(file)
  try {
    // Exclusive before the first access: the lock is then held between transactions too.
    database.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL')
    checkIdentity(file, (name) => pragma(database, name))
    database.exec('BEGIN IMMEDIATE; COMMIT')
    const found = pragma(database, 'quick_check(1)')
    if (found !== 'ok') throw new CheckpointCorruptError(`${file}: expected a sound database, found: ${String(found)}`)
    return database
  } catch (error) {
    database.close()
    throw translated(file, error)
  }
}

function checkIdentity(file: string, read: (name: string) => unknown): void {
  const application = read('application_id')
  if (application !== applicationId) {
    const found = read('page_count') === 0 ? 'an empty file' : `another database (${String(application)})`
    throw new CheckpointCorruptError(`${file}: expected a checkpoint (application_id ${applicationId}), found ${found}`)
  }
  const version = read('user_version')
  if (version === layoutVersion) return
  throw new CheckpointCorruptError(
    `${file}: expected version ${layoutVersion} of a checkpoint, found ${String(version)}, which a newer release wrote`,
  )
}

function pragma(database: SqliteDatabase, name: string): unknown {
  const row = database.prepare(`PRAGMA ${name}`).get()
  const value: unknown = typeof row === 'object' && row !== null ? Object.values(row)[0] : undefined
  return typeof value === 'bigint' ? Number(value) : value
}

/** SQLite's own errors of opening and reading, in the checkpoint's words. */
export function translated(file: string, cause: unknown): unknown {
  const code = primaryCode(cause)
  if (code === 5 || code === 6)
    return new CheckpointLockedError(`checkpoint ${file} is in use by another process or session`, { cause })
  if (code === 1 || code === 11 || code === 19 || code === 26)
    return new CheckpointCorruptError(
      `${file}: expected a sound database, found: ${String((cause as Error).message)}`,
      { cause },
    )
  if (isOutOfRange(cause))
    return new CheckpointCorruptError(`${file}: expected a sound database, found a number beyond any count`, { cause })
  if (code === undefined) return cause
  // A file that may not be written, a disk that fails or is full; also a damaged head of a database, which then says that it is read-only.
  return new CheckpointWriteError(`${file}: it can't be opened for writing: ${String((cause as Error).message)}`, {
    cause,
  })
}

/** As node:sqlite says that an integer is no safe one. */
function isOutOfRange(error: unknown): boolean {
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_OUT_OF_RANGE'
}

/** Of any other error of SQLite. */
const otherCode = 0

const namedCodes: ReadonlyMap<string, number> = new Map([
  ['SQLITE_ERROR', 1], // no such table
  ['SQLITE_BUSY', 5],
  ['SQLITE_LOCKED', 6],
  ['SQLITE_CORRUPT', 11],
  ['SQLITE_CONSTRAINT', 19], // what only a damaged page can hold
  ['SQLITE_NOTADB', 26],
])

/** SQLite's result code: a number in `node:sqlite`, a name in better-sqlite3, both possibly extended. */
function primaryCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode & 0xff
  if (!('code' in error) || typeof error.code !== 'string') return undefined
  if (!error.code.startsWith('SQLITE_')) return undefined
  return namedCodes.get(error.code.split('_').slice(0, 2).join('_')) ?? otherCode
}

function exists(path: string): boolean {
  return nodeFs().statSync(path, { throwIfNoEntry: false }) !== undefined
}

function syncFolder(folder: string): void {
  if (process.platform === 'win32') return // a folder can't be opened there; NTFS journals its entries
  const descriptor = nodeFs().openSync(folder, 'r')
  try {
    nodeFs().fsyncSync(descriptor)
  } finally {
    nodeFs().closeSync(descriptor)
  }
}
