import { join } from 'node:path'
import * as postgres from '../../scripts/postgres-node.mjs'
import * as rabbit from '../../scripts/rabbitmq-node.mjs'
import { type HttpApp, httpApp } from './http-app.ts'

/** A server of the run's own, on a free port of loopback. */
export interface OwnServer {
  readonly port: number
  readonly url: string
  /** Ends it, orderly or at once, and starts it again. */
  readonly restart: (how: 'kill' | 'end') => Promise<void>
  readonly close: () => Promise<void>
}

/** All that a run needs. Takes some seconds. */
export interface Servers {
  readonly rabbit: OwnServer
  readonly postgres: OwnServer
  readonly http: HttpApp
  readonly close: () => Promise<void>
}

/** What can't be started here; `undefined` where everything can. */
export function missingServers(): string | undefined {
  if (!rabbit.hasServer()) return 'there is no RabbitMQ server of Debian’s package to start'
  if (!postgres.hasServer()) return 'there is no PostgreSQL server of Debian’s package to start'
  return undefined
}

export async function startServers(folder: string): Promise<Servers> {
  const [broker, database, http] = await Promise.allSettled([
    ownRabbit(join(folder, 'rabbitmq')),
    ownPostgres(join(folder, 'postgres')),
    httpApp(),
  ])
  const close = async (): Promise<void> => {
    await Promise.all(
      [broker, database, http].map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)),
    )
  }
  if (broker.status === 'fulfilled' && database.status === 'fulfilled' && http.status === 'fulfilled')
    return { rabbit: broker.value, postgres: database.value, http: http.value, close }
  await close()
  throw [broker, database, http].find((one) => one.status === 'rejected')?.reason
}

async function ownRabbit(folder: string): Promise<OwnServer> {
  const prepared = await rabbit.prepareNode(folder)
  let node = await rabbit.startNode(prepared)
  return {
    port: prepared.port,
    url: prepared.url,
    restart: async (how) => {
      await rabbit.stopNode(node, how === 'kill' ? 'SIGKILL' : 'SIGTERM')
      node = await rabbit.startNode(prepared)
    },
    close: () => rabbit.stopNode(node, 'SIGKILL'),
  }
}

async function ownPostgres(folder: string): Promise<OwnServer> {
  const prepared = await postgres.prepareNode(folder)
  let node = await postgres.startNode(prepared)
  return {
    port: prepared.port,
    url: prepared.url,
    restart: async (how) => {
      await postgres.stopNode(node, how === 'kill' ? 'SIGKILL' : 'SIGINT')
      node = await postgres.startNode(prepared)
    },
    close: () => postgres.stopNode(node, 'SIGKILL'),
  }
}
