import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { of, throwError } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fileCheckpoint } from '../src/checkpoint/file.ts'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { sqliteCheckpoint } from '../src/checkpoint/sqlite.ts'
import { memorySink } from '../src/connectors/memory/sink.ts'
import { memoryStream } from '../src/connectors/memory/source.ts'
import { CheckpointCorruptError, OptionError } from '../src/errors.ts'
import { journaled } from '../src/journaled.ts'
import { fromCommand } from '../src/result.ts'
import { type AckedReader, type ReadLimit, type ReplayableReader, readAllAvailable } from '../src/source.ts'
import { readStream } from '../src/stream.ts'
import { availableNow, once } from '../src/trigger.ts'
import { type UnionOffset, type UnionPartition, union } from '../src/union.ts'
import { now, settle } from './connectors/drive.ts'
import { numberSink, numberSource, outcomeOf } from './engine/recording.ts'

const options = (checkpoint = memoryCheckpoint()) => ({
  name: 'q',
  checkpoint,
  trigger: availableNow(),
  retry: { maxAttempts: 1 },
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-union-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const shifted = (head: number, by: number, calls: string[] = []) =>
  numberSource(() => head, calls, {
    *read({ from, to }) {
      yield Array.from({ length: to - from }, (_, i) => ({ n: by + from + i }))
    },
  })

/** A queue of one delivery. */
const queue = (ns: number[], calls: string[] = []) => ({
  name: 'queue',
  streamReader: (): AckedReader<{ delivered: number }, { from: number }, { n: number }> => ({
    kind: 'acked',
    initialOffset: () => ({ delivered: 0 }),
    latestOffset: ({ delivered }) => ({ delivered: delivered + ns.length }),
    partitions: ({ delivered }, end) => (delivered === end.delivered ? [] : [{ from: delivered }]),
    *read() {
      yield ns.map((n) => ({ n }))
    },
    compare: (a, b) => a.delivered - b.delivered,
    commit: () => void calls.push(`ack ${ns.splice(0)}`),
    release: () => void calls.push('release'),
  }),
})

describe('union', () => {
  it('takes a batch over all sources, and tells of each', () => {
    const rows: number[] = []
    const { values } = outcomeOf(
      readStream(union({ small: shifted(3, 0), large: shifted(5, 100) })).writeStream(numberSink([], rows), {
        ...options(),
        limit: { maxRows: 4 },
      }),
    )
    expect(rows).toEqual([0, 1, 100, 101, 2, 102, 103, 104])
    expect(values[0]).toMatchObject({
      numInputRows: 4,
      sources: [
        { description: 'small', startOffset: { offset: 0 }, endOffset: { offset: 2 }, numInputRows: 2 },
        { description: 'large', startOffset: { offset: 0 }, endOffset: { offset: 2 }, numInputRows: 2 },
      ],
    })
    expect(values.map(({ numInputRows }) => numInputRows)).toEqual([4, 3, 1])
  })

  it('asks partitions only of sources that have something new', () => {
    const calls: string[] = []
    outcomeOf(
      readStream(union({ idle: shifted(0, 0, calls), busy: shifted(1, 0) })).writeStream(numberSink(), options()),
    )
    expect(calls.filter((call) => call.startsWith('partitions'))).toEqual([])
  })

  it('replays a batch with the same slices of the same sources', () => {
    const checkpoint = memoryCheckpoint()
    const failing = numberSink([], [], { commit: () => throwError(() => new Error('down')) })
    outcomeOf(readStream(union({ a: shifted(2, 0), b: shifted(2, 10) })).writeStream(failing, options(checkpoint)))
    const rows: number[] = []
    const { values } = outcomeOf(
      readStream(union({ a: shifted(9, 0), b: shifted(9, 10) })).writeStream(numberSink([], rows), {
        ...options(checkpoint),
        trigger: once(),
      }),
    )
    expect([rows, values[0]?.replay]).toEqual([[0, 1, 10, 11], true])
  })

  it('refuses a checkpoint of other sources', () => {
    const checkpoint = memoryCheckpoint()
    outcomeOf(readStream(union({ a: shifted(2, 0), b: shifted(2, 10) })).writeStream(numberSink(), options(checkpoint)))
    const { error } = outcomeOf(
      readStream(union({ a: shifted(2, 0), c: shifted(2, 10) })).writeStream(numberSink(), options(checkpoint)),
    )
    expect((error as Error).cause).toBeInstanceOf(CheckpointCorruptError)
  })

  it.each([
    ['a file', () => fileCheckpoint(join(temporaryFolder(), 'q'))],
    ['SQLite', () => sqliteCheckpoint(join(temporaryFolder(), 'q.db'))],
    ['memory', () => memoryCheckpoint()],
  ])(
    'keeps its set of sources (%s): another one is refused with advice, and nothing is lost by the attempt',
    async (_, make) => {
      const checkpoint = make()
      const [a, b, c] = [shifted(2, 0), shifted(2, 10), shifted(2, 20)]
      const run = (sources: Parameters<typeof union>[0] | undefined) => {
        const sink = memorySink<{ n: number }>()
        const source = sources === undefined ? a : union(sources)
        const query = readStream(source as ReturnType<typeof shifted>).writeStream(sink, options(checkpoint as never))
        return query.start().terminated.then(() => sink.rows.map(({ n }) => n))
      }
      expect(await run({ a, b })).toEqual([0, 1, 10, 11])
      const changed = { more: { a, b, c }, less: { a }, renamed: { a, c: b }, moved: { b, a }, alone: undefined }
      for (const [what, sources] of Object.entries(changed)) {
        const names = sources === undefined ? a.name : Object.keys(sources).join(', ')
        await expect(run(sources), what).rejects.toThrow(
          `expected the sources ${names}, found a checkpoint of a, b; a query keeps its sources, their names and their order: go on with those`,
        )
      }
      expect(await run({ a: shifted(3, 0), b })).toEqual([2])
    },
  )

  it('wakes up for any of its sources', async () => {
    const [left, right] = [memoryStream<{ n: number }>(), memoryStream<{ n: number }>()]
    const sink = memorySink<{ n: number }>()
    await using run = readStream(union({ left, right }))
      .writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint() })
      .start()
    right.add({ n: 1 })
    await run.processAllAvailable()
    left.add({ n: 2 })
    await run.processAllAvailable()
    expect(sink.rows).toEqual([{ n: 1 }, { n: 2 }])
  })

  it('refuses a queue that is not journaled, and names that JavaScript would reorder', () => {
    const { error } = outcomeOf(
      readStream(union({ a: shifted(1, 0), b: queue([1]) })).writeStream(numberSink(), options()),
    )
    expect((error as Error).cause).toBeInstanceOf(OptionError)
    expect(() => union({ 1: shifted(1, 0) })).toThrow(OptionError)
    expect(() => union({})).toThrow(OptionError)
  })
})

