import { asyncScheduler } from 'rxjs'
import type { BatchSource, StreamSource } from '../../../data-source.ts'
import { OptionError } from '../../../errors.ts'
import type { OffsetObject } from '../../../offset.ts'
import { rules, validateOptions } from '../../../options.ts'
import type { Schema } from '../../../schema.ts'
import type { BatchReader, ReplayableReader } from '../../../source.ts'
import type { HttpClient } from '../http/types.ts'
import { tellWaits, Waits } from '../http/waits.ts'
import { OpenAnswers } from '../pagination/run-watch.ts'
import { cursorOf } from './cursor.ts'
import type { ColumnOf, CursorOptions } from './cursor-options.ts'
import { cursorSlicing } from './cursor-slicing.ts'
import { extractOf } from './extract.ts'
import { type RestOptions, restRules } from './options.ts'
import { pagesSlicing } from './pages-slicing.ts'
import { type AnySlicing, opaque, type Partitioning } from './partitioning.ts'
import { zoneOption } from './resource.ts'
import type { Extract, StreamPart } from './slicing.ts'

/** What makes a stream of a source: a cursor (alone, or for each item of a list), or a partitioning that has positions. */
export type WithPositions<Row extends object> =
  | {
      /** What is new or changed, told by a column. */
      readonly cursor: CursorOptions<Row>
      /** `byItems`: a position for each item. */
      readonly partitions?: Partitioning<never, false>
    }
  | {
      readonly cursor?: never
      /** `byIds`, `byTime`, `byItems` with one of these within, `byParent` with a cursor. */
      readonly partitions: Partitioning<ColumnOf<Row>, true>
    }

/** A source that is read from end to end. */
export interface WithoutPositions<Row extends object> {
  readonly cursor?: never
  /** `byItems` or `byParent`. @default by pages, where the first one tells how many there are */
  readonly partitions?: Partitioning<ColumnOf<Row>, false>
}

/** A position of a `rest` source: only the source knows what is in it. */
export type RestOffset = OffsetObject

/** A slice of a `rest` source, JSON. */
export type RestPartition = object

/** A `rest` source for `read`. */
export interface RestBatch<Row extends object> extends BatchSource<RestPartition, Row> {
  readonly schema: Schema<Row>
}

/** A `rest` source for `readStream`, and for `read`. */
export interface RestStream<Row extends object> extends RestBatch<Row>, StreamSource<RestOffset, RestPartition, Row> {
  readonly schema: Schema<Row>
}

/** `rest` over any client; a fresh one for each reader. @throws OptionError */
export function restSource<Row extends object, Item>(
  options: RestOptions<Row, Item> & (WithPositions<Row> | WithoutPositions<Row>),
  connect: () => HttpClient,
): RestBatch<Row> & Partial<RestStream<Row>> {
  validateOptions('rest', options, { ...restRules, cursor: rules.object, partitions: rules.object })
  const { name = 'rest', schema } = options
  // Mistakes are seen here, not at the first batch.
  const { stream } = sliced(options, noClient)
  return {
    name,
    schema,
    reader: () => batchReader(options, connect()),
    ...(stream !== undefined && { streamReader: () => streamReader(options, connect()) }),
  }
}

type AnyOptions<Row extends object> = RestOptions<Row, never> & (WithPositions<Row> | WithoutPositions<Row>)

/** @throws OptionError */
function sliced<Row extends object>(options: AnyOptions<Row>, client: HttpClient): AnySlicing<Row> {
  const { name = 'rest', scheduler = asyncScheduler, connections = 32 } = options
  const { schema, cursor: cursorOptions, partitions } = options
  const now = (): number => scheduler.now()
  const extract = extractOf<Row>({ owner: name, client, open: new OpenAnswers(connections), now }, options)
  const cursor =
    cursorOptions && cursorOf(`${name}: cursor`, cursorOptions, schema, { now, zone: zoneOption(name, options) })
  const byCursor = cursor && ((one: Extract<Row>) => opaque(cursorSlicing(one, cursor)))
  if (partitions !== undefined) return partitions.slice(extract, byCursor)
  void extract.request // a URL with {names} that nothing fills
  return byCursor?.(extract) ?? opaque(pagesSlicing(extract))
}

function batchReader<Row extends object>(
  options: AnyOptions<Row>,
  client: HttpClient,
): BatchReader<RestPartition, Row> {
  const slicing = sliced(options, client)
  return { partitions: slicing.all as () => never, ...reading(slicing, client) }
}

function streamReader<Row extends object>(
  options: AnyOptions<Row>,
  client: HttpClient,
): ReplayableReader<RestOffset, RestPartition, Row> {
  const slicing = sliced(options, client)
  const { repeatable = false } = options
  return { ...(slicing.stream as StreamPart<RestOffset, RestPartition>), ...reading(slicing, client), repeatable }
}

function reading<Row extends object>(
  slicing: AnySlicing<Row>,
  client: HttpClient,
): Pick<ReplayableReader<RestOffset, RestPartition, Row>, 'read' | 'partitionKey' | 'stop'> {
  const { read, partitionKey, close } = slicing
  return {
    read: (partition, { signal, report }) => {
      tellWaits(signal, new Waits(report))
      return read(partition, signal)
    },
    ...(partitionKey && { partitionKey }),
    stop: () => {
      close?.()
      return client.close()
    },
  }
}

const noClient: HttpClient = {
  send: () => Promise.reject(new OptionError('rest: nothing is asked for before a query runs')),
  close: () => Promise.resolve(),
}
