import type { Channel, ConsumeMessage } from 'amqplib'
import type { RabbitConnection } from './connection.ts'
import { rabbitError } from './rabbit-error.ts'

/** Where a consumer of a stream begins: the broker's words, an offset, or a time (see {@link timestamp}). */
export type StreamSpec = 'first' | 'last' | 'next' | number | ReturnType<typeof timestamp>

/** What a look at a stream found. */
export interface StreamSurvey {
  /** The first offset that a consumer which begins at the given place gets; `undefined` where there is nothing yet. */
  readonly first: number | undefined
  /** The offset after the last message; 0 for a stream without messages. */
  readonly head: number
}

/** A time for the broker, which counts whole seconds: rather a message too early than one too late. */
export function timestamp(date: Date) {
  return { '!': 'timestamp', value: Math.floor(date.getTime() / 1000) } as const
}

/** @returns `undefined` for what was not delivered by a stream. */
export function offsetOf(message: ConsumeMessage): number | undefined {
  const offset: unknown = message.properties.headers?.['x-stream-offset']
  return typeof offset === 'number' ? offset : undefined
}

/** Deliveries under way. The last chunk of a stream has a few thousand messages at most. */
const credit = 1_000

/**
 * Asks a stream where it begins and ends. AMQP 0-9-1 has no question for that, and the count of messages that the broker gives is seconds old:
 * so consumers are attached, on a channel that may have others.
 *
 * What was there when they were attached is delivered before the answer to a later request on the same channel: the broker has dealt with the first consumers
 * once it accepted one more, and with their messages once a round trip brings no further one. No clock decides.
 *
 * A stream that is being written to tells its end by its next message. Only a quiet one is asked for its last chunk: of a busy one that would be all that is
 * written meanwhile, over the connection that the source reads from.
 */
export async function surveyStream(channel: Channel, stream: string, from: StreamSpec): Promise<StreamSurvey> {
  let first: number | undefined
  let last: number | undefined
  let written = false
  let deliveries = 0
  const consumers: string[] = []
  const attach = async (prefetch: number, at: StreamSpec, take: (message: ConsumeMessage) => void) => {
    await channel.prefetch(prefetch)
    const { consumerTag } = await channel.consume(stream, (message) => message !== null && take(message), {
      arguments: { 'x-stream-offset': at },
    })
    consumers.push(consumerTag)
  }
  const seen = (offset: number | undefined): void => {
    if (offset !== undefined) last = Math.max(last ?? 0, offset)
  }
  const following = (message: ConsumeMessage): void => {
    written = true
    seen(offsetOf(message))
  }
  const isTold = (): boolean => written && first !== undefined
  await attach(1, from, (message) => {
    first ??= offsetOf(message)
    if (from === 'next') following(message)
  })
  await attach(1, 'next', following)
  if (!isTold()) {
    await attach(credit, 'last', (message) => {
      seen(offsetOf(message))
      deliveries++
      if (last !== undefined && !isTold()) channel.ack(message)
    })
    await attach(1, 'next', following)
  }
  // Bounded for a stream that is being written to all the time: its end of a moment ago is what was asked for.
  for (let round = 0, before = -1; !isTold() && before !== deliveries && round < 20; round++) {
    before = deliveries
    await channel.prefetch(1)
  }
  for (const consumer of consumers) await channel.cancel(consumer)
  return { first, head: last === undefined ? 0 : last + 1 }
}

/** Does something on a channel that is there for nothing else. */
export async function onChannel<T>(
  connection: RabbitConnection,
  name: string,
  use: (channel: Channel) => Promise<T>,
): Promise<T> {
  const managed = connection.channel({ name, setup: () => Promise.resolve() })
  try {
    const { channel } = await managed.open()
    return await use(channel)
  } catch (error) {
    throw rabbitError(name, error)
  } finally {
    await managed.close()
  }
}