describe('the ports of a union', () => {
  type Reader = ReplayableReader<{ readonly at: number }, { readonly to: number }, { n: number }>

  /** A reader that does nothing, but for what is asked of it. */
  const idle = (changes: Partial<Reader> = {}) => ({
    name: 'idle',
    streamReader: (): Reader => ({
      initialOffset: () => ({ at: 0 }),
      latestOffset: (start) => start,
      partitions: (_start, { at }) => [{ to: at }],
      read: () => [],
      ...changes,
    }),
  })
  const readerOf = (sources: Parameters<typeof union>[0]) =>
    union(sources).streamReader() as ReplayableReader<UnionOffset, UnionPartition, object>

  /** What each of three sources may take of a limit. */
  const shares = (limit: Partial<ReadLimit>) => {
    const asked: ReadLimit[] = []
    const source = idle({
      latestOffset: (start, limit) => {
        asked.push(limit)
        return start
      },
    })
    const reader = readerOf({ a: source, b: source, c: source })
    const start = now(() => reader.initialOffset())
    now(() => reader.latestOffset(start, { ...readAllAvailable, ...limit }))
    return asked
  }

  it('share every limit out, the first sources taking what does not divide', () => {
    expect(shares({ maxRows: 10, maxBytes: 20, maxFiles: 8 })).toEqual([
      { maxRows: 4, maxBytes: 7, maxFiles: 3 },
      { maxRows: 3, maxBytes: 7, maxFiles: 3 },
      { maxRows: 3, maxBytes: 6, maxFiles: 2 },
    ])
  })

  it.each(['maxRows', 'maxBytes', 'maxFiles'] as const)('give each source one of %s at least', (name) => {
    expect(shares({ [name]: 1 }).map((limit) => limit[name])).toEqual([1, 1, 1])
  })

  it('set no limit where none is', () => {
    expect(shares({})).toEqual([readAllAvailable, readAllAvailable, readAllAvailable])
    expect(shares({ maxFiles: 3 })).toEqual(Array(3).fill({ ...readAllAvailable, maxFiles: 1 }))
  })

  it('take by default what gives each source no more than its own default', () => {
    const sources = {
      a: idle({ defaultLimit: { maxRows: 100, maxBytes: 7 } }),
      b: idle({ defaultLimit: { maxRows: 10, maxFiles: 5 } }),
      c: idle(),
    }
    expect(readerOf(sources).defaultLimit).toEqual({ maxRows: 30, maxBytes: 21, maxFiles: 15 })
    expect(readerOf({ a: idle(), b: idle() }).defaultLimit).toEqual(readAllAvailable)
  })

  it('add up the distances, however the sources answer', () => {
    const reader = readerOf({
      plain: idle({ distance: (from, to) => to.at - from.at }),
      observed: idle({ distance: (from, to) => of(10 * (to.at - from.at)) }),
    })
    const [from, to] = [
      { plain: { at: 1 }, observed: { at: 2 } },
      { plain: { at: 4 }, observed: { at: 7 } },
    ]
    expect(now(() => reader.distance?.(from, to) ?? 0)).toBe(3 + 50)
  })

  it('pass on the distances of partitions by their labels in the union; of a source without labels its own', () => {
    const reader = readerOf({
      keyed: idle({ distance: () => 7, distances: () => of({ a: 3, b: 4 }) }),
      plain: idle({ distance: (from, to) => to.at - from.at }),
    })
    const [from, to] = [
      { keyed: { at: 0 }, plain: { at: 2 } },
      { keyed: { at: 0 }, plain: { at: 7 } },
    ]
    expect(now(() => reader.distances?.(from, to) ?? {})).toEqual({ 'keyed/a': 3, 'keyed/b': 4, plain: 5 })
  })

  it('wait for a distance that is a promise', async () => {
    const reader = readerOf({ late: idle({ distance: (from, to) => Promise.resolve(to.at - from.at) }) })
    await expect(settle(() => reader.distance?.({ late: { at: 1 } }, { late: { at: 4 } }) ?? 0)).resolves.toBe(3)
  })

  it.each(['distance', 'compare', 'reportLatestOffset'] as const)('have a %s only if every source has one', (port) => {
    const able = idle({ distance: () => 0, compare: () => 0, reportLatestOffset: () => ({ at: 9 }) })
    expect(readerOf({ able, other: able })).toHaveProperty(port)
    expect(readerOf({ able, other: idle() })).not.toHaveProperty(port)
  })

  it('order offsets by those of the sources: before, when any of them is', () => {
    const ordered = idle({ compare: (a, b) => a.at - b.at })
    const reader = readerOf({ a: ordered, b: ordered })
    const offset = ([a, b]: readonly [number, number]): UnionOffset => ({ a: { at: a }, b: { at: b } })
    const sign = (a: readonly [number, number], b: readonly [number, number]) =>
      Math.sign(reader.compare?.(offset(a), offset(b)) ?? Number.NaN)
    expect([sign([1, 1], [1, 1]), sign([1, 2], [1, 1]), sign([1, 1], [1, 2])]).toEqual([0, 1, -1])
    expect([sign([0, 9], [1, 1]), sign([9, 0], [1, 1])]).toEqual([-1, -1])
  })

  it('report the heads of all sources', () => {
    const reader = readerOf({
      a: idle({ reportLatestOffset: () => ({ at: 1 }) }),
      b: idle({ reportLatestOffset: () => of({ at: 2 }) }),
    })
    expect(now(() => reader.reportLatestOffset?.())).toEqual({ a: { at: 1 }, b: { at: 2 } })
  })

  it('label partitions by their source, and by its own label where it has one', () => {
    const reader = readerOf({ berlin: idle(), paris: idle({ partitionKey: ({ to }) => `station ${to}` }) })
    const labels = now(() =>
      reader.partitions({ berlin: { at: 0 }, paris: { at: 0 } }, { berlin: { at: 3 }, paris: { at: 5 } }),
    ).map((partition) => reader.partitionKey?.(partition))
    expect(labels).toEqual(['berlin', 'paris/station 5'])
  })

  it('commit to each source its own position', () => {
    const calls: string[] = []
    const noting = (name: string) => idle({ commit: ({ at }) => void calls.push(`${name} ${at}`) })
    const reader = readerOf({ a: noting('a'), silent: idle(), b: noting('b') })
    now(() => fromCommand(() => reader.commit?.({ a: { at: 1 }, silent: { at: 2 }, b: { at: 3 } })))
    expect(calls).toEqual(['a 1', 'b 3'])
  })

  it('stop every source, one after the other', async () => {
    const calls: string[] = []
    const slow = idle({
      stop: async () => {
        calls.push('slow stops')
        await Promise.resolve()
        calls.push('slow stopped')
      },
    })
    const reader = readerOf({ slow, unstoppable: idle(), last: idle({ stop: () => void calls.push('last stops') }) })
    await settle(() => reader.stop?.())
    expect(calls).toEqual(['slow stops', 'slow stopped', 'last stops'])
  })

  it('stop every source also when some can not, and say which', async () => {
    const calls: string[] = []
    const broken = (name: string) =>
      idle({
        stop: () => {
          calls.push(name)
          throw new Error(`${name} is stuck`)
        },
      })
    const well = idle({ stop: () => void calls.push('well') })
    const rejecting = idle({ stop: () => Promise.reject(new Error('c is stuck')) })
    const reader = readerOf({ a: broken('a'), b: broken('b'), c: rejecting, d: well })
    await expect(settle(() => reader.stop?.())).rejects.toThrow('a is stuck; b is stuck; c is stuck')
    expect(calls).toEqual(['a', 'b', 'well'])
  })

  it('are stopped when the query ends, which tells of one that could not', async () => {
    const calls: string[] = []
    const broken = idle({
      stop: () => {
        throw new Error('stuck')
      },
    })
    const run = readStream(union({ broken, well: idle({ stop: () => void calls.push('well') }) }))
      .writeStream(numberSink(), options())
      .start()
    const warnings: string[] = []
    run.events$.subscribe((event) => event.type === 'warning' && warnings.push(event.message))
    await run.terminated
    expect([calls, warnings]).toEqual([['well'], ['stop of the source failed']])
  })
})

