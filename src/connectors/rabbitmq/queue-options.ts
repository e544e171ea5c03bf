import type { ConsumeMessage } from 'amqplib'
import { type Duration, durationMs, durationRule, positiveDurationRule } from '../../duration.ts'
import { OptionError } from '../../errors.ts'
import { type OptionRule, required, rules, validateOptions } from '../../options.ts'
import type { Result } from '../../result.ts'
import { checkQueue } from './checks.ts'
import {
  connectionRules,
  connectionSettings,
  type RabbitConnectionOptions,
  type RabbitConnectionSettings,
} from './connection-options.ts'
import { declarationRules, type QueueDeclaration } from './declaration.ts'
import { type BodyOf, contentRule, type MessageContent, type MessageRow } from './message-row.ts'

/** How the broker knows the consumer. */
export interface QueueConsumer {
  /** Followed by the number of the queue where there are several. @default made by the broker */
  readonly tag?: string
  /** Consumers with a higher one are served first. @default 0 */
  readonly priority?: number
  /** Nobody else may consume from the queue. @default false */
  readonly exclusive?: boolean
}

/** A message that is given up, with the reason. */
export interface DeadMessage {
  readonly queue: string
  readonly message: ConsumeMessage
  /** Why; the body is not in it. */
  readonly reason: string
  /** Failed batches that it was in; 0 for a body that can't be read. */
  readonly failures: number
}

/** What becomes of a message that can't be processed. */
export interface PoisonOptions {
  /** After so many failed batches the message is looked for by halving them. @default 3 */
  readonly failures?: number
  /**
   * - `broker`: it is rejected, and the queue's dead-letter exchange takes it (in `x-death`, the reason is `rejected`);
   * - an exchange: it is published there, confirmed, with the headers `x-sluice-reason`, `x-sluice-failures` and `x-sluice-queue`;
   * - a function: it is gone once that settles.
   */
  readonly deadLetter:
    | 'broker'
    | { readonly exchange: string; readonly routingKey?: string }
    | ((dead: DeadMessage) => Result<unknown>)
}

/** Options of `rabbitmqQueue`. */
export interface RabbitQueueOptions<Content extends MessageContent = 'text'> extends RabbitConnectionOptions {
  /** The queue, or several: then a batch has a partition for each. */
  readonly queue: string | readonly string[]
  /** Declares the queues. @default they must exist */
  readonly declare?: QueueDeclaration
  /** What the bodies are. @default 'text' */
  readonly content?: Content
  /** Deliveries that are under way or unacknowledged at a time, for each queue: what comes again after a crash, at most. @default 1000 */
  readonly prefetch?: number
  /** Messages in a batch, `prefetch` at most. @default half of `prefetch`, so that the next batch is delivered while one is written */
  readonly maxBatch?: number
  /** Slices that a batch is read and written in, side by side (of each queue, where there are several). @default 1 */
  readonly partitions?: number
  /** Messages with the same key come into the same slice, in their order. @default slices are runs of messages */
  readonly key?: (row: MessageRow<BodyOf<Content>>) => string
  readonly consumer?: QueueConsumer
  /** The broker's `consumer_timeout`: how long it leaves a delivery unacknowledged. @default '30 minutes' */
  readonly consumerTimeout?: Duration
  /** How long a batch may take, the trigger's interval included: checked against `consumerTimeout` at the start. */
  readonly batchTime?: Duration
  /** Messages are ready and none comes for so long: the channel is made anew. @default '10 seconds' */
  readonly progressTimeout?: Duration
  /** @default a message that can't be processed fails its batches for ever; a body that can't be read fails the query */
  readonly poison?: PoisonOptions
  /** Told what a careful person would want to know: risky settings, lost connections, late batches. @default process.emitWarning */
  readonly onWarning?: (message: string) => void
}

