import type { ConsumeMessage } from 'amqplib'
import { describeError, OptionError, RowError } from '../../errors.ts'
import type { OptionRule } from '../../options.ts'
import { rowChecker, type Schema, schema } from '../../schema.ts'
import { fromJson } from './json-value.ts'

/**
 * What the body of a message is: `text` (UTF-8), `json` (the same, checked to be JSON), `bytes`; or a schema: a JSON object with these columns.
 * Columns that the schema doesn't have are left out; bigints may be numbers or strings, timestamps ISO texts or milliseconds, bytes base64.
 */
export type MessageContent = 'text' | 'json' | 'bytes' | Schema

/** The column `body`, by the content. */
export type BodyOf<Content extends MessageContent> =
  Content extends Schema<infer Body> ? Body : Content extends 'bytes' ? Uint8Array : string

/** A message as a row: its body, its properties and its way. A property that the publisher didn't set is null. */
export interface MessageRow<Body = string> {
  readonly body: Body
  /** The queue or stream that it was read from. */
  readonly queue: string
  readonly exchange: string
  readonly routingKey: string
  /** It was delivered before, if not to us. */
  readonly redelivered: boolean
  /** How often it was delivered before, where the queue counts that (quorum queues). */
  readonly deliveryCount: number | null
  readonly messageId: string | null
  readonly correlationId: string | null
  readonly contentType: string | null
  readonly type: string | null
  readonly appId: string | null
  /** As the publisher says, in whole seconds. */
  readonly timestamp: Date | null
  /** Texts as they are, anything else as JSON. */
  readonly headers: Readonly<Record<string, string | null>> | null
}

/** Of everything but the body. */
const properties =
  'queue string not null, exchange string not null, routingKey string not null, redelivered boolean not null, deliveryCount int, messageId string, correlationId string, contentType string, type string, appId string, timestamp timestamp, headers map<string, string>'

export const contentRule: OptionRule = {
  expected: '"text", "json", "bytes", or a schema of JSON objects',
  accepts: (value) =>
    ['text', 'json', 'bytes'].includes(value as string) ||
    (typeof value === 'object' && value !== null && 'fields' in value && Array.isArray(value.fields)),
}

/** The schema of the rows. */
export function messageSchema<Content extends MessageContent>(content: Content): Schema<MessageRow<BodyOf<Content>>> {
  const rest = schema(properties).fields
  const type =
    typeof content === 'object'
      ? ({ kind: 'struct', fields: content.fields } as const)
      : ({ kind: content === 'bytes' ? 'binary' : 'string' } as const)
  return schema([{ name: 'body', type, nullable: false } as const, ...rest]) as Schema as Schema<
    MessageRow<BodyOf<Content>>
  >
}

/**
 * Makes rows of messages. Compiled once for a source.
 * @returns a function that throws a RowError, which never shows the body, for one that is not what the content says.
 */
export function messageReader<Content extends MessageContent>(
  content: Content,
): (queue: string, message: ConsumeMessage) => MessageRow<BodyOf<Content>> {
  const decode = decoder(content)
  return (queue, { content: bytes, fields, properties: given }) => {
    const headers = given.headers ?? {}
    const names = Object.keys(headers)
    return {
      body: decode(
        bytes,
        () => `${queue}: message ${JSON.stringify(given.messageId ?? `with tag ${fields.deliveryTag}`)}`,
      ) as BodyOf<Content>,
      queue,
      exchange: fields.exchange,
      routingKey: fields.routingKey,
      redelivered: fields.redelivered,
      deliveryCount: countOf(headers['x-delivery-count']),
      messageId: text(given.messageId),
      correlationId: text(given.correlationId),
      contentType: text(given.contentType),
      type: text(given.type),
      appId: text(given.appId),
      timestamp: typeof given.timestamp === 'number' ? dateOf(given.timestamp) : null,
      headers: names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, headerText(headers[name])])),
    }
  }
}

type Decode = (bytes: Buffer, which: () => string) => unknown

/** With all that was sent: a byte order mark is part of a text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const byteOrderMark = '\uFEFF'

function decoder(content: MessageContent): Decode {
  if (content === 'bytes') return (bytes) => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const decodeText = (bytes: Buffer, which: () => string): string => {
    try {
      return utf8.decode(bytes)
    } catch {
      throw new RowError(`${which()} is not UTF-8 text`)
    }
  }
  /** Some writers put one before their JSON, which has none. */
  const jsonText = (bytes: Buffer, which: () => string): string => {
    const text = decodeText(bytes, which)
    return text.startsWith(byteOrderMark) ? text.slice(1) : text
  }
  const parse = (bytes: Buffer, which: () => string): unknown => {
    const text = jsonText(bytes, which)
    try {
      return JSON.parse(text)
    } catch {
      throw new RowError(`${which()} is not JSON`) // the parser's own words quote the body
    }
  }
  if (content === 'text') return decodeText
  if (content === 'json') {
    return (bytes, which) => {
      parse(bytes, which)
      return jsonText(bytes, which)
    }
  }
  if (typeof content !== 'object') throw new OptionError(`content must be ${contentRule.expected}`)
  const misfit = rowChecker(content)
  const type = { kind: 'struct', fields: content.fields } as const
  return (bytes, which) => {
    const body = fromJson(type, parse(bytes, which))
    const why = misfit(body)
    if (why !== undefined) throw new RowError(`${which()} does not fit the schema: ${why}`)
    return body
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function countOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) ? value : null
}

function dateOf(seconds: number): Date | null {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? null : date
}

function headerText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? null
  } catch (error) {
    return describeError(error)
  }
}
