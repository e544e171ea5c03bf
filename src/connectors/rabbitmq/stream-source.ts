import type { ConsumeMessage } from 'amqplib'
import { asyncScheduler, Subject } from 'rxjs'
import { OffsetError } from '../../errors.ts'
import { type Schema, schema } from '../../schema.ts'
import type { ReadLimit, ReplayableReader } from '../../source.ts'
import { RabbitConnection } from './connection.ts'
import { type BodyOf, type MessageContent, type MessageRow, messageReader, messageSchema } from './message-row.ts'
import { StreamCursor } from './stream-cursor.ts'
import type { StreamExtent } from './stream-memory.ts'
import { type RabbitStreamOptions, type RabbitStreamSettings, rabbitStreamSettings } from './stream-options.ts'
import { offsetOf, onChannel, type StreamSpec, type StreamSurvey, surveyStream, timestamp } from './stream-survey.ts'

/** By stream, the offset of the next message to read. */
export interface RabbitStreamOffset {
  readonly [stream: string]: number
}

/** The messages of a stream with offsets `[from, to)`. The last one is there: `to` is one more than an offset that was seen. */
export interface RabbitStreamPartition {
  readonly stream: string
  readonly from: number
  readonly to: number
}

/** A message of a stream: column `queue` is the stream, and `offset` where the message stands in it. */
export interface RabbitStreamRow<Body = string> extends MessageRow<Body> {
  readonly offset: number
}

const owner = 'rabbitmqStream'
const chunkRows = 1_000
/** A survey has the last chunk of each stream delivered once more, and is asked for with each batch, for the lag: the answer is good for so many milliseconds. */
const surveyEveryMs = 1_000

/**
 * Messages of stream queues, each with its offset: a **replayable** source. A stream forgets nothing by being read; what it forgets, its retention does.
 *
 * The query's offset is that of the next message, by stream. Batches end at messages that were seen, so that a replay has the same rows; offsets have gaps, so a difference of offsets is
 * an upper bound of the rows between. It reads ahead up to `readAhead` messages, whatever the query's limit; `available` tells of new ones within milliseconds.
 *
 * A connection that is lost is made anew, and reading goes on where memory ends.
 *
 * Fails, and never skips: when retention dropped messages before they were read, when a stream ends before the query's position (it was deleted and made anew),
 * and when a body is not what `content` says (with `bytes` there is none).
 * @throws OptionError
 * @example
 * readStream(rabbitmqStream({ url: 'amqp://127.0.0.1', stream: 'readings', content: schema('sensor int not null, celsius double') }))
 */
export function rabbitmqStream<Content extends MessageContent = 'text'>(
  options: RabbitStreamOptions<Content>,
): {
  readonly name: 'rabbitmq_stream'
  readonly schema: Schema<RabbitStreamRow<BodyOf<Content>>>
  readonly streamReader: () => ReplayableReader<
    RabbitStreamOffset,
    RabbitStreamPartition,
    RabbitStreamRow<BodyOf<Content>>
  >
} {
  const settings = rabbitStreamSettings(options)
  const content = (options.content ?? 'text') as Content
  return {
    name: 'rabbitmq_stream',
    schema: streamSchema(content),
    streamReader: () => rabbitStreamReader(settings, rowMaker(content)),
  }
}

function streamSchema<Content extends MessageContent>(content: Content): Schema<RabbitStreamRow<BodyOf<Content>>> {
  const offset = schema('offset double not null').fields
  return schema([...messageSchema(content).fields, ...offset]) as Schema as Schema<RabbitStreamRow<BodyOf<Content>>>
}

type ToRow<Row> = (message: ConsumeMessage, stream: string) => Row

function rowMaker<Content extends MessageContent>(content: Content): ToRow<RabbitStreamRow<BodyOf<Content>>> {
  const read = messageReader(content)
  return (message, stream) => ({ ...read(stream, message), offset: offsetOf(message) as number })
}

