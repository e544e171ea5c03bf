import type { Channel, ConsumeMessage } from 'amqplib'
import { RabbitError } from '../../errors.ts'
import { declareQueue } from './declaration.ts'
import type { MessageContent } from './message-row.ts'
import type { RabbitQueueSettings } from './queue-options.ts'
import { replyCode } from './rabbit-error.ts'

type ConsumedQueues = Pick<RabbitQueueSettings<MessageContent>, 'queues' | 'declare' | 'prefetch' | 'consumer'>

/**
 * Declares the queues and consumes all of them on a channel.
 * @param ready called when deliveries may begin.
 * @param received a message; `null` when the broker cancelled the consumer of that queue.
 * @throws RabbitError while somebody else is the exclusive consumer, and for a queue that is deleted after it was declared here; whatever the broker refuses
 */
export async function consume(
  channel: Channel,
  { queues, declare, prefetch, consumer }: ConsumedQueues,
  ready: () => void,
  received: (queue: string, message: ConsumeMessage | null) => void,
): Promise<void> {
  for (const queue of queues) await declareQueue(channel, queue, declare)
  await channel.prefetch(prefetch)
  ready()
  const { tag, priority, exclusive = false } = consumer
  for (const [index, queue] of queues.entries()) {
    const options = {
      exclusive,
      ...(priority === undefined ? {} : { priority }),
      ...(tag === undefined ? {} : { consumerTag: queues.length === 1 ? tag : `${tag}-${index}` }),
    }
    try {
      await channel.consume(queue, (message) => received(queue, message), options)
    } catch (error) {
      // Maybe our own consumer, on a connection that the broker has not given up yet.
      if (exclusive && replyCode(error) === 403)
        throw new RabbitError(`somebody else consumes ${queue}, and this consumer is exclusive`, { cause: error })
      // It was there a moment ago; the next attempt declares it again.
      if (declare !== undefined && replyCode(error) === 404)
        throw new RabbitError(`${queue} was deleted after it was declared`, { cause: error })
      throw error
    }
  }
}
