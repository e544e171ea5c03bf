import { bufferCount, filter, map, type Observable } from 'rxjs'
import { describe, expectTypeOf, it } from 'vitest'
import { filterRows } from '../../operators/filter-rows.ts'
import { flatMapRows } from '../../operators/flat-map-rows.ts'
import { mapRows } from '../../operators/map-rows.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { noop } from '../../src/connectors/noop/sink.ts'
import { type BoundSink, defineDataSource, type StreamSource } from '../../src/data-source.ts'
import type { QueryProgress } from '../../src/progress.ts'
import type { QueryRun } from '../../src/query-run.ts'
import type { HasColumns, NoOtherColumns } from '../../src/row.ts'
import { schema } from '../../src/schema.ts'
import type { StreamWriter } from '../../src/sink.ts'
import { type RowBatch, type RowStream, read, readStream } from '../../src/stream.ts'
import type { StreamingQuery } from '../../src/streaming-query.ts'
import { processingTime } from '../../src/trigger.ts'

declare const writerOf: <Row extends object>() => StreamWriter<Row, string>
declare const sinkOf: <Row extends object>() => BoundSink<Row, string>
declare const count: (url: string) => Promise<number>
declare const getJson: (url: string, init: { signal: AbortSignal }) => Promise<Comment[]>

interface Comment {
  id: number
  name: string | null
  email: string | null
  body: string | null
}

const options = { name: 'q', checkpoint: memoryCheckpoint() }
const numbers = memoryStream<{ n: number; label: string }>()

describe('a pipeline as users write it', () => {
  const comment = schema('id int not null, name string, email string, body string')
  const comments = defineDataSource({
    name: 'comments_api',
    schema: comment,
    streamReader: ({ url }: { url: string }) => ({
      initialOffset: () => ({ offset: 0 }),
      latestOffset: async (start, { maxRows }) => ({ offset: Math.min(start.offset + maxRows, await count(url)) }),
      partitions: (start, end) => [{ from: start.offset, to: end.offset }],
      async *read({ from, to }, { signal }) {
        yield await getJson(`${url}?_start=${from}&_limit=${to - from}`, { signal })
      },
    }),
  })

  it('is inferred from its schema and its reader', () => {
    expectTypeOf(comments).parameters.toEqualTypeOf<[{ url: string }]>()
    expectTypeOf(comments({ url: '' })).toEqualTypeOf<
      StreamSource<{ offset: number }, { from: number; to: number }, Comment>
    >()
    expectTypeOf(comments.sourceName).toEqualTypeOf<'comments_api'>()
    expectTypeOf(readStream(comments({ url: '' }))).toEqualTypeOf<RowStream<Comment>>()
  })

  it('keeps its rows through operators, a stated schema and a sink', () => {
    const stamped = readStream(comments({ url: '' })).pipe(mapRows((row) => ({ ...row, current_ts: new Date() })))
    expectTypeOf(stamped).toEqualTypeOf<RowStream<Comment & { current_ts: Date }>>
    const stated = stamped.as(
      schema('id int not null, name string, email string, body string, current_ts timestamp not null'),
    )
    expectTypeOf(stated).toEqualTypeOf<RowStream<Comment & { current_ts: Date }>>
    const query = stated.writeStream(sinkOf<{ id: number; current_ts: Date }>(), {
      name: 'comments',
      checkpoint: memoryCheckpoint(),
      trigger: processingTime('5 seconds'),
      limit: { maxRows: 10 },
    })
    expectTypeOf(query).toEqualTypeOf<StreamingQuery>()
    expectTypeOf(query).toExtend<Observable<QueryProgress>>()
    expectTypeOf(query.start()).toEqualTypeOf<QueryRun>()
    query.subscribe((progress) => expectTypeOf(progress.numInputRows).toEqualTypeOf<number>())
  })

  it('refuses options of another type', () => {
    comments({ url: '' })
    // @ts-expect-error
    comments({ url: 1 })
    // @ts-expect-error
    comments({ uri: '' })
    // @ts-expect-error
    comments()
  })
})

