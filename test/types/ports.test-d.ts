import { NEVER, of } from 'rxjs'
import { describe, expectTypeOf, it } from 'vitest'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { type BatchSource, type BoundSink, defineDataSource, type StreamSource } from '../../src/data-source.ts'
import { type JournalPartition, journaled } from '../../src/journaled.ts'
import { schema } from '../../src/schema.ts'
import type { SimplePartition } from '../../src/simple-reader.ts'
import type { StreamWriter } from '../../src/sink.ts'
import type { AckedReader, ReplayableReader, SimpleStreamReader, StreamReader } from '../../src/source.ts'
import { sourceRegistry } from '../../src/source-registry.ts'
import { type RowBatch, type RowStream, read, readStream } from '../../src/stream.ts'

interface Row {
  id: number
}
const row = schema('id int not null')

const reader: ReplayableReader<{ at: number }, { from: number }, Row> = {
  initialOffset: () => ({ at: 0 }),
  latestOffset: (start) => Promise.resolve(start),
  partitions: (start) => of([{ from: start.at }]),
  read: () => NEVER,
}

describe('a reader', () => {
  it('answers with values, promises or Observables, and reads what an Observable can be made from', () => {
    type Reader = StreamReader<{ at: number }, { from: number }, Row>
    expectTypeOf(() => of({ at: 1 })).toExtend<Reader['initialOffset']>()
    expectTypeOf(async () => ({ at: 1 })).toExtend<Reader['initialOffset']>()
    expectTypeOf(() => [[{ id: 1 }]]).toExtend<Reader['read']>()
    expectTypeOf(function* () {
      yield [{ id: 1 }]
    }).toExtend<Reader['read']>()
    expectTypeOf(async function* () {
      yield [{ id: 1 }]
    }).toExtend<Reader['read']>()
  })

  it('has one type of offset and one of partition', () => {
    defineDataSource({ name: 'a', schema: row, streamReader: () => reader })
    const otherPartitions = { ...reader, partitions: (start: { other: number }) => [{ from: start.other }] }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => otherPartitions })
    const otherLatest = { ...reader, latestOffset: () => ({ other: 1 }) }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => otherLatest })
    const otherRead = { ...reader, read: (_: { other: number }) => [[{ id: 1 }]] }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => otherRead })
    const otherCommit = { ...reader, commit: (end: { other: number }) => end }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => otherCommit })
  })

  it('yields chunks of rows of its schema, not rows', () => {
    const source = (read: () => Iterable<readonly Row[]>) =>
      defineDataSource({ name: 'a', schema: row, streamReader: () => ({ ...reader, read }) })
    expectTypeOf(source).returns.returns.toEqualTypeOf<StreamSource<{ at: number }, { from: number }, Row>>()
    const rowsNotChunks = { ...reader, read: () => [{ id: 1 }] }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => rowsNotChunks })
    const rowByRow = {
      ...reader,
      async *read() {
        yield { id: 1 }
      },
    }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => rowByRow })
    const otherColumnType = { ...reader, read: () => [[{ id: '1' }]] }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => otherColumnType })
    const otherColumn = { ...reader, read: () => [[{ other: 1 }]] }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => otherColumn })
  })

  it('of a queue can commit and release', () => {
    const { initialOffset, latestOffset, partitions, read } = reader
    const acked = { initialOffset, latestOffset, partitions, read, kind: 'acked' as const }
    const whole = { ...acked, commit: () => undefined, release: () => undefined }
    expectTypeOf(whole).toExtend<AckedReader<{ at: number }, { from: number }, Row>>()
    defineDataSource({ name: 'a', schema: row, streamReader: () => whole })
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => ({ ...acked, commit: () => undefined }) })
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => ({ ...acked, release: () => undefined }) })
  })

  it('has objects as offsets', () => {
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => ({ ...reader, initialOffset: () => 1 }) })
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => ({ ...reader, initialOffset: () => null }) })
  })
})

describe('a simple reader', () => {
  const once: SimpleStreamReader<{ at: number }, Row> = {
    initialOffset: () => ({ at: 0 }),
    read: (start) => ({ rows: [{ id: 1 }], end: { at: start.at + 1 } }),
  }
  const again = { ...once, readBetween: () => [{ id: 1 }] }

  it('can be read again, or is journaled', () => {
    const simple = defineDataSource({ name: 'a', schema: row, simpleStreamReader: () => again })
    expectTypeOf(simple()).toEqualTypeOf<StreamSource<{ at: number }, SimplePartition<{ at: number }>, Row>>()
    const kept = defineDataSource({ name: 'a', schema: row, streamReader: () => journaled(once) })
    expectTypeOf(kept()).toEqualTypeOf<StreamSource<{ at: number }, JournalPartition, Row>>()
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, simpleStreamReader: () => once })
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamReader: () => once })
  })

  it('gives rows and where they end', () => {
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, simpleStreamReader: () => ({ ...again, read: () => [{ id: 1 }] }) })
    const otherRows = { ...again, read: () => ({ rows: [{ id: '1' }], end: { at: 1 } }) }
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, simpleStreamReader: () => otherRows })
  })

  it('is identified by its rows', () => {
    expectTypeOf(journaled(once, { identity: ({ id }) => String(id) })).toEqualTypeOf<
      ReplayableReader<{ at: number }, JournalPartition, Row>
    >()
    // @ts-expect-error
    journaled(once, { identity: ({ id }) => id })
    // @ts-expect-error
    journaled(once, { identity: ({ key }) => key })
    // @ts-expect-error
    journaled(once, { identify: () => '' })
  })
})

