import { OptionError } from '../../errors.ts'
import { type OptionRule, required, rules, validateOptions } from '../../options.ts'
import {
  connectionRules,
  connectionSettings,
  type RabbitConnectionOptions,
  type RabbitConnectionSettings,
} from './connection-options.ts'
import { contentRule, type MessageContent } from './message-row.ts'

/** Where a new query begins in a stream. */
export type StreamStart = 'first' | 'last' | 'next' | number | Date

/** Options of `rabbitmqStream`. */
export interface RabbitStreamOptions<Content extends MessageContent = MessageContent> extends RabbitConnectionOptions {
  /** The stream, or several, which are read side by side. */
  readonly stream: string | readonly string[]
  /**
   * Where a new query begins (a query that was started before goes on where it stood):
   * - `first`: with the oldest message that the stream still has;
   * - `last`: with the last chunk, as the broker wrote it: one message to a few thousand;
   * - `next`: with what is published from now on;
   * - a number: at this offset;
   * - a `Date`: with the chunk that was written then or next. The broker counts whole seconds and whole chunks, so some messages may be older.
   * @default 'first'
   */
  readonly from?: StreamStart
  /** What the bodies are. @default 'text' */
  readonly content?: Content
  /** Declares the streams, durable, with these further arguments such as `x-max-age`. @default they must exist */
  readonly declare?: Readonly<Record<string, string | number>>
  /** Deliveries on their way at a time, for each stream. @default 1000 */
  readonly prefetch?: number
  /** Messages read ahead into memory, for each stream; a batch takes no more of it. @default 10_000 */
  readonly readAhead?: number
  /** Their bytes; what is on its way comes on top. @default 64 MiB */
  readonly readAheadBytes?: number
}

/** The same with its defaults. */
export interface RabbitStreamSettings {
  readonly connection: RabbitConnectionSettings
  readonly streams: readonly string[]
  readonly from: StreamStart
  readonly declare: Readonly<Record<string, string | number>> | undefined
  readonly prefetch: number
  readonly readAheadRows: number
  readonly readAheadBytes: number
}

const owner = 'rabbitmqStream'

/** By name. */
export const streamRules = {
  ...connectionRules,
  stream: required({
    expected: 'the name of a stream, or a list of names',
    accepts: (value) => rules.string.accepts(value) || (Array.isArray(value) && value.every(rules.string.accepts)),
  }),
  from: {
    expected: '"first", "last", "next", an offset from 0, or a valid Date',
    accepts: (value) =>
      ['first', 'last', 'next'].includes(value as string) ||
      rules.nonNegativeInteger.accepts(value) ||
      (value instanceof Date && !Number.isNaN(value.getTime())),
  },
  content: contentRule,
  declare: rules.object,
  prefetch: {
    expected: 'an integer from 1 to 65535',
    accepts: (value) => rules.positiveInteger.accepts(value) && Number(value) <= 65_535,
  },
  readAhead: rules.positiveInteger,
  readAheadBytes: rules.positiveInteger,
} as const satisfies Record<keyof RabbitStreamOptions, OptionRule>

/** @throws OptionError */
export function rabbitStreamSettings(options: RabbitStreamOptions): RabbitStreamSettings {
  validateOptions(owner, options, streamRules)
  const { stream, from = 'first', declare, prefetch = 1_000, readAhead = 10_000 } = options
  const streams = typeof stream === 'string' ? [stream] : [...stream]
  if (streams.length === 0) throw new OptionError(`${owner}: option "stream" must name a stream, and the list is empty`)
  if (new Set(streams).size < streams.length)
    throw new OptionError(`${owner}: option "stream" names a stream twice: ${streams.join(', ')}`)
  return {
    connection: connectionSettings(owner, options),
    streams,
    from,
    declare,
    prefetch,
    readAheadRows: readAhead,
    readAheadBytes: options.readAheadBytes ?? 64 * 2 ** 20,
  }
}
