import { Subject } from 'rxjs'
import { expect, test } from 'vitest'
import { schema } from '../../../src/schema.ts'
import type { AckedReader } from '../../../src/source.ts'
import {
  type AckedReaderTest,
  type AckedReaderUnderTest,
  ackedReaderSuite,
} from '../../../src/testing/conformance/acked-reader.ts'
import { failuresOf } from './failures.ts'

interface Row {
  readonly id: number
}
interface Offset {
  readonly delivered: number
}
interface Range {
  readonly from: number
  readonly to: number
}
type Reader = AckedReader<Offset, Range, Row>
type Made = AckedReaderUnderTest<Offset, Range, Row>

const outstanding = 20
const secret = 'hunter2'

/** A queue of this process: what was delivered over a connection and not acknowledged comes again when that ends. It has no other side: this is about the suite. */
class Queue {
  readonly ready: number[] = []
  readonly arrived = new Subject<void>()
  readonly connections = new Set<Connection>()
  broken: Error | undefined
  #ids = 0

  add(count: number): void {
    for (let more = 0; more < count; more++) this.ready.push(this.#ids++)
    this.arrived.next()
  }

  cut(): void {
    for (const connection of this.connections) connection.close()
  }
}

class Connection {
  /** By ordinal. */
  readonly held = new Map<number, number>()
  readonly #queue: Queue
  isOpen = true

  constructor(queue: Queue) {
    this.#queue = queue
    queue.connections.add(this)
  }

  acknowledge(to: number): void {
    for (const ordinal of [...this.held.keys()].filter((each) => each < to)) this.held.delete(ordinal)
  }

  giveBack(from: number, to: number): void {
    const back = [...this.held].filter(([ordinal]) => ordinal >= from && ordinal < to)
    for (const [ordinal] of back) this.held.delete(ordinal)
    this.#queue.ready.unshift(...back.map(([, id]) => id))
  }

