import type { Channel, Message } from 'amqplib'
import type { OpenChannel } from './channel-role.ts'
import type { QueueCounts } from './queue-ports.ts'
import type { Settled } from './settlements.ts'

/** How a message is settled: an acknowledgement, or a rejection. */
export type Tell = (channel: Channel, message: Message, multiple: boolean) => void

export const acknowledge: Tell = (channel, message, multiple) => channel.ack(message, multiple)

/** For the broker's dead-letter exchange to take it. */
export const reject: Tell = (channel, message, multiple) => channel.nack(message, multiple, false)

/**
 * Tells the broker on the channel of the deliveries, or not at all; and counts what became of them.
 * @returns whether it was sent.
 */
export function settle(
  { settlement, stale }: Settled,
  open: OpenChannel | undefined,
  tell: Tell,
  counts: QueueCounts,
): boolean {
  counts.stale += stale
  if (settlement === undefined) return false
  const { generation, upTo, single, count } = settlement
  if (open?.generation === generation && sends(open.channel, upTo, single, tell)) {
    counts.settled += count
    return true
  }
  counts.stale += count
  return false
}

/** @returns false where the client knows already that the channel is closed */
function sends(channel: Channel, upTo: number | undefined, single: readonly number[], tell: Tell): boolean {
  try {
    if (upTo !== undefined) tell(channel, tagged(upTo), true)
    for (const tag of single) tell(channel, tagged(tag), false)
    return true
  } catch {
    return false
  }
}

/** All that the client looks at. */
function tagged(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}
