import { throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { memorySink } from '../src/connectors/memory/sink.ts'
import { memoryStream } from '../src/connectors/memory/source.ts'
import { CheckpointCorruptError, OptionError } from '../src/errors.ts'
import { journaled } from '../src/journaled.ts'
import type { AckedReader } from '../src/source.ts'
import { readStream } from '../src/stream.ts'
import { availableNow, once } from '../src/trigger.ts'
import { union } from '../src/union.ts'
import { numberSink, numberSource, outcomeOf } from './engine/recording.ts'

const options = (checkpoint = memoryCheckpoint()) => ({
  name: 'q',
  checkpoint,
  trigger: availableNow(),
  retry: { maxAttempts: 1 },
})

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