function rabbitStreamReader<Row extends object>(
  settings: RabbitStreamSettings,
  toRow: ToRow<Row>,
): ReplayableReader<RabbitStreamOffset, RabbitStreamPartition, Row> {
  const { streams, from: start } = settings
  const connection = new RabbitConnection(settings.connection)
  const cursors = new Map<string, StreamCursor>()
  const available = new Subject<void>()
  let declared = false
  /** As the last survey found them, in the order of the streams. */
  let heads: { readonly at: number; readonly offsets: readonly number[] } | undefined

  const cursorAt = (stream: string, position: number): StreamCursor =>
    new StreamCursor(connection, { ...settings, stream, stallMs: settings.connection.openTimeoutMs }, position)

  /** The one that reads ahead, standing at or before the position. */
  const ahead = (stream: string, position: number): StreamCursor => {
    const known = cursors.get(stream)
    if (known?.holds(position, position)) return known
    void known?.close()
    const cursor = cursorAt(stream, position)
    cursor.arrived$.subscribe(() => available.next())
    cursors.set(stream, cursor)
    return cursor
  }

  const declare = async (): Promise<void> => {
    if (!declared) await declareStreams(connection, settings)
    declared = true
  }
  const survey = async (at: StreamSpec): Promise<readonly StreamSurvey[]> => {
    await declare()
    return Promise.all(
      streams.map((stream) =>
        onChannel(connection, `${owner}: survey of ${stream}`, (channel) => surveyStream(channel, stream, at)),
      ),
    )
  }
  const offsets = (values: readonly number[]): RabbitStreamOffset =>
    Object.fromEntries(streams.map((stream, index) => [stream, values[index] as number]))

  return {
    initialOffset: async () => {
      if (typeof start === 'number') return offsets(streams.map(() => start))
      const found = await survey(start instanceof Date ? timestamp(start) : start)
      return offsets(found.map(({ first, head }) => first ?? head))
    },
    latestOffset: async (position, limit) => {
      await declare()
      const standing = streams.map((stream) => {
        const at = positionIn(position, stream)
        const cursor = ahead(stream, at)
        cursor.forget(at)
        return { position: at, cursor }
      })
      await Promise.all(standing.map(({ cursor, position }) => cursor.fill(position, limit.maxRows)))
      return offsets(shareOut(standing, limit))
    },
    partitions: (start, end) =>
      streams
        .map((stream) => ({ stream, from: positionIn(start, stream), to: positionIn(end, stream) }))
        .filter((slice) => slice.from < slice.to),
    read: (slice, { signal, report }) => {
      const { stream, from, to } = slice
      const toRows = (messages: readonly ConsumeMessage[]): readonly Row[] => {
        report({ bytes: messages.reduce((sum, { content }) => sum + content.length, 0) })
        return messages.map((message) => toRow(message, stream))
      }
      const cursor = cursors.get(stream)
      return cursor?.holds(from, to)
        ? mapSync(inChunks(cursor.between(from, to)), toRows)
        : mapAsync(replay(cursorAt(stream, from), slice, signal), toRows)
    },
    partitionKey: ({ stream }) => stream,
    compare: (a, b) => {
      const signs = streams.map((stream) => positionIn(a, stream) - positionIn(b, stream))
      return signs.find((sign) => sign < 0) ?? Math.max(...signs)
    },
    distance: (a, b) => streams.reduce((sum, stream) => sum + positionIn(b, stream) - positionIn(a, stream), 0),
    reportLatestOffset: async () => {
      const now = asyncScheduler.now()
      if (heads === undefined || now - heads.at >= surveyEveryMs || now < heads.at) {
        const found = await survey('next')
        for (const [index, stream] of streams.entries()) cursors.get(stream)?.expect(found[index]?.head ?? 0)
        // From its answer on: one that takes longer than that on a busy connection would be followed by the next at once.
        heads = { at: asyncScheduler.now(), offsets: found.map(({ head }) => head) }
      }
      // What was read since then is newer.
      return offsets(
        heads.offsets.map((head, index) => Math.max(head, cursors.get(streams[index] as string)?.next ?? 0)),
      )
    },
    available,
    stop: () => connection.close(),
  }
}

function positionIn(offset: RabbitStreamOffset, stream: string): number {
  const position = offset[stream]
  if (position === undefined) {
    throw new OffsetError(
      `${owner}: the query's offset has no position in stream ${stream}, only in ${Object.keys(offset).join(', ')}; start a new query for other streams (with another checkpoint)`,
    )
  }
  return position
}

async function declareStreams(connection: RabbitConnection, { streams, declare }: RabbitStreamSettings): Promise<void> {
  if (declare === undefined) return
  await onChannel(connection, `${owner}: declaration`, async (channel) => {
    for (const stream of streams)
      await channel.assertQueue(stream, { durable: true, arguments: { ...declare, 'x-queue-type': 'stream' } })
  })
}

interface Standing {
  readonly position: number
  readonly cursor: StreamCursor
}

/** Each stream gets an even share of the limit, and the first ones what others leave of theirs. */
function shareOut(standing: readonly Standing[], { maxRows, maxBytes }: ReadLimit): readonly number[] {
  const count = standing.length
  const share = { maxRows: Math.floor(maxRows / count), maxBytes: maxBytes / count }
  const even = standing.map(({ cursor, position }) => cursor.upTo(position, share))
  const left = {
    maxRows: even.reduce((rest, { rows }) => rest - rows, maxRows),
    maxBytes: even.reduce((rest, { bytes }) => rest - bytes, maxBytes),
  }
  return standing.map(({ cursor, position }, index) => {
    const mine = even[index] as StreamExtent
    if (mine.end === cursor.next || left.maxRows <= 0 || left.maxBytes <= 0) return mine.end
    const more = cursor.upTo(position, { maxRows: mine.rows + left.maxRows, maxBytes: mine.bytes + left.maxBytes })
    left.maxRows -= more.rows - mine.rows
    left.maxBytes -= more.bytes - mine.bytes
    return more.end
  })
}

/** Read once more from the stream, by a consumer of its own. */
async function* replay(
  cursor: StreamCursor,
  { from, to }: RabbitStreamPartition,
  signal: AbortSignal,
): AsyncGenerator<readonly ConsumeMessage[]> {
  const close = (): void => void cursor.close()
  signal.addEventListener('abort', close, { once: true })
  try {
    cursor.expect(to)
    for (let at = from; at < to; at = Math.min(cursor.next, to)) {
      cursor.forget(at)
      await cursor.fill(at, to - at)
      yield* inChunks(cursor.between(at, to))
    }
  } finally {
    signal.removeEventListener('abort', close)
    await cursor.close()
  }
}

function* inChunks(messages: readonly ConsumeMessage[]): Generator<readonly ConsumeMessage[]> {
  for (let first = 0; first < messages.length; first += chunkRows) yield messages.slice(first, first + chunkRows)
}

function* mapSync<In, Out>(chunks: Iterable<In>, map: (chunk: In) => Out): Generator<Out> {
  for (const chunk of chunks) yield map(chunk)
}

async function* mapAsync<In, Out>(chunks: AsyncIterable<In>, map: (chunk: In) => Out): AsyncGenerator<Out> {
  for await (const chunk of chunks) yield map(chunk)
}
