import assert from 'node:assert/strict'
import { firstValueFrom } from 'rxjs'
import { memoryCheckpoint } from '../../checkpoint/memory.ts'
import { memorySink } from '../../connectors/memory/sink.ts'
import type { StreamSource } from '../../data-source.ts'
import { canonicalOffset } from '../../offset.ts'
import type { Result } from '../../result.ts'
import type { HasColumns } from '../../row.ts'
import { type AckedReader, readAllAvailable } from '../../source.ts'
import { readStream } from '../../stream.ts'
import { processingTime } from '../../trigger.ts'
import { readPartition, readRange, sameOffset } from './by-hand.ts'
import {
  type ConformanceTest,
  done,
  eventually,
  expectCause,
  expectNoSecrets,
  failureOf,
  hook,
  type SuiteOptions,
  settled,
  suiteOf,
  type UnderTest,
  within,
} from './conformance-test.ts'

/** A queue, with what the suite needs to feed and to break it. Fresh and empty for each test. */
export interface AckedReaderUnderTest<Offset extends object, Partition, Row extends object> extends UnderTest {
  readonly source: StreamSource<Offset, Partition, Row>
  /** Puts so many further messages into the queue, with ids that count on from 0. */
  readonly add: (messages: number) => Result<unknown>
  /** The id of a row. */
  readonly id: (row: Row) => number
  /** Breaks the connections that readers have; they may make new ones. */
  readonly cut?: () => Result<unknown>
  /** Makes the queue fail from now on, and answers with the error, or a part of its message, that must be found among the causes. */
  readonly fail?: () => Result<unknown>
}

/** The names of the tests of {@link ackedReaderSuite}. */
export type AckedReaderTest =
  | 'offsets are offsets'
  | 'partitions tile a batch'
  | 'a batch can be read again until it is settled'
  | 'limits are respected'
  | 'what is committed does not come again'
  | 'a commit may come twice'
  | 'what is not committed comes again'
  | 'a released batch comes again, under later offsets'
  | 'what is under way is bounded'
  | 'two processes share a queue'
  | 'available tells of what arrives'
  | 'what a lost connection delivered is refused, and comes again'
  | 'a late commit acknowledges nothing'
  | 'errors keep their cause'
  | 'secrets are not told'

/** Options of {@link ackedReaderSuite}. */
export interface AckedReaderSuiteOptions extends SuiteOptions<AckedReaderTest> {}

/**
 * What every acked source has to do, a queue, as a list of tests for any runner.
 *
 * ```ts
 * for (const { name, run } of ackedReaderSuite(() => ({ source: queue({ url }), add: (n) => publish(n), id: ({ body }) => Number(body) }))) test(name, run)
 * ```
 *
 * @throws OptionError
 */
