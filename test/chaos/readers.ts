import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as duckdb from '@duckdb/node-api'
import { connect } from 'amqplib'
import { missingDeltaRs } from '../../scripts/delta-rs-env.mjs'
import { programFolder } from '../../scripts/postgres-node.mjs'
import { filesOfDeltaLog, plainIds } from '../connectors/shown-ids.ts'
import { type DeltaRs, startDeltaRs } from '../support/delta-rs.ts'
import { nameOf, type WorkerPlan } from './pairs.ts'
import type { Servers } from './servers.ts'

/** What somebody else finds in a sink: the ids, each as often as it is there. */
export interface Reader {
  readonly by: string
  readonly ids: () => Promise<readonly number[]>
}

/** Readers that nobody here wrote, one of a kind for a whole run. */
export interface Readers {
  readonly of: (plan: WorkerPlan, servers: Servers) => Reader
  readonly close: () => Promise<void>
}

export async function openReaders(): Promise<Readers> {
  const instance = await duckdb.DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const deltaRs = missingDeltaRs() === undefined ? startDeltaRs() : undefined
  const parquet = async (files: readonly string[]): Promise<number[]> => {
    if (files.length === 0) return []
    const list = files.map((file) => `'${file}'`).join(',')
    const rows = await connection.runAndReadAll(`select id from read_parquet([${list}])`)
    return rows.getRows().map(([id]) => Number(id))
  }
  return {
    of: (plan, servers) => readerOf(plan, servers, parquet, deltaRs),
    close: async () => {
      connection.closeSync()
      instance.closeSync()
      await deltaRs?.stop()
    },
  }
}

function readerOf(
  plan: WorkerPlan,
  servers: Servers,
  parquet: (files: readonly string[]) => Promise<number[]>,
  deltaRs: DeltaRs | undefined,
): Reader {
  const path = join(plan.disk, 'out')
  const name = nameOf(plan, 'out')
  const shown = (ending: string): string[] =>
    existsSync(path)
      ? readdirSync(path)
          .filter((file) => file.endsWith(ending))
          .map((file) => join(path, file))
      : []
  switch (plan.sink) {
    case 'Delta': {
      const isMade = (): boolean => existsSync(join(path, '_delta_log'))
      if (deltaRs === undefined)
        return { by: 'DuckDB', ids: async () => (isMade() ? parquet(filesOfDeltaLog(path)) : []) }
      const read = async () => (await deltaRs.read(path, { columns: ['id'] })).rows.map(({ id }) => Number(id))
      return { by: 'delta-rs', ids: async () => (isMade() ? read() : []) }
    }
    case 'Parquet':
      return { by: 'DuckDB', ids: () => parquet(shown('.parquet')) }
    case 'filesSink JSON':
    case 'jsonLines':
      return { by: 'plain files', ids: async () => plainIds(path) }
    case 'PG append':
      return { by: 'psql', ids: () => psql(servers.postgres.url, `SELECT id FROM ${name}`) }
    case 'PG upsert':
      // What the table has, and once more for each write beyond the first.
      return {
        by: 'psql',
        ids: () =>
          psql(
            servers.postgres.url,
            `SELECT id FROM ${name} UNION ALL (SELECT id FROM ${name}_writes EXCEPT ALL SELECT id FROM ${name})`,
          ),
      }
    case 'RabbitMQ': {
      // The consumer that the sink's option `deduplicated` speaks of: what has an id that it had is dropped.
      const taken = new Map<string, number>()
      return { by: 'amqplib', ids: () => consumed(servers.rabbit.url, name, taken) }
    }
    case 'HTTP':
      return { by: 'the receiver', ids: async () => servers.http.taken(name).ids }
  }
}

async function psql(url: string, sql: string): Promise<number[]> {
  const program = join(programFolder() ?? '', 'psql')
  const { stdout } = await promisify(execFile)(program, ['--no-psqlrc', '-qAt', '-d', url, '-c', sql], {
    maxBuffer: 2 ** 26,
  })
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(Number)
}

async function consumed(url: string, queue: string, taken: Map<string, number>): Promise<number[]> {
  const model = await connect(url)
  model.on('error', () => undefined)
  try {
    const channel = await model.createChannel()
    await channel.prefetch(1_000)
    const { messageCount } = await channel.checkQueue(queue)
    let left = messageCount
    if (left > 0) {
      await new Promise<void>((resolve, reject) => {
        const idle = setTimeout(resolve, 5_000) // a count may be too high for a moment
        model.once('error', reject)
        channel
          .consume(queue, (message) => {
            if (message === null) return
            taken.set(
              String(message.properties.messageId),
              (JSON.parse(message.content.toString()) as { id: number }).id,
            )
            channel.ack(message)
            if (--left === 0) {
              clearTimeout(idle)
              resolve()
            }
          })
          .catch(reject)
      })
    }
    await channel.close()
  } finally {
    await model.close().catch(() => undefined)
  }
  return [...taken.values()]
}