describe('a union with journaled queues', () => {
  it('acknowledges after the journal, and replays each source from its own records', () => {
    const checkpoint = memoryCheckpoint()
    const calls: string[] = []
    const make = () =>
      union({
        table: shifted(2, 0),
        one: {
          name: 'one',
          streamReader: () => journaled(queue([10, 11], calls).streamReader(), { identity: ({ n }) => String(n) }),
        },
        two: {
          name: 'two',
          streamReader: () => journaled(queue([20], calls).streamReader(), { identity: ({ n }) => String(n) }),
        },
      })
    const failing = numberSink(calls, [], { commit: () => throwError(() => new Error('down')) })
    outcomeOf(readStream(make()).writeStream(failing, { ...options(checkpoint), trigger: once() }))
    expect(calls.slice(0, 4)).toEqual(['sink start 1', 'ack 10,11', 'ack 20', 'begin 0'])

    const rows: number[] = []
    const { values } = outcomeOf(
      readStream(make()).writeStream(numberSink([], rows), { ...options(checkpoint), trigger: once() }),
    )
    expect([rows, values[0]?.replay]).toEqual([[0, 1, 10, 11, 20], true])
  })

  it('knows the identities of each queue over a restart, and gives sources that are no queues their last commit again', () => {
    const checkpoint = memoryCheckpoint()
    const run = (one: number[], two: number[]) => {
      const [calls, rows]: [string[], number[]] = [[], []]
      const identity = ({ n }: { n: number }) => String(n)
      const source = union({
        one: { name: 'one', streamReader: () => journaled(queue(one, calls).streamReader(), { identity }) },
        two: { name: 'two', streamReader: () => journaled(queue(two, calls).streamReader(), { identity }) },
        table: { name: 'table', streamReader: () => journaled(table(calls)) },
      })
      outcomeOf(readStream(source).writeStream(numberSink([], rows), { ...options(checkpoint), trigger: once() }))
      return [calls, rows]
    }
    const table = (calls: string[]) => ({
      ...numberSource(() => 1).streamReader(),
      commit: ({ offset }: { offset: number }) => calls.push(`table commit ${offset}`),
    })
    expect(run([1, 2], [1])).toEqual([
      ['ack 1,2', 'ack 1', 'table commit 1'],
      [1, 2, 1, 0],
    ])
    expect(run([2, 3], [1, 2])).toEqual([
      ['table commit 1', 'ack 2,3', 'ack 1,2', 'table commit 1'],
      [3, 2],
    ])
  })

  it('is exactly-once only when every queue has an identity', () => {
    const of = (...identities: { identity?: (row: { n: number }) => string }[]) => {
      const sources = Object.fromEntries(
        identities.map((identity, i) => [
          `s${i}`,
          { name: 'q', streamReader: () => journaled(queue([i]).streamReader(), identity) },
        ]),
      )
      const checkpoint = { ...memoryCheckpoint(), durable: true }
      return outcomeOf(
        readStream(union(sources)).writeStream(numberSink(), { ...options(checkpoint), trigger: once() }),
      ).values[0]?.guarantee.level
    }
    const identity = ({ n }: { n: number }) => String(n)
    expect([of({ identity }, { identity }), of({ identity }, {})]).toEqual(['exactly-once', 'at-least-once'])
  })
})