export function ackedReaderSuite<Offset extends object, Partition, Row extends object>(
  make: () => Result<AckedReaderUnderTest<Offset, Partition, Row>>,
  options: AckedReaderSuiteOptions = {},
): readonly ConformanceTest<AckedReaderTest>[] {
  const { patienceMs = 10_000 } = options
  type Made = AckedReaderUnderTest<Offset, Partition, Row>
  type Reader = AckedReader<Offset, Partition, Row>

  const open = ({ source }: Made): Reader => {
    const reader = source.streamReader()
    assert.equal(reader.kind, 'acked')
    return reader as Reader
  }
  /** Readers that are stopped at the end, whatever becomes of the test. */
  const reading = async (made: Made, use: (...readers: [Reader, Reader]) => Promise<void>): Promise<void> => {
    const readers: [Reader, Reader] = [open(made), open(made)]
    try {
      await within(use(...readers), 'the test', 3 * patienceMs)
    } finally {
      for (const reader of readers) await done(() => reader.stop?.(), 'stop')
    }
  }
  const first = (reader: Reader): Promise<Offset> => settled(() => reader.initialOffset(), 'initialOffset')
  const look = (reader: Reader, start: Offset, maxRows = 100): Promise<Offset> =>
    settled(() => reader.latestOffset(start, { ...readAllAvailable, maxRows }), 'latestOffset')
  const idsOf = async (made: Made, reader: Reader, start: Offset, end: Offset): Promise<number[]> =>
    (await readRange(reader, start, end)).map(made.id)
  /** The batch of so many messages, once they are there. */
  const gathered = async (made: Made, reader: Reader, start: Offset, count: number) => {
    let ids: number[] = []
    let end = start
    const isThere = async (): Promise<boolean> => {
      // A connection that breaks just now takes back what was planned.
      try {
        end = await look(reader, start, count)
        ids = sameOffset(start, end) ? [] : await idsOf(made, reader, start, end)
      } catch (error) {
        if (made.cut === undefined) throw error
        ids = []
      }
      return ids.length >= count
    }
    await eventually(isThere, `${count} messages are delivered`, patienceMs)
    return { end, ids: ids.toSorted((a, b) => a - b) }
  }
  const commit = (reader: Reader, end: Offset) => done(() => reader.commit(end), 'commit')
  const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, more) => from + more)
  /** A reader of which nothing more is heard: its process is gone. */
  const gone = (reader: Reader) => done(() => reader.stop?.(), 'stop')

  const tests: Readonly<Record<AckedReaderTest, (made: Made) => Promise<void>>> = {
    'offsets are offsets': (made) =>
      reading(made, async (reader) => {
        const start = await first(reader)
        assert.deepEqual(await look(reader, start), start, 'nothing is there, and it answers with another offset')
        await done(() => made.add(3), 'add')
        const { end } = await gathered(made, reader, start, 3)
        for (const offset of [start, end]) {
          canonicalOffset(offset, 'an offset')
          assert.deepEqual(JSON.parse(JSON.stringify(offset)), offset)
        }
        assert.ok(reader.compare === undefined || reader.compare(start, end) < 0, 'compare must put the start first')
      }),
    'partitions tile a batch': (made) =>
      reading(made, async (reader) => {
        await done(() => made.add(7), 'add')
        const start = await first(reader)
        const { end, ids } = await gathered(made, reader, start, 7)
        assert.deepEqual(ids, upTo(0, 7))
        assert.deepEqual(
          await settled(() => reader.partitions(end, end), 'partitions'),
          [],
          'an empty range has no partitions',
        )
        const partitions = await settled(() => reader.partitions(start, end), 'partitions')
        assert.deepEqual(JSON.parse(JSON.stringify(partitions)), partitions, 'partitions must survive JSON')
      }),
    'a batch can be read again until it is settled': (made) =>
      reading(made, async (reader) => {
        await done(() => made.add(5), 'add')
        const start = await first(reader)
        const { end } = await gathered(made, reader, start, 5)
        const partitions = await settled(() => reader.partitions(start, end), 'partitions')
        const all = async () => {
          const ids: number[][] = []
          for (const [at, partition] of partitions.entries())
            ids.push((await readPartition(reader, partition, at)).map(made.id))
          return ids
        }
        const before = await all()
        assert.equal(before.flat().length, 5, 'rows were gone before the batch was settled')
        await done(() => made.add(2), 'add')
        assert.deepEqual(await all(), before, 'a second attempt has other rows')
      }),
    'limits are respected': (made) =>
      reading(made, async (reader) => {
        await done(() => made.add(8), 'add')
        let at = await first(reader)
        const ids: number[] = []
        await eventually(
          async () => {
            const end = await look(reader, at, 3)
            const batch = sameOffset(at, end) ? [] : await idsOf(made, reader, at, end)
            assert.ok(batch.length <= 3, `a batch of at most 3 messages has ${batch.length}`)
            ids.push(...batch)
            await commit(reader, end)
            at = end
            return ids.length >= 8
          },
          'all messages are delivered',
          patienceMs,
        )
        assert.deepEqual(
          ids.toSorted((a, b) => a - b),
          upTo(0, 8),
        )
      }),
    'what is committed does not come again': (made) =>
      reading(made, async (reader, other) => {
        await done(() => made.add(4), 'add')
        const { end } = await gathered(made, reader, await first(reader), 4)
        await commit(reader, end)
        await gone(reader)
        await done(() => made.add(2), 'add')
        const { ids } = await gathered(made, other, end, 2)
        assert.deepEqual(ids, [4, 5])
      }),
    'a commit may come twice': (made) =>
      reading(made, async (reader, other) => {
        await done(() => made.add(3), 'add')
        const { end } = await gathered(made, reader, await first(reader), 3)
        for (let again = 0; again < 2; again++) await commit(reader, end)
        await gone(reader)
        await done(() => made.add(1), 'add')
        assert.deepEqual((await gathered(made, other, end, 1)).ids, [3])
      }),
    'what is not committed comes again': (made) =>
      reading(made, async (reader, other) => {
        await done(() => made.add(4), 'add')
        const start = await first(reader)
        await gathered(made, reader, start, 4)
        await gone(reader)
        assert.deepEqual((await gathered(made, other, start, 4)).ids, upTo(0, 4))
      }),
    'a released batch comes again, under later offsets': (made) =>
      reading(made, async (reader) => {
        await done(() => made.add(4), 'add')
        const start = await first(reader)
        const { end } = await gathered(made, reader, start, 4)
        await done(() => reader.release(start, end), 'release')
        const again = await gathered(made, reader, end, 4)
        assert.deepEqual(again.ids, upTo(0, 4))
        assert.ok(reader.compare === undefined || reader.compare(end, again.end) < 0, 'offsets never go back')
        await commit(reader, again.end)
      }),
    'what is under way is bounded': (made) =>
      reading(made, async (reader, other) => {
        const { outstanding } = reader
        assert.ok(
          outstanding !== undefined,
          'the reader says no "outstanding"; where there is no bound, leave this out',
        )
        await done(() => made.add(outstanding + 5), 'add')
        await gathered(made, reader, await first(reader), 1)
        // What one holds can't come to another; the five that are left over must.
        const { ids } = await gathered(made, other, await first(other), 5)
        assert.ok(ids.length >= 5)
      }),
    'two processes share a queue': (made) =>
      reading(made, async (...readers) => {
        const at = [await first(readers[0]), await first(readers[1])]
        for (const [n, reader] of readers.entries()) await look(reader, at[n] as Offset)
        await done(() => made.add(10), 'add')
        const ids: number[] = []
        const isAll = async (): Promise<boolean> => {
          for (const [n, reader] of readers.entries()) {
            const start = at[n] as Offset
            const end = await look(reader, start)
            if (sameOffset(start, end)) continue
            ids.push(...(await idsOf(made, reader, start, end)))
            await commit(reader, end)
            at[n] = end
          }
          return ids.length >= 10
        }
        await eventually(isAll, 'all messages are delivered, to one or the other', patienceMs)
        assert.deepEqual(
          ids.toSorted((a, b) => a - b),
          upTo(0, 10),
          'each to one of them',
        )
      }),
    'available tells of what arrives': (made) =>
      reading(made, async (reader) => {
        const { available } = reader
        assert.ok(available !== undefined, 'the reader has no "available"; where it can not know, leave this out')
        const start = await first(reader)
        const told = firstValueFrom(available)
        await look(reader, start)
        await done(() => made.add(1), 'add')
        await within(told, 'the word of a message', patienceMs)
        assert.deepEqual((await gathered(made, reader, start, 1)).ids, [0])
      }),
    'what a lost connection delivered is refused, and comes again': (made) =>
      reading(made, async (reader) => {
        const cut = hook(made.cut, 'cut', 'what a lost connection delivered is refused, and comes again')
        await done(() => made.add(4), 'add')
        const start = await first(reader)
        const { end } = await gathered(made, reader, start, 4)
        await done(() => reader.hold?.(start, end), 'hold')
        await done(cut)
        const refused = async (): Promise<boolean> => {
          try {
            await done(() => reader.hold?.(start, end), 'hold')
            await idsOf(made, reader, start, end)
            return false
          } catch {
            return true
          }
        }
        await eventually(refused, 'a batch that is being delivered again can not be held any more', patienceMs)
        await done(() => reader.release(start, end), 'release')
        assert.deepEqual((await gathered(made, reader, end, 4)).ids, upTo(0, 4))
      }),
    'a late commit acknowledges nothing': (made) =>
      reading(made, async (reader, other) => {
        const cut = hook(made.cut, 'cut', 'a late commit acknowledges nothing')
        await done(() => made.add(4), 'add')
        const start = await first(reader)
        const { end } = await gathered(made, reader, start, 4)
        await done(cut)
        // On the new connection they have other numbers: an acknowledgement by the old ones would hit something else.
        const again = await gathered(made, reader, end, 4)
        await commit(reader, end)
        await gone(reader)
        const { ids } = await gathered(made, other, again.end, 4)
        assert.deepEqual(ids, upTo(0, 4), 'messages were acknowledged that another connection had delivered')
      }),
    'errors keep their cause': async (made) => {
      const [expected, error] = await failure(made, hook(made.fail, 'fail', 'errors keep their cause'))
      expectCause(expected, error)
    },
    'secrets are not told': async (made) => {
      const told: unknown[] = []
      await done(() => made.add(3), 'add')
      const { running, arrived } = run(made)
      running.events$.subscribe((event) => told.push(event))
      running.progress$.subscribe((progress) => told.push(progress))
      await eventually(() => arrived() >= 3, 'the messages arrive', patienceMs)
      await running.stop()
      if (made.fail !== undefined) told.push((await failure(made, made.fail))[1])
      expectNoSecrets(made.secrets, told)
    },
  }

  const run = (made: Made) => {
    const sink = memorySink<Row>()
    const writer = sink.streamWriter as typeof sink.streamWriter & HasColumns<Row, Row>
    const query = readStream(made.source).writeStream(writer, {
      name: 'conformance',
      checkpoint: memoryCheckpoint(),
      trigger: processingTime(50),
      retry: { maxAttempts: 1 },
    })
    return { running: query.start(), arrived: () => sink.rows.length }
  }
  const failure = async (made: Made, fail: () => Result<unknown>): Promise<readonly [unknown, unknown]> => {
    const expected = await settled(fail)
    const { terminated } = run(made).running
    return [expected, await failureOf(terminated, 'the queue fails, and the query does not', patienceMs)]
  }

  return suiteOf('ackedReaderSuite', make, tests, options)
}