describe('a sink', () => {
  const rows = readStream(numbers)

  it('takes rows that have its columns, and more', () => {
    rows.writeStream(sinkOf<{ n: number; label: string }>(), options)
    rows.writeStream(sinkOf<{ n: number }>(), options)
    rows.writeStream(() => writerOf<{ n: number }>(), options)
    rows.writeStream(sinkOf<{ n: number; note?: string }>(), options)
    rows.writeStream(sinkOf<{ n: number | string }>(), options)
    rows.writeStream(sinkOf<Record<string, unknown>>(), options)
    rows.writeStream(noop(), options)
    rows.writeStream(memorySink(), options)
  })

  it('refuses rows that lack a column, or have it with another type', () => {
    // @ts-expect-error
    rows.writeStream(sinkOf<{ n: number; id: number }>(), options)
    // @ts-expect-error
    rows.writeStream(() => writerOf<{ id: number }>(), options)
    // @ts-expect-error
    rows.writeStream(sinkOf<{ n: string }>(), options)
    // @ts-expect-error
    readStream(memoryStream<{ n: number | null }>()).writeStream(sinkOf<{ n: number }>(), options)
    // @ts-expect-error
    readStream(memoryStream<{ n?: number }>()).writeStream(sinkOf<{ n: number }>(), options)
    // @ts-expect-error
    rows.writeStream(sinkOf<Record<string, number>>(), options)
  })

  it('that needs certain columns besides any others asks for these', () => {
    rows.writeStream(sinkOf<{ n: number; [more: string]: unknown }>(), options)
    // @ts-expect-error
    rows.writeStream(sinkOf<{ id: number; [more: string]: unknown }>(), options)
    // @ts-expect-error
    rows.writeStream(sinkOf<{ n: string; [more: string]: unknown }>(), options)
  })

  it('has the columns named in the error', () => {
    type Has = { n: number; label: string | null; more: Date }
    expectTypeOf<HasColumns<Has, { n: string; id: number; label: string; more: Date; note?: string }>>().toEqualTypeOf<{
      readonly 'the rows lack these columns, or have them with another type': 'n' | 'id' | 'label'
    }>()
    expectTypeOf<HasColumns<Has, { n: number; label: string | null }>>().toBeUnknown()
    expectTypeOf<HasColumns<Has, Record<string, number | null>>>().toEqualTypeOf<{
      readonly 'the rows lack these columns, or have them with another type': 'label' | 'more'
    }>()
    expectTypeOf<NoOtherColumns<Has, { n: number; label: string | null }>>().toEqualTypeOf<{
      readonly 'the rows have columns that the schema lacks': 'more'
    }>()
  })
})

describe('as', () => {
  const rows = readStream(memoryStream<{ n: number; label: string }>())

  it('takes the schema that the rows have', () => {
    expectTypeOf(rows.as(schema('n int not null, label string not null'))).toEqualTypeOf<
      RowStream<{ n: number; label: string }>
    >()
    expectTypeOf(rows.as(schema('n int, label string'))).toEqualTypeOf<
      RowStream<{ n: number | null; label: string | null }>
    >()
  })

  it('refuses a schema with a column too many, too few, or of another type', () => {
    // @ts-expect-error
    rows.as(schema('n int not null, label string not null, more string not null'))
    // @ts-expect-error
    rows.as(schema('n int not null'))
    // @ts-expect-error
    rows.as(schema('n string not null, label string not null'))
    // @ts-expect-error
    rows.pipe(mapRows(({ n }) => ({ n: n > 1 ? n : null, label: '' }))).as(schema('n int not null, label string'))
  })
})

