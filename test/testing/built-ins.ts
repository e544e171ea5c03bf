import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { console } from '../../src/connectors/console/sink.ts'
import { forEachBatch } from '../../src/connectors/for-each-batch/sink.ts'
import { readJsonLines } from '../../src/connectors/json-lines/read.ts'
import { jsonLinesWriter } from '../../src/connectors/json-lines/sink.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { noop } from '../../src/connectors/noop/sink.ts'
import { rate } from '../../src/connectors/rate/source.ts'
import { type BoundSink, defineDataSource, type StreamSource } from '../../src/data-source.ts'
import { journaled } from '../../src/journaled.ts'
import { schema } from '../../src/schema.ts'
import type { ReplayableReader } from '../../src/source.ts'
import type { Connectors } from '../../src/testing/connectors.ts'
import { closableFiles as closable } from '../connectors/manifest/closable-files.ts'

/** As many ids as each source gives, from 0. */
export const rows = 5

type Source = Connectors<object, unknown, object, unknown>['source']
type Sink = Omit<Connectors<object, unknown, object, unknown>, 'source'>

/** What offsets and partitions are is the source's own business. */
function opaque<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row>,
): Source {
  return source as object as Source
}

/** A sink that shows these ids. */
function showing<Message>(
  sink: BoundSink<object, Message>,
  ids: () => number[] | Promise<number[]>,
  close: () => unknown = () => undefined,
): Sink {
  return { sink: sink as object as Sink['sink'], ids, close }
}

/** Half of the rows are there at first, one more comes with every look. */
function growing<Offset extends object, Partition, Row extends object>(
  source: StreamSource<Offset, Partition, Row>,
  grow: () => void,
): Source {
  const streamReader = () => {
    const reader = source.streamReader() as ReplayableReader<Offset, Partition, Row>
    const latestOffset: typeof reader.latestOffset = (start, limit) => {
      grow()
      return reader.latestOffset(start, limit)
    }
    return { ...reader, latestOffset }
  }
  return opaque({ ...source, streamReader })
}

const half = Math.ceil(rows / 2)

function growingRate(options: { readonly startTime?: number }): Source {
  let time = 0
  return growing(rate({ ...options, partitions: 2, now: () => time }), () => {
    time = Math.min(rows - 1, time / 1000 + (time === 0 ? half : 1)) * 1000
  })
}

function growingMemory(forgetCommitted: boolean) {
  const stream = memoryStream<{ id: number }>({ partitions: 2, chunkRows: 1, forgetCommitted })
  const add = () => void (stream.size < rows && stream.add({ id: stream.size }))
  while (stream.size < half) add()
  return { stream, add }
}

/** Hands out what nobody has committed; what was committed is gone. */
class Mailbox {
  #forgotten = 0

