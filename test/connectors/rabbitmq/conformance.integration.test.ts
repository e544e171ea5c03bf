import { describe } from 'vitest'
import { rabbitmqQueue } from '../../../src/connectors/rabbitmq/queue-source.ts'
import { rabbitmqSink } from '../../../src/connectors/rabbitmq/sink.ts'
import {
  type RabbitStreamOffset,
  type RabbitStreamPartition,
  rabbitmqStream,
} from '../../../src/connectors/rabbitmq/stream-source.ts'
import { schema } from '../../../src/schema.ts'
import type { ReplayableReader } from '../../../src/source.ts'
import { ackedReaderSuite } from '../../../src/testing/conformance/acked-reader.ts'
import { chunksOf } from '../../../src/testing/conformance/conformance-test.ts'
import { streamReaderSuite } from '../../../src/testing/conformance/stream-reader.ts'
import { streamWriterSuite } from '../../../src/testing/conformance/stream-writer.ts'
import { faultyProxy } from '../../../src/testing/faulty-proxy.ts'
import { brokerUrl, openBroker } from '../../support/rabbitmq.ts'
import { runAll } from '../../testing/conformance/run-all.ts'

const content = schema('id int not null')
const hasty = { reconnect: { initialDelayMs: 20, maxDelayMs: 200 }, openTimeout: '5 seconds' } as const

/** A queue of the test's own, and messages that are numbered from 0. */
async function numberedQueue(type: 'classic' | 'quorum' | 'stream') {
  const broker = await openBroker(brokerUrl())
  const queue = await broker.queue({ type })
  let next = 0
  const add = (more: number) =>
    broker.publish(
      queue,
      Array.from({ length: more }, () => `{"id":${next++}}`),
    )
  return { broker, queue, add }
}

const secrets = (): readonly string[] => [new URL(brokerUrl()).href, `:${new URL(brokerUrl()).password}@`]

describe('rabbitmqStream', () => {
  runAll(
    streamReaderSuite(
      async () => {
        const { broker, queue: stream, add } = await numberedQueue('stream')
        return {
          source: rabbitmqStream({ url: broker.url, stream, content, ...hasty }),
          secrets: secrets(),
          add,
          fail: async () => {
            await broker.channel.deleteQueue(stream)
            return '404'
          },
          close: () => broker.close(),
        }
      },
      {
        leaveOut: [
          'an abort reaches a read', // a read takes what its reader has in memory: nothing of its own is open
          'a saturated writer stops reads, which then go on', // its chunks have a thousand rows: see below
          'memory is bounded',
        ],
      },
    ),
  )
})

describe('rabbitmqStream of many messages, of which one in a thousand is kept', () => {
  const perChunk = 1_000
  runAll(
    streamReaderSuite(async () => {
      const { broker, queue: stream, add } = await numberedQueue('stream')
      const source = rabbitmqStream({ url: broker.url, stream, content, readAhead: 40 * perChunk, ...hasty })
      const streamReader = () => {
        const reader = source.streamReader() as ReplayableReader<
          RabbitStreamOffset,
          RabbitStreamPartition,
          { body: { id: number } }
        >
        async function* read(...args: Parameters<typeof reader.read>) {
          for await (const chunk of chunksOf(reader.read(...args))) {
            const kept = chunk.filter(({ body }) => body.id % perChunk === 0)
            if (kept.length > 0) yield kept
          }
        }
        return { ...reader, read }
      }
      return {
        source: { ...source, streamReader } as never,
        add: async (more: number) => {
          for (let chunk = 0; chunk < more; chunk++) await add(perChunk)
        },
        close: () => broker.close(),
      }
    }).filter(
      ({ name }) => name === 'a saturated writer stops reads, which then go on' || name === 'memory is bounded',
    ),
  )
})

describe.each(['classic', 'quorum'] as const)('rabbitmqQueue, %s', (type) => {
  runAll(
    ackedReaderSuite(async () => {
      const { broker, queue, add } = await numberedQueue(type)
      const proxy = await faultyProxy({ port: Number(new URL(broker.url).port) })
      return {
        source: rabbitmqQueue({
          url: proxy.url(broker.url),
          queue,
          content,
          prefetch: 20,
          maxBatch: 20,
          progressTimeout: '1 second',
          onWarning: () => undefined,
          ...hasty,
        }),
        secrets: secrets(),
        add,
        id: ({ body }) => body.id,
        cut: () => proxy.cut(),
        fail: async () => {
          await broker.channel.deleteQueue(queue)
          return '404'
        },
        close: async () => {
          await proxy.close()
          await broker.close()
        },
      }
    }),
  )
})

describe.each([false, true])('rabbitmqSink, deduplicated: %s', (deduplicated) => {
  runAll(
    streamWriterSuite(async () => {
      const { broker, queue } = await numberedQueue('classic')
      // What its consumer has so far; one that drops repeats does it by the message's id.
      const taken: { readonly id: number; readonly messageId: string }[] = []
      return {
        sink: rabbitmqSink<{ id: number }>({ url: broker.url, queue, deduplicated, ...hasty }),
        secrets: secrets(),
        row: (id: number) => ({ id }),
        ids: async () => {
          for (const { content: body, properties } of await broker.drain(queue)) {
            const { messageId } = properties
            if (deduplicated && taken.some((known) => known.messageId === messageId)) continue
            taken.push({ ...(JSON.parse(body.toString()) as { id: number }), messageId })
          }
          return taken.map(({ id }) => id)
        },
        fail: async () => {
          await broker.channel.deleteQueue(queue)
          return queue
        },
        close: () => broker.close(),
      }
    }),
  )
})