/** The same with its defaults. Times in milliseconds. */
export interface RabbitQueueSettings<Content extends MessageContent> {
  readonly connection: RabbitConnectionSettings
  readonly queues: readonly string[]
  readonly declare: QueueDeclaration | undefined
  readonly content: Content
  readonly prefetch: number
  readonly maxBatch: number
  readonly partitions: number
  readonly key: ((row: MessageRow<BodyOf<Content>>) => string) | undefined
  readonly consumer: QueueConsumer
  readonly consumerTimeoutMs: number
  readonly batchTimeMs: number | undefined
  readonly progressMs: number
  readonly poison: Required<PoisonOptions> | undefined
  readonly onWarning: (message: string) => void
}

const owner = 'rabbitmqQueue'

const isNames = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.every(rules.string.accepts)
const short: OptionRule = {
  expected: 'an integer from 1 to 65535 (0 would be no bound at all)',
  accepts: (value) => rules.positiveInteger.accepts(value) && Number(value) <= 65_535,
}

/** By name. */
export const queueRules = {
  ...connectionRules,
  queue: required({
    expected: 'the name of a queue, or a list of names',
    accepts: (value) => rules.string.accepts(value) || isNames(value),
  }),
  declare: rules.object,
  content: contentRule,
  prefetch: short,
  maxBatch: short,
  partitions: rules.positiveInteger,
  key: rules.function,
  consumer: rules.object,
  consumerTimeout: positiveDurationRule,
  batchTime: durationRule,
  progressTimeout: positiveDurationRule,
  poison: rules.object,
  onWarning: rules.function,
} as const satisfies Record<keyof RabbitQueueOptions, OptionRule>

const consumerRules = {
  tag: rules.string,
  priority: { expected: 'an integer', accepts: Number.isSafeInteger },
  exclusive: rules.boolean,
} as const satisfies Record<keyof QueueConsumer, OptionRule>

const poisonRules = {
  failures: rules.positiveInteger,
  deadLetter: required({
    expected: '"broker", { exchange, routingKey }, or a function',
    accepts: (value) =>
      value === 'broker' ||
      typeof value === 'function' ||
      (typeof value === 'object' && value !== null && 'exchange' in value && typeof value.exchange === 'string'),
  }),
} as const satisfies Record<keyof PoisonOptions, OptionRule>

/** @throws OptionError also for what {@link checkQueue} refuses. */
export function rabbitQueueSettings<Content extends MessageContent>(
  options: RabbitQueueOptions<Content>,
): RabbitQueueSettings<Content> {
  validateOptions(owner, options, queueRules)
  const { queue, declare, prefetch = 1_000, partitions = 1, key, consumer = {}, poison, batchTime } = options
  if (declare !== undefined) validateOptions(`${owner}: declare`, declare, declarationRules)
  validateOptions(`${owner}: consumer`, consumer, consumerRules)
  if (poison !== undefined) validateOptions(`${owner}: poison`, poison, poisonRules)
  const queues = typeof queue === 'string' ? [queue] : [...queue]
  if (new Set(queues).size < queues.length)
    throw new OptionError(`${owner}: option "queue" names a queue twice: ${queues.join(', ')}`)
  const settings: RabbitQueueSettings<Content> = {
    connection: connectionSettings(owner, options),
    queues,
    declare,
    content: options.content ?? ('text' as Content),
    prefetch,
    maxBatch: options.maxBatch ?? Math.ceil(prefetch / 2),
    partitions,
    key,
    consumer,
    consumerTimeoutMs: durationMs(options.consumerTimeout ?? '30 minutes', owner, 'consumerTimeout'),
    batchTimeMs: batchTime === undefined ? undefined : durationMs(batchTime, owner, 'batchTime'),
    progressMs: durationMs(options.progressTimeout ?? '10 seconds', owner, 'progressTimeout'),
    poison: poison === undefined ? undefined : { failures: 3, ...poison },
    onWarning: unfailing(options.onWarning ?? ((message) => process.emitWarning(message, 'SluiceRabbitWarning'))),
  }
  checkQueue(settings) // what can be refused before there is a broker is refused at the call
  return settings
}

/** Whoever is told can't change what is delivered. */
function unfailing(tell: (message: string) => void): (message: string) => void {
  return (message) => {
    try {
      tell(message)
    } catch {
      // the teller's own affair
    }
  }
}
