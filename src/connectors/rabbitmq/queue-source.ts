import type { Schema } from '../../schema.ts'
import type { AckedReader } from '../../source.ts'
import { type BodyOf, type MessageContent, type MessageRow, messageSchema } from './message-row.ts'
import { type RabbitQueueOptions, rabbitQueueSettings } from './queue-options.ts'
import type { QueueCounts, QueueOffset, QueuePartition } from './queue-ports.ts'
import { QueueReader } from './queue-reader.ts'
import { Suspects } from './suspects.ts'

/** A queue, or several, as a source. See {@link rabbitmqQueue}. */
export interface RabbitQueue<Row extends object> {
  readonly name: 'rabbitmqQueue'
  readonly schema: Schema<Row>
  readonly streamReader: () => AckedReader<QueueOffset, QueuePartition, Row>
  /** What became of the deliveries so far, over all readers of this source. A live view. */
  readonly counts: Readonly<QueueCounts>
}

/**
 * Messages of a queue (classic or quorum), acknowledged when their batch was committed.
 *
 * A batch is made of what has been delivered, up to `maxBatch`; `whenAvailable()` is the trigger for it: a message is on its way within milliseconds,
 * and a quiet queue costs nothing. What was delivered and not acknowledged when a process or a connection dies comes again, in a later batch: **at least
 * once**, repeats bounded by `prefetch`. For more, `journaled` with an identity.
 *
 * **Hazards**
 * - A batch that fails (also by a lost connection) ends the run, as everywhere. The query goes on only with its option `restart`; the messages are delivered
 *   again then, in their order.
 * - Without a dead-letter exchange, a delivery limit deletes a batch that fails too often; see the warnings at the start.
 * - A classic queue whose broker is killed has forgotten acknowledgements, and delivers what was finished once more, without a bound. Quorum queues don't.
 * - The identities of `journaled` belong to one query. With several processes on one queue, what one of them has journaled may come to another.
 * - Batches must be shorter than the broker's consumer timeout, or their messages are delivered to somebody else meanwhile.
 *
 * @throws OptionError
 * @example
 * readStream(rabbitmqQueue({ url: 'amqp://127.0.0.1', queue: 'orders', content: schema('id bigint not null, total double') }))
 */
export function rabbitmqQueue<const Content extends MessageContent = 'text'>(
  options: RabbitQueueOptions<Content>,
): RabbitQueue<MessageRow<BodyOf<Content>>> {
  const settings = rabbitQueueSettings(options)
  const counts = { delivered: 0, redelivered: 0, settled: 0, stale: 0, released: 0, deadLettered: 0, generations: 0 }
  const suspects = settings.poison && new Suspects(settings.poison.failures)
  const memory = { counts, suspects, warned: new Set<string>() }
  return {
    name: 'rabbitmqQueue',
    schema: messageSchema(settings.content),
    streamReader: () => new QueueReader(settings, memory),
    counts,
  }
}
