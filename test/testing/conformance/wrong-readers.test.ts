import { Observable } from 'rxjs'
import { expect, test } from 'vitest'
import { type MemoryStream, memoryStream } from '../../../src/connectors/memory/source.ts'
import { QueryError } from '../../../src/errors.ts'
import {
  type ReaderUnderTest,
  type StreamReaderTest,
  streamReaderSuite,
} from '../../../src/testing/conformance/stream-reader.ts'
import { failuresOf } from './failures.ts'

type Row = { readonly id: number }
type Stream = MemoryStream<Row>
type Reader = ReturnType<Stream['streamReader']>
type Offset = Parameters<Reader['partitions']>[0]
type Range = ReturnType<typeof rangeOf>
type Made = ReaderUnderTest<Offset, Range, Row>

const rangeOf = (from: number, to: number) => ({ from, to })
const secret = 'hunter2'

interface Wrong {
  readonly reader?: (reader: Reader, scene: Scene) => Partial<Reader>
  readonly made?: (scene: Scene) => Partial<Made>
}

interface Scene {
  readonly stream: Stream
  open: number
  broken: Error | undefined
  /** Things that processes share. */
  readonly shared: { count: number }
}

/** A source that does everything right, but for what is said. */
function sourceThat({ reader: change = () => ({}), made: more = () => ({}) }: Wrong): () => Made {
  return () => {
    const stream = memoryStream<Row>({ partitions: 2, chunkRows: 1 })
    const scene: Scene = { stream, open: 0, broken: undefined, shared: { count: 0 } }
    const streamReader = (): Reader => {
      const inner = stream.streamReader()
      const read: Reader['read'] = async function* (range, context) {
        scene.open++
        try {
          for (const chunk of inner.read(range, context) as Iterable<readonly Row[]>) {
            if (scene.broken !== undefined) throw scene.broken
            yield chunk
          }
        } finally {
          scene.open--
        }
      }
      const reader = { ...inner, read }
      return { ...reader, ...change(reader, scene) }
    }
    return {
      source: { name: 'right', streamReader },
      add: (rows) => {
        for (let more = 0; more < rows; more++) stream.add({ id: stream.size })
      },
      fail: () => {
        scene.broken = new Error('the disk is on fire')
        return scene.broken
      },
      openReads: () => scene.open,
      secrets: [secret],
      ...more(scene),
    }
  }
}

const patience = { patienceMs: 700 }

test('nothing is held against a source that does everything right', async () => {
  expect(await failuresOf(streamReaderSuite(sourceThat({}), patience))).toEqual(new Map())
})

const wrong: Readonly<Record<StreamReaderTest, Wrong>> = {
  'offsets are offsets': { reader: () => ({ initialOffset: () => ({ offset: 0.5 }) }) },
  'latestOffset is pure': {
    reader: (reader) => {
      let seen = 0
      return {
        latestOffset: (start, limit) => {
          seen = Math.max(seen, (reader.latestOffset(start, limit) as Offset).offset) + 1
          return { offset: Math.min(seen, 5) }
        },
      }
    },
  },
  'partitions are pure': {
    reader: (_, { shared }) => ({
      partitions: (start, end) => {
        if (start.offset === end.offset) return []
        const cut = shared.count++ % 2 === 0 ? start.offset + 1 : end.offset
        return [rangeOf(start.offset, cut), ...(cut < end.offset ? [rangeOf(cut, end.offset)] : [])]
      },
    }),
  },
  'batches tile the rows': {
    reader: (reader) => ({
      // Exclusive starts, as with a ">" of another API.
      partitions: (start, end) =>
        reader.partitions(start.offset > 0 ? { offset: Math.min(start.offset + 1, end.offset) } : start, end),
    }),
  },
  'a batch is read again as it was': {
    reader: ({ read }, { shared }) => ({
      read: async function* (range, context) {
        for await (const chunk of read(range, context) as AsyncIterable<readonly Row[]>)
          yield chunk.map((row) => ({ ...row, readAt: shared.count++ }))
      },
    }),
  },
  'limits are respected': {
    reader: ({ latestOffset }) => ({
      latestOffset: (start, limit) => latestOffset(start, { ...limit, maxRows: limit.maxRows + 1 }),
    }),
  },
  'availableNow ends while rows keep coming': {
    reader: ({ latestOffset }, { stream }) => ({
      compare: () => -1,
      latestOffset: (start, limit) => {
        if (start.offset > 0) stream.add({ id: stream.size })
        return latestOffset(start, limit)
      },
    }),
  },
  'an abort reaches a read': {
    reader: (_, scene) => ({
      read: async function* (range) {
        scene.open++ // and never less
        for (let id = range.from; id < range.to; id++) yield [{ id }]
      },
    }),
  },
  'a saturated writer stops reads, which then go on': {
    reader: ({ read }) => ({
      read: async function* (range, context) {
        let taken = 0
        for await (const chunk of read(range, context) as AsyncIterable<readonly Row[]>) if (++taken < 10) yield chunk // the rest is forgotten
      },
    }),
  },
  'memory is bounded': {
    reader: ({ read }) => ({
      read: (range, context) =>
        new Observable((subscriber) => {
          const all = async () => {
            for await (const chunk of read(range, context) as AsyncIterable<readonly Row[]>) subscriber.next(chunk)
          }
          all().then(
            () => subscriber.complete(),
            (error: unknown) => subscriber.error(error),
          )
        }),
    }),
  },
  'a commit may come twice': {
    reader: (_, { shared }) => ({
      commit: () => {
        if (++shared.count > 1) throw new Error('it is committed already')
      },
    }),
  },
  'a second process reads the same': {
    reader: ({ read }, { shared }) => ({
      read: async function* (range, context) {
        if (++shared.count > 2) throw new Error('only one at a time')
        try {
          yield* read(range, context) as AsyncIterable<readonly Row[]>
          await new Promise((resolve) => setImmediate(resolve))
        } finally {
          if (shared.count <= 2) shared.count--
        }
      },
      stop: () => {
        shared.count = 5
      },
    }),
  },
  'errors keep their cause': {
    reader: ({ read }) => ({
      read: async function* (range, context) {
        try {
          yield* read(range, context) as AsyncIterable<readonly Row[]>
        } catch {
          throw new Error('something went wrong')
        }
      },
    }),
  },
  'secrets are not told': {
    made: (scene) => ({
      fail: () => {
        scene.broken = new QueryError(`the password is ${secret}`, {} as never, undefined)
        return scene.broken
      },
    }),
  },
}

test.each(Object.entries(wrong) as [StreamReaderTest, Wrong][])(
  'a reader that breaks "%s" is found out',
  async (name, change) => {
    const suite = streamReaderSuite(sourceThat(change), patience).filter((one) => one.name === name)
    expect(await failuresOf(suite)).toHaveProperty('size', 1)
  },
)
