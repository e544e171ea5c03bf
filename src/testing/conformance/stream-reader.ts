import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { memoryCheckpoint } from '../../checkpoint/memory.ts'
import { memorySink } from '../../connectors/memory/sink.ts'
import type { StreamSource } from '../../data-source.ts'
import { canonicalOffset } from '../../offset.ts'
import type { Result } from '../../result.ts'
import type { HasColumns } from '../../row.ts'
import { readAllAvailable, type StreamReader } from '../../source.ts'
import { readStream } from '../../stream.ts'
import { availableNow } from '../../trigger.ts'
import { readAll, readContext, readPartition, readRange, sameOffset } from './by-hand.ts'
import {
  type ConformanceTest,
  chunksOf,
  done,
  eventually,
  everythingIn,
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
import { overriding, saturated } from './saturation.ts'

/** A source, with what the suite needs to feed and to watch it. Fresh and empty for each test. */
export interface ReaderUnderTest<Offset extends object, Partition, Row extends object> extends UnderTest {
  readonly source: StreamSource<Offset, Partition, Row>
  /** Brings so many further rows into the source, each in a chunk of its own where that can be had. */
  readonly add: (rows: number) => Result<unknown>
  /** Makes every read fail from now on, and answers with the error, or a part of its message, that must be found among the causes. */
  readonly fail?: () => Result<unknown>
  /** Reads that are under way at the source: connections, files, requests. */
  readonly openReads?: () => Result<number>
}

/** The names of the tests of {@link streamReaderSuite}. */
export type StreamReaderTest =
  | 'offsets are offsets'
  | 'latestOffset is pure'
  | 'partitions are pure'
  | 'batches tile the rows'
  | 'a batch is read again as it was'
  | 'limits are respected'
  | 'availableNow ends while rows keep coming'
  | 'an abort reaches a read'
  | 'a saturated writer stops reads, which then go on'
  | 'memory is bounded'
  | 'a commit may come twice'
  | 'a second process reads the same'
  | 'errors keep their cause'
  | 'secrets are not told'

/** Options of {@link streamReaderSuite}. */
export interface StreamReaderSuiteOptions extends SuiteOptions<StreamReaderTest> {
  /** Rows that a batch may exceed its `maxRows` by, of a source that can't be cut finer. @default 0 */
  readonly overrun?: number
}

/**
 * What every replayable source has to do, as a list of tests for any runner.
 *
 * ```ts
 * for (const { name, run } of streamReaderSuite(() => ({ source: orders({ url }), add: (n) => server.add(n) }))) test(name, run)
 * ```
 *
 * @throws OptionError
 */
export function streamReaderSuite<Offset extends object, Partition, Row extends object>(
  make: () => Result<ReaderUnderTest<Offset, Partition, Row>>,
  options: StreamReaderSuiteOptions = {},
): readonly ConformanceTest<StreamReaderTest>[] {
  const { patienceMs = 10_000, overrun = 0 } = options
  type Made = ReaderUnderTest<Offset, Partition, Row>
  type Reader = StreamReader<Offset, Partition, Row>

  const stopping = async <T>({ source }: Made, use: (reader: Reader) => Promise<T>): Promise<T> => {
    const reader = source.streamReader()
    try {
      return await within(use(reader), 'the test', 3 * patienceMs)
    } finally {
      await done(() => reader.stop?.(), 'stop')
    }
  }
  const head = (reader: Reader, start: Offset): Promise<Offset> =>
    settled(() => reader.latestOffset(start, { ...readAllAvailable, ...reader.defaultLimit }), 'latestOffset')
  const run = (
    made: Made,
    sink: ReturnType<typeof memorySink<Row>>,
    more: { readonly maxRows?: number; readonly streamReader?: () => Reader } = {},
  ) => {
    const { maxRows, streamReader = made.source.streamReader } = more
    const writer = sink.streamWriter as typeof sink.streamWriter & HasColumns<Row, Row>
    return readStream({ ...made.source, streamReader }).writeStream(writer, {
      name: 'conformance',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      concurrency: 1,
      highWaterMark: 2,
      retry: { maxAttempts: 1 },
      ...(maxRows === undefined ? {} : { limit: { maxRows } }),
    })
  }
  const saturate = async (made: Made) => {
    await done(() => made.add(30), 'add')
    return saturated(
      () => made.source.streamReader(),
      (streamReader, sink) => run(made, sink, { streamReader }),
      patienceMs,
    )
  }

  const tests: Readonly<Record<StreamReaderTest, (made: Made) => Promise<void>>> = {
    'offsets are offsets': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(3), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const end = await head(reader, start)
        for (const offset of [start, end]) {
          canonicalOffset(offset, 'an offset')
          assert.deepEqual(JSON.parse(JSON.stringify(offset)), offset)
        }
        assert.ok(!sameOffset(start, end), 'three rows were added, and latestOffset says that nothing is new')
      }),
    'latestOffset is pure': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(5), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const limit = { ...readAllAvailable, maxRows: 3 }
        const before = JSON.stringify([start, limit])
        const first = await settled(() => reader.latestOffset(start, limit), 'latestOffset')
        assert.deepEqual(
          await settled(() => reader.latestOffset(start, limit), 'latestOffset'),
          first,
          'the same question, another answer',
        )
        assert.equal(JSON.stringify([start, limit]), before, 'latestOffset changed what it was given')
        await sleep(clockMs)
        assert.deepEqual(
          await settled(() => reader.latestOffset(start, limit), 'latestOffset'),
          first,
          'the same question a second later, another answer',
        )
        const other = made.source.streamReader()
        assert.deepEqual(
          await settled(() => other.latestOffset(start, limit), 'latestOffset'),
          first,
          'another reader answers with something else',
        )
        await done(() => other.stop?.(), 'stop')
        const end = await head(reader, start)
        assert.deepEqual(await head(reader, end), end, 'nothing is new, and it answers with another offset than start')
      }),
    'partitions are pure': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(5), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const end = await head(reader, start)
        const ask = () => settled(() => reader.partitions(start, end), 'partitions')
        const first = JSON.stringify(await ask())
        assert.deepEqual(JSON.parse(first), await ask(), 'partitions must survive JSON')
        await done(() => made.add(2), 'add')
        assert.equal(JSON.stringify(await ask()), first, 'the same range was cut in another way')
        for (const at of [start, end])
          assert.deepEqual(
            await settled(() => reader.partitions(at, at), 'partitions'),
            [],
            'an empty range has no partitions',
          )
      }),
    'batches tile the rows': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(7), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const whole = sorted(await readRange(reader, start, await head(reader, start)))
        assert.equal(whole.length, 7, 'rows of the whole range')
        for (const maxRows of [1, 2, 3, 100]) {
          assert.deepEqual(
            sorted((await readAll(reader, start, maxRows)).flat()),
            whole,
            `batches of ${maxRows}: rows were lost, repeated or changed`,
          )
        }
      }),
    'a batch is read again as it was': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(5), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const partitions = await settled(async () => reader.partitions(start, await head(reader, start))).then(
          (result) => settled(() => result),
        )
        const read = async (by: Reader, attempt = 0) => {
          const rows: Row[][] = []
          for (const [index, partition] of partitions.entries())
            rows.push(await readPartition(by, partition, index, attempt))
          return rows
        }
        const first = await read(reader)
        await done(() => made.add(3), 'add')
        assert.deepEqual(await read(reader), first, 'a second read gives other rows')
        assert.deepEqual(await read(reader, 1), first, 'a second attempt gives other rows')
        const other = made.source.streamReader()
        assert.deepEqual(await read(other), first, 'another reader gives other rows')
        await done(() => other.stop?.(), 'stop')
      }),
    'limits are respected': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(10), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        for (const batch of await readAll(reader, start, 3)) {
          assert.ok(batch.length <= 3 + overrun, `a batch of at most 3 rows has ${batch.length}`)
        }
      }),
    'availableNow ends while rows keep coming': async (made) => {
      await done(() => made.add(6), 'add')
      const sink = memorySink<Row>()
      const streamReader = (): Reader => {
        const reader = made.source.streamReader()
        return overriding(reader, {
          latestOffset: async (start, limit) => {
            const answer = await settled(() => reader.latestOffset(start, limit), 'latestOffset')
            await done(() => made.add(1), 'add')
            return answer
          },
        })
      }
      await within(run(made, sink, { maxRows: 3, streamReader }).start().terminated, 'availableNow', patienceMs)
      assert.ok(
        sink.rows.length >= (streamReader().compare === undefined ? 1 : 6),
        `${sink.rows.length} of the six rows that were there arrived`,
      )
    },
    'an abort reaches a read': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(20), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const end = await head(reader, start)
        const [partition] = await settled(() => reader.partitions(start, end), 'partitions')
        const controller = new AbortController()
        const chunks = chunksOf(reader.read(partition as Partition, { ...readContext(0), signal: controller.signal }))
        await chunks.next()
        controller.abort(new Error('the attempt is over'))
        await within(
          chunks.return(undefined).catch(() => undefined),
          'the end of an aborted read',
          patienceMs,
        )
        const openReads = hook(made.openReads, 'openReads', 'an abort reaches a read')
        await eventually(async () => (await settled(openReads)) === 0, 'no read is open any more', patienceMs)
        const again = await readPartition(reader, partition as Partition, 0, 1)
        const other = made.source.streamReader()
        const expected = await readPartition(other, partition as Partition)
        await done(() => other.stop?.(), 'stop')
        assert.deepEqual(again, expected, 'after an aborted read another one gives other rows')
      }),
    'a saturated writer stops reads, which then go on': async (made) => {
      const { whileSaturated, chunks, rows } = await saturate(made)
      assert.ok(whileSaturated < chunks, `all ${chunks} chunks were read while the writer took none`)
      assert.equal(rows.length, 30, 'rows after the writer went on')
    },
    'memory is bounded': async (made) => {
      const { most } = await saturate(made)
      assert.ok(most <= 4, `${most} chunks were in memory, with a high-water mark of 2`)
    },
    'a commit may come twice': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(4), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const end = await head(reader, start)
        for (let again = 0; again < 2; again++) await done(() => reader.commit?.(end), 'commit')
        await done(() => made.add(3), 'add')
        const other = made.source.streamReader()
        await done(() => other.commit?.(end), 'commit')
        assert.equal((await readRange(other, end, await head(other, end))).length, 3, 'rows after the commit')
        await done(() => other.stop?.(), 'stop')
      }),
    'a second process reads the same': (made) =>
      stopping(made, async (reader) => {
        await done(() => made.add(6), 'add')
        const start = await settled(() => reader.initialOffset(), 'initialOffset')
        const end = await head(reader, start)
        const other = made.source.streamReader()
        const [mine, theirs] = await Promise.all([readRange(reader, start, end), readRange(other, start, end)])
        assert.deepEqual(sorted(theirs), sorted(mine), 'two readers at once')
        assert.equal(mine.length, 6)
        await done(() => other.stop?.(), 'stop')
        assert.deepEqual(
          sorted(await readRange(reader, start, end)),
          sorted(mine),
          'the stop of one reader reached another',
        )
      }),
    'errors keep their cause': async (made) => {
      const fail = hook(made.fail, 'fail', 'errors keep their cause')
      await done(() => made.add(3), 'add')
      const [expected, error] = await failure(made, fail)
      expectCause(expected, error)
    },
    'secrets are not told': async (made) => {
      const told: unknown[] = []
      await done(() => made.add(3), 'add')
      const running = run(made, memorySink<Row>()).start()
      running.events$.subscribe((event) => told.push(event))
      running.progress$.subscribe((progress) => told.push(progress))
      await within(running.terminated, 'the query', patienceMs)
      if (made.fail !== undefined) {
        await done(() => made.add(1), 'add')
        told.push((await failure(made, made.fail))[1])
      }
      expectNoSecrets(made.secrets, told)
    },
  }

  /** What the source fails with, and what the query does. */
  const failure = async (
    made: Made,
    fail: () => Result<unknown>,
  ): Promise<readonly [expected: unknown, error: unknown]> => {
    const expected = await settled(fail)
    const { terminated } = run(made, memorySink<Row>()).start()
    return [expected, await failureOf(terminated, 'the source fails, and the query does not', patienceMs)]
  }

  return suiteOf('streamReaderSuite', make, tests, options)
}

/** Longer than a second: many clocks have no finer hand. */
const clockMs = 1_050

/** Rows as a multiset. */
function sorted(rows: readonly unknown[]): readonly string[] {
  return rows.map((row) => everythingIn([row])).sort()
}