describe('a data source', () => {
  const writer = {} as StreamWriter<{ id: number; at: Date }, string>

  it('is bound with what it has', () => {
    const both = defineDataSource({
      name: 'both',
      schema: row,
      streamReader: (_options: { path: string }) => reader,
      streamWriter: () => writer,
    })
    expectTypeOf(both).parameters.toEqualTypeOf<[{ path: string }]>()
    expectTypeOf(both({ path: '' })).toEqualTypeOf<
      StreamSource<{ at: number }, { from: number }, Row> & BoundSink<{ id: number; at: Date }, string>
    >()
    const batch = defineDataSource({
      name: 'batch',
      schema: row,
      reader: () => ({ partitions: () => ['a'], read: (name) => [[{ id: name.length }]] }),
    })
    expectTypeOf(batch()).toEqualTypeOf<BatchSource<string, Row>>()
    const all = defineDataSource({
      name: 'all',
      schema: row,
      streamReader: () => reader,
      reader: () => ({ partitions: () => ['a'], read: (name) => [[{ id: name.length }]] }),
      streamWriter: () => writer,
    })
    expectTypeOf(all()).toEqualTypeOf<
      StreamSource<{ at: number }, { from: number }, Row> &
        BatchSource<string, Row> &
        BoundSink<{ id: number; at: Date }, string>
    >()
    expectTypeOf(readStream(all())).toEqualTypeOf<RowStream<Row>>()
    expectTypeOf(read(all())).toEqualTypeOf<RowBatch<Row>>()
    const sink = defineDataSource({ name: 'sink', streamWriter: (_: number) => writer })
    expectTypeOf(sink(1)).toEqualTypeOf<BoundSink<{ id: number; at: Date }, string>>()
    // @ts-expect-error
    readStream(sink(1))
    // @ts-expect-error
    readStream(batch())
    read(batch())
    read(both({ path: '' }))
  })

  it('has a name, a schema of its rows, and no misspelt part', () => {
    // @ts-expect-error
    defineDataSource({ schema: row, streamReader: () => reader })
    const nothing = defineDataSource({ name: 'a', schema: row })
    // @ts-expect-error
    readStream(nothing())
    // @ts-expect-error
    defineDataSource({ name: 'a', schema: row, streamreader: () => reader })
    // @ts-expect-error
    defineDataSource({ name: 'a', streamReader: () => reader })
  })
})

describe('a writer', () => {
  it('keeps its message from finish to commit', () => {
    const sink = defineDataSource({
      name: 'a',
      streamWriter: () => ({
        guarantee: 'append' as const,
        open: () => ({ write: (_rows: readonly Row[]) => undefined, finish: () => ({ file: 'a' }) }),
        commit: (messages) => {
          expectTypeOf(messages).toEqualTypeOf<readonly { file: string }[]>()
        },
        abort: (messages) => {
          expectTypeOf(messages).toEqualTypeOf<readonly ({ file: string } | undefined)[]>()
        },
      }),
    })
    expectTypeOf(sink()).toEqualTypeOf<BoundSink<Row, { file: string }>>()
  })

  it('is not mistaken for a writer of other rows', () => {
    expectTypeOf<StreamWriter<{ id: number; more: string }, string>>().not.toExtend<StreamWriter<Row, string>>()
    expectTypeOf<StreamWriter<Row, string>>().toExtend<StreamWriter<{ id: number; more: string }, string>>()
  })

  it('says what it guarantees', () => {
    const write = () => undefined
    const port = { open: () => ({ write, finish: () => '' }), commit: () => undefined }
    defineDataSource({ name: 'a', streamWriter: () => ({ ...port, guarantee: { idempotent: 'key' as const } }) })
    // @ts-expect-error
    defineDataSource({ name: 'a', streamWriter: () => port })
    // @ts-expect-error
    defineDataSource({ name: 'a', streamWriter: () => ({ ...port, guarantee: 'exactly-once' as const }) })
  })
})

describe('a registry', () => {
  const numbers = defineDataSource({ name: 'numbers', schema: row, streamReader: (_: { max: number }) => reader })
  const texts = defineDataSource({
    name: 'texts',
    schema: schema('text string'),
    simpleStreamReader: (_path: string, _encoding: 'utf8') => ({
      initialOffset: () => ({ line: 0 }),
      read: () => ({ rows: [{ text: null }], end: { line: 1 } }),
      readBetween: () => [{ text: '' }],
    }),
  })
  const registry = sourceRegistry(numbers, texts)

  it('knows the names, the options and the rows', () => {
    expectTypeOf(registry.names).toEqualTypeOf<readonly ('numbers' | 'texts')[]>()
    expectTypeOf(registry.readStream('numbers', { max: 1 })).toEqualTypeOf<RowStream<Row>>()
    expectTypeOf(registry.readStream('texts', 'a', 'utf8')).toEqualTypeOf<RowStream<{ text: string | null }>>()
    // @ts-expect-error
    registry.readStream('other', { max: 1 })
    // @ts-expect-error
    registry.readStream('numbers', 'a', 'utf8')
    // @ts-expect-error
    registry.readStream('numbers')
    // @ts-expect-error
    registry.readStream('texts', 'a', 'utf16')
  })

  it('takes sources that can be streamed', () => {
    // @ts-expect-error
    sourceRegistry(defineDataSource({ name: 'sink', streamWriter: () => ({}) as StreamWriter<Row, string> }))
    // @ts-expect-error
    sourceRegistry(memoryStream<Row>())
  })
})
