import { type Duration, durationMs, positiveDurationRule } from '../../duration.ts'
import { OptionError } from '../../errors.ts'
import { type OptionRule, rules, validateOptions } from '../../options.ts'
import {
  connectionRules,
  connectionSettings,
  type RabbitConnectionOptions,
  type RabbitConnectionSettings,
} from './connection-options.ts'

/** What a message carries besides its content and what the sink sets. */
export interface RabbitMessageProperties {
  readonly headers?: Readonly<Record<string, unknown>>
  /** @default by the content: application/json, text/plain or application/octet-stream */
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly type?: string
  readonly correlationId?: string
  readonly replyTo?: string
  readonly appId?: string
  /** 0 to 9 or more, as the queue says. */
  readonly priority?: number
  /** Milliseconds after which a queue drops the message. */
  readonly expiration?: number
  /** Of whole seconds. */
  readonly timestamp?: Date
}

/** Options of `rabbitmqSink`. */
export interface RabbitSinkOptions<Row extends object = object> extends RabbitConnectionOptions {
  /** Publishes to this queue, which must exist. Instead of `exchange`. */
  readonly queue?: string
  /** Publishes to this exchange, which must exist; `''` is the default one, whose routing keys are names of queues. Instead of `queue`. */
  readonly exchange?: string
  /** With `exchange`. @default '' */
  readonly routingKey?: string | ((row: Row) => string)
  /** Bytes are sent as they are, a string as UTF-8, anything else as JSON. @default the whole row, as JSON */
  readonly content?: (row: Row) => unknown
  readonly properties?: (row: Row) => RabbitMessageProperties
  /** A key that the row has by its nature: the same whenever it comes again. @default the row's position: query, sink, batch, partition, ordinal */
  readonly messageId?: (row: Row) => string
  /** Whether all consumers drop messages whose `messageId` they have had. The query's guarantee rests on it. @default false */
  readonly deduplicated?: boolean
  /** Whether messages outlive a restart of the broker, in queues that do. @default true */
  readonly persistent?: boolean
  /** Whether a message that no queue takes is a failure; otherwise it is gone, and confirmed. @default true */
  readonly mandatory?: boolean
  /** Messages published and not yet confirmed. @default 1000 */
  readonly maxInFlight?: number
  /** Their bytes; a single message may be larger. @default 16 MiB */
  readonly maxInFlightBytes?: number
  /** How long no message at all may be confirmed, or the broker take none (memory or disk alarm), before the attempt fails. @default '30 seconds' */
  readonly confirmTimeout?: Duration
}

/** The same with its defaults. */
export interface RabbitSinkSettings<Row extends object> {
  readonly connection: RabbitConnectionSettings
  readonly exchange: string
  readonly queue: string | undefined
  readonly routingKey: (row: Row) => string
  readonly content: (row: Row) => unknown
  readonly properties: ((row: Row) => RabbitMessageProperties) | undefined
  readonly messageId: ((row: Row) => string) | undefined
  readonly deduplicated: boolean
  readonly persistent: boolean
  readonly mandatory: boolean
  readonly maxInFlight: number
  readonly maxInFlightBytes: number
  readonly confirmMs: number
}

const owner = 'rabbitmqSink'

/** By name. */
export const sinkRules = {
  ...connectionRules,
  queue: rules.string,
  exchange: { expected: 'a string', accepts: (value) => typeof value === 'string' },
  routingKey: {
    expected: 'a string or a function of the row',
    accepts: (value) => typeof value === 'string' || typeof value === 'function',
  },
  content: rules.function,
  properties: rules.function,
  messageId: rules.function,
  deduplicated: rules.boolean,
  persistent: rules.boolean,
  mandatory: rules.boolean,
  maxInFlight: rules.positiveInteger,
  maxInFlightBytes: rules.positiveInteger,
  confirmTimeout: positiveDurationRule,
} as const satisfies Record<keyof RabbitSinkOptions, OptionRule>

/** @throws OptionError */
export function rabbitSinkSettings<Row extends object>(options: RabbitSinkOptions<Row>): RabbitSinkSettings<Row> {
  validateOptions(owner, options, sinkRules)
  const { queue, exchange, routingKey, content, confirmTimeout = 30_000 } = options
  if ((queue === undefined) === (exchange === undefined))
    throw new OptionError(`${owner}: it needs one of the options "exchange" and "queue"`)
  if (queue !== undefined && routingKey !== undefined)
    throw new OptionError(`${owner}: option "routingKey" goes with "exchange"; with "queue" it is the queue's name`)
  const key = queue ?? routingKey ?? ''
  return {
    connection: connectionSettings(owner, options),
    exchange: exchange ?? '',
    queue,
    routingKey: typeof key === 'function' ? key : () => key,
    content: content ?? ((row) => row),
    properties: options.properties,
    messageId: options.messageId,
    deduplicated: options.deduplicated ?? false,
    persistent: options.persistent ?? true,
    mandatory: options.mandatory ?? true,
    maxInFlight: options.maxInFlight ?? 1_000,
    maxInFlightBytes: options.maxInFlightBytes ?? 16 * 2 ** 20,
    confirmMs: durationMs(confirmTimeout, owner, 'confirmTimeout'),
  }
}
