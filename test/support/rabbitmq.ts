import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  controlNode,
  hasServer,
  type NodeOptions,
  prepareNode,
  type RunningNode,
  startNode,
  stopNode,
} from '../../scripts/rabbitmq-node.mjs'
import { type Broker, openBroker } from './rabbitmq-broker.ts'
import { serviceUrl } from './service-urls.ts'

export { type Broker, openBroker } from './rabbitmq-broker.ts'

/** Where the broker is that all tests share. Never restart it: {@link ownBroker} is for that. */
export function brokerUrl(): string {
  const url = serviceUrl('AMQP_URL')
  if (url !== undefined) return url
  throw new Error('No RabbitMQ for the tests: run "npm run services" first, or "npm run test:unit", which needs none.')
}

/** See {@link Broker}. Closed at the end of the test. */
export async function withBroker(url: string = brokerUrl()): Promise<Broker> {
  const broker = await openBroker(url)
  onTestFinished(() => broker.close())
  return broker
}

/** Whether {@link ownBroker} can start one: where the broker is a container or another machine's, there is nothing to kill. */
export const canOwnBroker = hasServer()

/** A broker of the test's own, to be killed and started again. */
export interface OwnBroker {
  readonly url: string
  readonly port: number
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly start: () => Promise<void>
  /** What `rabbitmqctl` with these arguments prints. Takes a second or two. */
  readonly control: (...args: readonly string[]) => Promise<string>
}

/** Takes some seconds. Gone at the test's end. */
export async function ownBroker(options: NodeOptions = {}): Promise<OwnBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-rabbitmq-'))
  const node = await prepareNode(folder, options)
  let running: RunningNode | undefined
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    if (running !== undefined) await stopNode(running, signal)
    running = undefined
  }
  onTestFinished(async () => {
    await end('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  })
  running = await startNode(node)
  return {
    url: node.url,
    port: node.port,
    kill: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    start: async () => {
      running = await startNode(node)
    },
    control: (...args) => controlNode(node, args),
  }
}