describe('pipe', () => {
  const rows = readStream(numbers)

  it('takes RxJS operators over chunks', () => {
    expectTypeOf(rows.pipe(filter((chunk) => chunk.length > 0))).toEqualTypeOf<
      RowStream<{ n: number; label: string }>
    >()
    expectTypeOf(rows.pipe(map((chunk) => chunk.map(({ n }) => ({ n }))))).toEqualTypeOf<RowStream<{ n: number }>>()
  })

  it('carries the rows from one to the next, in either mode', () => {
    const chain = rows.pipe(
      filterRows(({ n }) => n > 1),
      mapRows(({ n }) => ({ twice: n * 2 })),
      flatMapRows(({ twice }) => [{ text: String(twice) }]),
      map((chunk) => chunk),
      mapRows(({ text }) => ({ text, length: text.length })),
    )
    expectTypeOf(chain).toEqualTypeOf<RowStream<{ text: string; length: number }>>()
    expectTypeOf(read(numbers).pipe(mapRows(({ n }) => ({ n })))).toEqualTypeOf<RowBatch<{ n: number }>>()
    const twice = rows.pipe(mapRows(({ n }) => ({ twice: n * 2 })))
    expectTypeOf(twice).toEqualTypeOf<RowStream<{ twice: number }>>()
    // @ts-expect-error
    twice.pipe(mapRows(({ n }) => ({ n })))
    // @ts-expect-error
    rows.pipe(mapRows(({ missing }) => ({ missing })))
  })

  it('refuses arrays as rows', () => {
    rows.pipe(mapRows((row) => ({ pair: [row.n, row.n] })))
    // @ts-expect-error
    rows.pipe(mapRows((row) => [row.n, row.n]))
    // @ts-expect-error
    rows.pipe(bufferCount(2))
    const same = mapRows((row: { n: number; label: string }) => row)
    rows.pipe(same, same)
    // @ts-expect-error
    rows.pipe(same, bufferCount(2))
    // @ts-expect-error
    rows.pipe(flatMapRows((row) => [[row]]))
  })

  it('refuses what is no row at all', () => {
    // @ts-expect-error
    rows.pipe(mapRows((row) => row.n))
    // @ts-expect-error
    rows.pipe(mapRows(async ({ n }) => ({ n })))
    // @ts-expect-error
    rows.pipe(mapRows((row) => new Map([['n', row.n]])))
    // @ts-expect-error
    rows.pipe(map((chunk) => chunk.length))
  })
})

describe('how a chain ends', () => {
  const stream = readStream(numbers)
  const batch = read(numbers)
  const sink = sinkOf<{ n: number }>()

  it('a stream in writeStream, a batch in write', () => {
    expectTypeOf(stream.writeStream(sink, options)).toEqualTypeOf<StreamingQuery>()
    expectTypeOf(batch.write(sink)).toEqualTypeOf<StreamingQuery>()
    expectTypeOf(batch.write(sink, { name: 'once' })).toEqualTypeOf<StreamingQuery>()
    // @ts-expect-error
    stream.write(sink)
    // @ts-expect-error
    batch.writeStream(sink, options)
  })

  it('a batch sets no checkpoint and no trigger', () => {
    // @ts-expect-error
    batch.write(sink, { checkpoint: memoryCheckpoint() })
    // @ts-expect-error
    batch.write(sink, { trigger: processingTime('1 second') })
  })

  it('options are known and typed', () => {
    stream.writeStream(sink, {
      ...options,
      limit: { maxRows: 1 },
      restart: { maxAttempts: 2 },
      require: 'exactly-once',
    })
    // @ts-expect-error
    stream.writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint(), concurency: 2 })
    // @ts-expect-error
    stream.writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint(), limit: { maxrows: 2 } })
    // @ts-expect-error
    stream.writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint(), retry: { attempts: 2 } })
    // @ts-expect-error
    stream.writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint(), restart: {} })
    // @ts-expect-error
    stream.writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint(), require: 'exactly once' })
    // @ts-expect-error
    stream.writeStream(sink, { name: 'q', checkpoint: 'checkpoints/q' })
    // @ts-expect-error
    stream.writeStream(sink, { checkpoint: memoryCheckpoint() })
    // @ts-expect-error
    stream.writeStream(sink, { name: 'q' })
    // @ts-expect-error
    stream.writeStream(sink)
  })
})