  take(from: number, to: number): readonly { readonly id: number }[] {
    if (from < this.#forgotten) throw new Error(`the mailbox has no row ${from} any more`)
    return Array.from({ length: to - from }, (_, i) => ({ id: from + i }))
  }

  forget(end: number): void {
    this.#forgotten = Math.max(this.#forgotten, end)
  }
}

function simpleReader(mailbox: Mailbox) {
  return {
    initialOffset: () => ({ at: 0 }),
    read: ({ at }: { at: number }, { maxRows }: { maxRows: number }) => {
      const end = Math.min(rows, at + maxRows)
      return { rows: mailbox.take(at, end), end: { at: end } }
    },
    commit: ({ at }: { at: number }) => mailbox.forget(at),
  }
}

const simple = defineDataSource({
  name: 'simple',
  schema: schema('id int not null'),
  simpleStreamReader: (mailbox: Mailbox) => ({
    ...simpleReader(mailbox),
    readBetween: (start: { at: number }, end: { at: number }) => mailbox.take(start.at, end.at),
  }),
})

const identity = { identity: (row: object) => String(idOf(row)) }

/** Built-in sources, by what they are; each has its own rows. */
export const sources = {
  rate: () => growingRate({}),
  'rate from a given time': () => growingRate({ startTime: 0 }),
  memoryStream: () => {
    const { stream, add } = growingMemory(false)
    return growing(stream, add)
  },
  'memoryStream that forgets': () => {
    const { stream, add } = growingMemory(true)
    return growing(stream, add)
  },
  'a simple reader': () => opaque(simple(new Mailbox())),
  'a journaled simple reader': () => {
    const mailbox = new Mailbox()
    return opaque({ name: 'journaled', streamReader: () => journaled(simpleReader(mailbox)) })
  },
  'a journaled simple reader with an identity': () => {
    const mailbox = new Mailbox()
    return opaque({ name: 'journaled', streamReader: () => journaled(simpleReader(mailbox), identity) })
  },
  'a journaled memoryStream': () => {
    const { stream, add } = growingMemory(true)
    const source = growing(stream, add)
    return opaque({ name: 'journaled', streamReader: () => journaled(source.streamReader(), identity) })
  },
} as const satisfies Readonly<Record<string, () => Source>>

/** Built-in sinks, and what the guarantee of all these sources is with each. */
export const sinks = {
  memorySink: {
    level: 'exactly-once',
    make: () => {
      const sink = memorySink<object>()
      return showing(sink, () => sink.rows.map(idOf))
    },
  },
  noop: {
    level: 'exactly-once',
    make: () => {
      const given = new Set<number>()
      return showing(watched(noop(), given), () => [...given].sort((a, b) => a - b))
    },
  },
  'forEachBatch that appends': {
    level: 'at-least-once',
    make: () => {
      const ids: number[] = []
      const sink = forEachBatch<object>((rows) => ids.push(...rows.map(idOf)))
      return showing(sink, () => ids)
    },
  },
  'forEachBatch that knows its batches': {
    level: 'exactly-once',
    make: () => {
      const batches = new Map<string, readonly number[]>()
      const sink = forEachBatch<object>(
        (rows, { queryId, batchId }, { sinkId }) => {
          const key = `${queryId}/${sinkId}/${batchId}`
          if (!batches.has(key)) batches.set(key, rows.map(idOf))
        },
        { guarantee: 'transactional' },
      )
      return showing(sink, () => [...batches.values()].flat())
    },
  },
  'forEachBatch that overwrites': {
    level: 'effectively-once',
    make: () => {
      const table = new Set<number>()
      const sink = forEachBatch<object>(
        (rows) => {
          for (const row of rows) table.add(idOf(row))
        },
        { guarantee: { idempotent: 'key' } },
      )
      return showing(sink, () => [...table])
    },
  },
  console: {
    level: 'at-least-once',
    make: () => {
      const texts: string[] = []
      const ids = () => texts.flatMap((text) => (JSON.parse(text) as { rows: readonly object[] }).rows.map(idOf))
      return showing(console({ format: 'json', write: (text) => texts.push(text) }), ids)
    },
  },
  jsonLines: {
    level: 'exactly-once',
    make: () => {
      const path = mkdtempSync(join(tmpdir(), 'sluice-explored-'))
      const opened = new Set<() => Promise<void>>()
      const sink = { name: 'json_lines', streamWriter: () => jsonLinesWriter(path, closable(opened)) }
      const ids = async () => {
        const found: number[] = []
        for await (const row of readJsonLines(path)) found.push(idOf(row))
        return found
      }
      const close = async () => {
        for (const closeFile of opened) await closeFile()
        rmSync(path, { recursive: true })
      }
      return showing(sink, ids, close)
    },
  },
} as const satisfies Readonly<Record<string, { readonly level: string; readonly make: () => Sink }>>

function idOf(row: object): number {
  const id = 'id' in row ? row.id : 'value' in row ? row.value : undefined
  if (typeof id === 'number') return id
  throw new Error(`a row without an id: ${JSON.stringify(row)}`)
}

/** Notes the ids that reach a sink which shows nothing. */
function watched(sink: ReturnType<typeof noop>, given: Set<number>): BoundSink<object, undefined> {
  const streamWriter = () => {
    const writer = sink.streamWriter()
    const write = (rows: readonly object[]) => {
      for (const row of rows) given.add(idOf(row))
    }
    return { ...writer, open: () => ({ write, finish: () => undefined }) }
  }
  return { ...sink, streamWriter }
}
