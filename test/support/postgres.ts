import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { prepareNode, programFolder, type RunningNode, startNode, stopNode } from '../../scripts/postgres-node.mjs'

const stateFile = fileURLToPath(new URL('../../.services/postgres.json', import.meta.url))

/** Where the server is that all tests share. Never restart it: {@link ownServer} is for that. */
export function serverUrl(): string {
  const url = process.env.DATABASE_URL
  if (url !== undefined && url !== '') return url
  if (!existsSync(stateFile))
    throw new Error(
      'No PostgreSQL for the tests: run "npm run services" first, or "npm run test:unit", which needs none.',
    )
  return (JSON.parse(readFileSync(stateFile, 'utf8')) as { readonly url: string }).url
}

/** A database of the test's own, and a client in it. */
export interface TestDatabase {
  readonly url: string
  readonly client: pg.Client
  /** The rows of a statement. */
  readonly rows: <Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
  ) => Promise<Row[]>
  /** What `psql`, which isn't ours, reads: a line a row, columns separated by `|`. */
  readonly psql: (sql: string) => string[]
  readonly close: () => Promise<void>
}

/** Dropped at the end of the test. */
export async function withDatabase(url: string = serverUrl()): Promise<TestDatabase> {
  const database = await openDatabase(url)
  onTestFinished(() => database.close())
  return database
}

/** The same outside of a test; the caller closes it. */
export async function openDatabase(server: string): Promise<TestDatabase> {
  const name = `sluice_test_${randomUUID().replaceAll('-', '')}`
  await asAdmin(server, `CREATE DATABASE ${name}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  const client = new pg.Client({ connectionString: url.href })
  client.on('error', () => undefined)
  await client.connect()
  return {
    url: url.href,
    client,
    rows: async (sql, values = []) => (await client.query(sql, [...values])).rows,
    psql: (sql) => psql(url.href, sql),
    close: async () => {
      await client.end().catch(() => undefined)
      await asAdmin(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(() => undefined)
    },
  }
}

async function asAdmin(url: string, sql: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url })
  admin.on('error', () => undefined)
  await admin.connect()
  try {
    await admin.query(sql)
  } finally {
    await admin.end()
  }
}

/** An independent reader. */
export function psql(url: string, sql: string): string[] {
  const program = join(programFolder() ?? '', 'psql')
  const text = execFileSync(program, ['--no-psqlrc', '-qAt', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql], {
    encoding: 'utf8',
  })
  return text.split('\n').filter((line) => line !== '')
}

/** Whether {@link ownServer} can start one: where the server is a container or another machine's, there is nothing to kill. */
export const canOwnServer = programFolder() !== undefined

/** A server of the test's own, to be killed and started again. */
export interface OwnServer {
  readonly url: string
  readonly port: number
  readonly kill: () => Promise<void>
  readonly start: () => Promise<void>
}

/** Takes a second or two. Gone at the test's end. */
export async function ownServer(options: { readonly settings?: readonly string[] } = {}): Promise<OwnServer> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-postgres-'))
  const node = await prepareNode(folder, options)
  let running: RunningNode | undefined
  const kill = async (): Promise<void> => {
    if (running !== undefined) await stopNode(running, 'SIGKILL')
    running = undefined
  }
  onTestFinished(async () => {
    await kill()
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  })
  running = await startNode(node)
  return {
    url: node.url,
    port: node.port,
    kill,
    start: async () => {
      running = await startNode(node)
    },
  }
}
