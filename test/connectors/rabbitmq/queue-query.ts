import {
  memoryCheckpoint,
  type QueryOptions,
  type QueryRun,
  readStream,
  type StreamSink,
  type StreamSource,
  whenAvailable,
} from 'sluice'
import {
  type MessageContent,
  type QueueOffset,
  type QueuePartition,
  type RabbitQueueOptions,
  rabbitmqQueue,
} from 'sluice/rabbitmq'
import { onTestFinished } from 'vitest'
import { brokerUrl } from '../../support/rabbitmq.ts'
import type { Collected } from './collector.ts'

const eager = { initialDelayMs: 20, maxDelayMs: 200 }
export const restart = { maxAttempts: 1_000, backoff: { initialDelayMs: 10, maxDelayMs: 50 } }

export function source<const Content extends MessageContent = 'text'>(
  options: Omit<RabbitQueueOptions<Content>, 'url'> & { readonly url?: string },
) {
  return rabbitmqQueue<Content>({
    url: brokerUrl(),
    reconnect: eager,
    onWarning: () => undefined,
    ...options,
  } as RabbitQueueOptions<Content>)
}

export function start(
  from: StreamSource<QueueOffset, QueuePartition, Collected>,
  sink: StreamSink<Collected, readonly Collected[]>,
  options: Partial<QueryOptions> = {},
): QueryRun {
  const run = readStream(from)
    .writeStream(sink, {
      name: 'test',
      checkpoint: memoryCheckpoint(),
      trigger: whenAvailable({ maxWait: '200 ms' }),
      restart,
      ...options,
    })
    .start()
  run.terminated.catch(() => undefined)
  onTestFinished(() => run.stop().catch(() => undefined))
  return run
}

export const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => String(from + i))
export const target = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) || 5672 })