  close(): void {
    this.giveBack(0, Infinity)
    this.isOpen = false
    this.#queue.connections.delete(this)
  }
}

function rightReader(queue: Queue): Reader {
  let connection: Connection | undefined
  const opened = (): Connection => {
    if (connection?.isOpen !== true) connection = new Connection(queue)
    return connection
  }
  const held = ({ from, to }: Range): Row[] =>
    Array.from({ length: to - from }, (_, more) => {
      const id = connection?.held.get(from + more)
      if (id === undefined) throw new Error(`delivery ${from + more} is gone with its connection`)
      return { id }
    })
  return {
    kind: 'acked',
    outstanding,
    available: queue.arrived,
    initialOffset: () => ({ delivered: 0 }),
    compare: (a, b) => a.delivered - b.delivered,
    latestOffset: ({ delivered }, { maxRows }) => {
      if (queue.broken !== undefined) throw queue.broken
      const { held: mine } = opened()
      let end = delivered
      while (end - delivered < maxRows) {
        if (!mine.has(end)) {
          const id = mine.size < outstanding ? queue.ready.shift() : undefined
          if (id === undefined) break
          mine.set(end, id)
        }
        end++
      }
      return { delivered: end }
    },
    partitions: (start, end) => {
      const middle = Math.floor((start.delivered + end.delivered) / 2)
      return [
        { from: start.delivered, to: middle },
        { from: middle, to: end.delivered },
      ].filter(({ from, to }) => from < to)
    },
    read: async function* (range) {
      yield held(range)
    },
    hold: (start, end) => void held({ from: start.delivered, to: end.delivered }),
    commit: ({ delivered }) => connection?.acknowledge(delivered),
    release: (start, end) => connection?.giveBack(start.delivered, end.delivered),
    stop: () => connection?.close(),
  }
}

interface Scene {
  readonly queue: Queue
}

interface Wrong {
  readonly reader?: (reader: Reader, scene: Scene) => Partial<Reader>
  readonly made?: (scene: Scene) => Partial<Made>
}

function queueThat({ reader: change = () => ({}), made: more = () => ({}) }: Wrong): () => Made {
  return () => {
    const scene: Scene = { queue: new Queue() }
    const { queue } = scene
    return {
      source: {
        name: 'queue',
        schema: schema('id int not null'),
        streamReader: () => {
          const reader = rightReader(queue)
          return { ...reader, ...change(reader, scene) }
        },
      },
      add: (messages) => queue.add(messages),
      id: ({ id }) => id,
      cut: () => queue.cut(),
      fail: () => {
        queue.broken = new Error('the broker is on fire')
        return queue.broken
      },
      secrets: [secret],
      ...more(scene),
    }
  }
}

const patience = { patienceMs: 400 }

test('nothing is held against a queue that does everything right', async () => {
  expect(await failuresOf(ackedReaderSuite(queueThat({}), patience))).toEqual(new Map())
})

const wrong: Readonly<Record<AckedReaderTest, Wrong>> = {
  'offsets are offsets': { reader: () => ({ initialOffset: () => ({ delivered: 0.5 }) }) },
  'partitions tile a batch': {
    reader: ({ partitions }) => ({
      partitions: (start, end) => (partitions(start, end) as readonly Range[]).slice(0, 1),
    }),
  },
  'a batch can be read again until it is settled': {
    reader: ({ read }) => {
      const seen = new Set<number>()
      return {
        read: async function* (range, context) {
          if (seen.size > 3) return // delivered once, and gone
          for await (const rows of read(range, context) as AsyncIterable<readonly Row[]>) {
            for (const { id } of rows) seen.add(id)
            yield rows
          }
        },
      }
    },
  },
  'limits are respected': {
    reader: ({ latestOffset }) => ({
      latestOffset: (start, limit) => latestOffset(start, { ...limit, maxRows: limit.maxRows + 1 }),
    }),
  },
  'what is committed does not come again': { reader: () => ({ commit: () => undefined }) },
  'a commit may come twice': {
    reader: ({ commit }) => {
      let before = -1
      return {
        commit: (end) => {
          if (before === end.delivered) throw new Error('unknown delivery tag')
          before = end.delivered
          return commit(end)
        },
      }
    },
  },
  'what is not committed comes again': {
    // Acknowledged as soon as it is read.
    reader: ({ read, commit }) => ({
      read: async function* (range, context) {
        yield* read(range, context) as AsyncIterable<readonly Row[]>
        commit({ delivered: range.to })
      },
    }),
  },
  'a released batch comes again, under later offsets': {
    reader: ({ commit }) => ({ release: (_, end) => commit(end) }),
  },
  'what is under way is bounded': {
    reader: (_, { queue }) => ({
      latestOffset: ({ delivered }) => {
        const taken = queue.ready.splice(0) // all there is
        return { delivered: delivered + taken.length }
      },
      read: async function* ({ from, to }) {
        yield Array.from({ length: to - from }, (_each, more) => ({ id: from + more }))
      },
    }),
  },
  'two processes share a queue': {
    // Looks, and doesn't take.
    reader: (_, { queue }) => ({
      latestOffset: ({ delivered }) => ({ delivered: Math.max(delivered, queue.ready.length) }),
      read: async function* ({ from, to }) {
        yield queue.ready.slice(from, to).map((id) => ({ id }))
      },
    }),
  },
  'available tells of what arrives': { reader: () => ({ available: new Subject() }) },
  'what a lost connection delivered is refused, and comes again': {
    reader: ({ read }) => {
      const kept = new Map<string, readonly Row[]>()
      return {
        hold: () => undefined,
        read: async function* (range, context) {
          const key = JSON.stringify(range)
          if (!kept.has(key))
            for await (const rows of read(range, context) as AsyncIterable<readonly Row[]>) kept.set(key, rows)
          yield kept.get(key) ?? []
        },
      }
    },
  },
  'a late commit acknowledges nothing': {
    // By what is held now, whatever connection it came over.
    reader: ({ commit }) => ({ commit: () => commit({ delivered: 1_000 }) }),
  },
  'errors keep their cause': {
    reader: ({ latestOffset }) => ({
      latestOffset: (...asked) => {
        try {
          return latestOffset(...asked)
        } catch {
          throw new Error('something went wrong')
        }
      },
    }),
  },
  'secrets are not told': {
    made: ({ queue }) => ({
      fail: () => {
        queue.broken = new Error(`the password is ${secret}`)
        return queue.broken
      },
    }),
  },
}

test.each(Object.entries(wrong) as [AckedReaderTest, Wrong][])(
  'a queue that breaks "%s" is found out',
  async (name, change) => {
    const suite = ackedReaderSuite(queueThat(change), patience).filter((one) => one.name === name)
    expect(await failuresOf(suite)).toHaveProperty('size', 1)
  },
)
