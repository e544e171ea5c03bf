import type { Channel } from 'amqplib'
import { type OptionRule, oneOf, rules } from '../../options.ts'

/** A queue as it shall be. One that is there with other arguments is an error. */
export interface QueueDeclaration {
  /** @default 'classic' */
  readonly type?: 'classic' | 'quorum'
  /** @default true */
  readonly durable?: boolean
  /** One consumer at a time gets messages, so that their order holds over several processes. @default false */
  readonly singleActiveConsumer?: boolean
  /** Where messages go that are rejected, or were delivered too often. */
  readonly deadLetterExchange?: string
  readonly deadLetterRoutingKey?: string
  /** Deliveries of a message to a quorum queue's consumers before the broker takes it away; -1: none. @default the broker's: 20 from 4.0 on */
  readonly deliveryLimit?: number
  /** Further arguments such as `x-max-length`. */
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** For `validateOptions`. */
export const declarationRules = {
  type: oneOf('classic', 'quorum'),
  durable: rules.boolean,
  singleActiveConsumer: rules.boolean,
  deadLetterExchange: { expected: 'a string', accepts: (value) => typeof value === 'string' },
  deadLetterRoutingKey: { expected: 'a string', accepts: (value) => typeof value === 'string' },
  deliveryLimit: {
    expected: 'an integer from -1',
    accepts: (value) => Number.isSafeInteger(value) && Number(value) >= -1,
  },
  arguments: rules.object,
} as const satisfies Record<keyof QueueDeclaration, OptionRule>

/**
 * Declares a queue, or only asks for it.
 * @returns messages that are ready in it.
 */
export async function declareQueue(
  channel: Channel,
  queue: string,
  declare: QueueDeclaration | undefined,
): Promise<number> {
  if (declare === undefined) return (await channel.checkQueue(queue)).messageCount
  const {
    type,
    durable = true,
    singleActiveConsumer,
    deadLetterExchange,
    deadLetterRoutingKey,
    deliveryLimit,
  } = declare
  const given = {
    'x-queue-type': type,
    'x-single-active-consumer': singleActiveConsumer,
    'x-dead-letter-exchange': deadLetterExchange,
    'x-dead-letter-routing-key': deadLetterRoutingKey,
    'x-delivery-limit': deliveryLimit,
    ...declare.arguments,
  }
  const args = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return (await channel.assertQueue(queue, { durable, arguments: args })).messageCount
}
