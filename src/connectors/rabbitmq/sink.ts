import type { Options } from 'amqplib'
import { RowError } from '../../errors.ts'
import type { PartitionWriter, StreamWriter, WriteContext, WriterGuarantee } from '../../sink.ts'
import { RabbitConnection } from './connection.ts'
import { outgoingContent } from './outgoing-content.ts'
import { type OutgoingMessage, Publisher, PublishGroup } from './publisher.ts'
import { type RabbitSinkOptions, type RabbitSinkSettings, rabbitSinkSettings } from './sink-options.ts'

const owner = 'rabbitmqSink'

/**
 * Publishes each row as a message, to an exchange or a queue.
 *
 * A partition is written once the broker has confirmed all its messages: each is in all queues that it was routed to (on disk where message and queue are
 * durable, on a majority of the nodes for quorum queues). Messages that no queue takes, or that a queue refuses, fail the partition. No more than `maxInFlight` messages wait for their confirms;
 * when a broker short of memory or disk blocks its publishers, the query waits, and fails after `confirmTimeout`.
 *
 * **Append**: AMQP has no transaction over a batch. Consumers see messages before their batch is committed, and after a crash, a lost connection or a retry
 * some of them again. Each message carries a `messageId`, which is the same whenever it is published again: by its position (query, sink, batch, partition, ordinal), or as option `messageId` says.
 * Where all consumers drop what they have had (`deduplicated: true`), that makes the sink **idempotent**, by position or by key. With a queue as source only a key will do:
 * what a queue delivers again comes in another batch, at another position.
 *
 * Rows of a partition are published in order; after a retry the order is that of the last attempt, behind what the earlier one had sent.
 * @throws OptionError
 * @example
 * orders.writeStream(rabbitmqSink<Order>({ url: 'amqp://127.0.0.1', exchange: 'orders', routingKey: ({ country }) => country }), options)
 */
export function rabbitmqSink<Row extends object>(
  options: RabbitSinkOptions<Row>,
): { readonly name: 'rabbitmq'; readonly streamWriter: () => StreamWriter<Row, RabbitReceipt> } {
  const settings = rabbitSinkSettings(options)
  return { name: 'rabbitmq', streamWriter: () => rabbitWriter(settings) }
}

/** What a partition left: its messages, all confirmed. */
export interface RabbitReceipt {
  readonly messages: number
}

function rabbitWriter<Row extends object>(settings: RabbitSinkSettings<Row>): StreamWriter<Row, RabbitReceipt> {
  const { queue, exchange } = settings
  const publisher = new Publisher(new RabbitConnection(settings.connection), {
    ...settings,
    name: `${owner}: publisher to ${queue === undefined ? `exchange ${JSON.stringify(exchange)}` : `queue ${queue}`}`,
    check: async (channel) => {
      if (queue !== undefined) await channel.checkQueue(queue)
      else if (exchange !== '') await channel.checkExchange(exchange)
    },
  })
  return {
    guarantee: guaranteeOf(settings),
    start: () => publisher.open(),
    open: (context) => partitionWriter(settings, publisher, context),
    commit: () => undefined, // confirmed, all of it
    stop: () => publisher.close(),
  }
}

function guaranteeOf({ deduplicated, messageId }: RabbitSinkSettings<never>): WriterGuarantee {
  if (!deduplicated) return 'append'
  return { idempotent: messageId === undefined ? 'position' : 'key' }
}

function partitionWriter<Row extends object>(
  settings: RabbitSinkSettings<Row>,
  publisher: Publisher,
  context: WriteContext,
): PartitionWriter<Row, RabbitReceipt> {
  const group = new PublishGroup()
  let messages = 0
  context.signal.addEventListener('abort', () => publisher.leave(group, context.signal.reason), { once: true })
  return {
    write: async (rows) => {
      const first = messages
      messages += rows.length
      const outgoing = rows.map((row, index) => messageOf(settings, context, row, first + index))
      context.report({ bytes: outgoing.reduce((sum, { content }) => sum + content.length, 0) })
      await publisher.publish(group, outgoing)
    },
    finish: async () => {
      await publisher.confirmed(group)
      return { messages }
    },
  }
}

function messageOf<Row extends object>(
  settings: RabbitSinkSettings<Row>,
  context: WriteContext,
  row: Row,
  ordinal: number,
): OutgoingMessage {
  const { content, contentType } = outgoingContent(owner, settings.content(row))
  const { timestamp, ...properties } = settings.properties?.(row) ?? {}
  const messageId = settings.messageId?.(row) ?? context.idempotencyKey(ordinal, 1, [row])
  if (typeof messageId !== 'string' || messageId === '')
    throw new RowError(`${owner}: option "messageId" must give a string that is not empty, and it gave ${messageId}`)
  const options: Options.Publish & { readonly messageId: string } = {
    contentType,
    ...properties,
    ...(timestamp === undefined ? {} : { timestamp: Math.floor(timestamp.getTime() / 1000) }),
    messageId,
    persistent: settings.persistent,
    mandatory: settings.mandatory,
  }
  return { exchange: settings.exchange, routingKey: settings.routingKey(row), content, properties: options }
}
