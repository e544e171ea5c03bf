import assert from 'node:assert/strict'
import type { ObservableInput } from 'rxjs'
import type { Batch } from '../../batch.ts'
import type { BoundSink } from '../../data-source.ts'
import { restartsBatch } from '../../errors.ts'
import { forSink } from '../../idempotency.ts'
import type { Result } from '../../result.ts'
import type { Schema } from '../../schema.ts'
import type { StreamWriter, WriteContext } from '../../sink.ts'
import { exploreConnectors } from '../explore-connectors.ts'
import {
  type ConformanceTest,
  chunksOf,
  done,
  expectCause,
  expectNoSecrets,
  failureOf,
  hook,
  type SuiteOptions,
  settled,
  suiteOf,
  type UnderTest,
} from './conformance-test.ts'

/** A sink, with what the suite needs to fill and to look at it. Fresh and empty for each test. */
export interface WriterUnderTest<Row extends object, Message> extends UnderTest {
  readonly sink: BoundSink<Row, Message>
  /** A row that {@link ids} knows again. */
  readonly row: (id: number) => Row
  /** The ids of the rows that a reader of the system sees now. */
  readonly ids: () => Result<readonly number[]>
  /** Of the rows, where the sink needs one. */
  readonly schema?: Schema
  /** Makes every write or commit fail from now on, and answers with the error, or a part of its message, that must be found among the causes. */
  readonly fail?: () => Result<unknown>
}

/** The names of the tests of {@link streamWriterSuite}. */
export type StreamWriterTest =
  | 'a committed batch is there'
  | 'nothing is there before the commit'
  | 'an abort leaves nothing'
  | 'a discarded attempt leaves nothing'
  | 'a commit may come twice'
  | 'a committed batch is known again after a restart'
  | 'a second process beside it repeats nothing'
  | 'a batch may come again in other chunks'
  | 'two equal rows are two rows'
  | 'batches and partitions without rows'
  | 'the same batch id of another query is another batch'
  | 'the same batch of another sink is another batch'
  | 'faults lose nothing'
  | 'errors keep their cause'
  | 'secrets are not told'

/** Options of {@link streamWriterSuite}. */
export interface StreamWriterSuiteOptions extends SuiteOptions<StreamWriterTest> {}

/**
 * What every sink has to do, as a list of tests for any runner. What is asked follows from the `guarantee` of its writer: one that appends may repeat a batch, and none may lose one.
 *
 * ```ts
 * for (const { name, run } of streamWriterSuite(() => ({ sink: table({ url }), row: (id) => ({ id }), ids: () => select(url) }))) test(name, run)
 * ```
 *
 * @throws OptionError
 */
export function streamWriterSuite<Row extends object, Message>(
  make: () => Result<WriterUnderTest<Row, Message>>,
  options: StreamWriterSuiteOptions = {},
): readonly ConformanceTest<StreamWriterTest>[] {
  const { patienceMs = 10_000 } = options
  type Made = WriterUnderTest<Row, Message>
  type Writer = StreamWriter<Row, Message>

  const started = async (
    { sink, schema }: Made,
    epoch = 1,
    { queryId = 'conformance', sinkId = 'main' } = {},
  ): Promise<Writer> => {
    const writer = sink.streamWriter()
    await done(() => writer.start?.({ queryId, sinkId, epoch, schema }), 'start')
    return writer
  }
  const stopped = (writer: Writer) => done(() => writer.stop?.(), 'stop')
  /** As the engine does, before a batch is written at all, and again after its abort. */
  const begin = async (writer: Writer, batch = first): Promise<'write' | 'committed'> =>
    writer.begin === undefined ? 'write' : settled(() => writer.begin?.(batch) ?? 'write', 'begin')
  type How = { readonly epoch?: number; readonly size?: number; readonly batch?: Batch; readonly sinkId?: string }
  /** Writes the partitions of a batch that was begun. @param size rows of a chunk. */
  const parts = async (
    { row }: Made,
    writer: Writer,
    partitions: readonly (readonly number[])[],
    { epoch = 1, size = 2, batch = first, sinkId }: How,
  ): Promise<Message[]> => {
    const messages: Message[] = []
    for (const [partitionId, ids] of partitions.entries()) {
      const partition = await settled(() => writer.open(contextOf(batch, partitionId, 0, epoch, sinkId)), 'open')
      for (let at = 0; at < ids.length; at += size)
        await done(() => partition.write(ids.slice(at, at + size).map(row)), 'write')
      messages.push(await settled(() => partition.finish(), 'finish'))
    }
    return messages
  }
  /** A batch that was never committed, up to its commit. */
  const written = async (
    made: Made,
    writer: Writer,
    partitions: readonly (readonly number[])[],
    how: How = {},
  ): Promise<Message[]> => {
    assert.equal(await begin(writer, how.batch), 'write', 'a batch that was never committed is said to be committed')
    return parts(made, writer, partitions, how)
  }
  const commit = (writer: Writer, messages: readonly Message[], batch = first) =>
    done(() => writer.commit(messages, batch), 'commit')
  const whole = async (made: Made, writer: Writer, partitions: readonly (readonly number[])[], how: How = {}) => {
    const answer = await begin(writer, how.batch)
    if (answer === 'write') await commit(writer, await parts(made, writer, partitions, how), how.batch)
    return answer
  }
  const there = async ({ ids }: Made) => (await settled(ids)).toSorted((a, b) => a - b)
  /** What is there once the same rows were written twice. */
  const expectOnce = async (made: Made, writer: Writer, ids: readonly number[], what: string) => {
    const found = await there(made)
    if (writer.guarantee === 'append') {
      assert.deepEqual([...new Set(found)], ids, `${what}: rows were lost`)
      return
    }
    assert.deepEqual(found, ids, what)
  }
  const isTransactional = ({ guarantee }: Writer): boolean => guarantee === 'transactional'
  const isByKey = ({ guarantee }: Writer): boolean => typeof guarantee === 'object' && guarantee.idempotent === 'key'

  const tests: Readonly<Record<StreamWriterTest, (made: Made) => Promise<void>>> = {
    'a committed batch is there': async (made) => {
      const writer = await started(made)
      await whole(made, writer, [
        [0, 1, 2],
        [3, 4],
      ])
      assert.deepEqual(await there(made), [0, 1, 2, 3, 4])
      await whole(made, writer, [[5], [6, 7]], { batch: second })
      assert.deepEqual(await there(made), [0, 1, 2, 3, 4, 5, 6, 7])
      await stopped(writer)
      assert.deepEqual(await there(made), [0, 1, 2, 3, 4, 5, 6, 7], 'after stop')
    },
    'nothing is there before the commit': async (made) => {
      const writer = await started(made)
      const messages = await written(made, writer, [[0, 1, 2]])
      if (isTransactional(writer)) assert.deepEqual(await there(made), [], 'rows are seen before their commit')
      await commit(writer, messages)
      assert.deepEqual(await there(made), [0, 1, 2])
      await stopped(writer)
    },
    'an abort leaves nothing': async (made) => {
      const writer = await started(made)
      const messages = await written(made, writer, [[0, 1], [2]])
      await done(() => writer.abort?.([...messages.slice(0, 1), undefined], first), 'abort')
      if (isTransactional(writer)) assert.deepEqual(await there(made), [], 'rows of an aborted batch')
      await whole(made, writer, [[0, 1], [2]])
      await expectOnce(made, writer, [0, 1, 2], 'the batch after its abort')
      const next = await written(made, writer, [[3], [4]], { batch: second })
      await done(() => writer.abort?.([undefined, ...next.slice(1)], second), 'abort')
      const before = [...new Set(await there(made))].filter((id) => id < 3)
      assert.deepEqual(before, [0, 1, 2], 'the abort of a batch took rows of the one before it')
      await stopped(writer)
    },
    'a discarded attempt leaves nothing': async (made) => {
      const writer = await started(made)
      await begin(writer)
      const attempt = await settled(() => writer.open(contextOf(first, 0, 0, 1)), 'open')
      await done(() => attempt.write([0, 1].map(made.row)), 'write')
      await done(() => attempt.discard?.(), 'discard')
      const finished = await settled(() => writer.open(contextOf(first, 0, 1, 1)), 'open')
      await done(() => finished.write([0, 1].map(made.row)), 'write')
      await settled(() => finished.finish(), 'finish')
      await done(() => finished.discard?.(), 'discard') // a sink beside it failed
      const again = async (): Promise<void> => {
        const last = await settled(() => writer.open(contextOf(first, 0, 2, 1)), 'open')
        for (const ids of [[0, 1], [2]]) await done(() => last.write(ids.map(made.row)), 'write')
        await commit(writer, [await settled(() => last.finish(), 'finish')])
      }
      try {
        await again()
      } catch (error) {
        // It may have lost the batch with the attempt; then it asks for all of it once more.
        if (!restartsBatch(error)) throw error
        await done(() => writer.abort?.([undefined], first), 'abort')
        await begin(writer)
        await again()
      }
      await expectOnce(made, writer, [0, 1, 2], 'three attempts at one partition')
      await stopped(writer)
    },
    'a commit may come twice': async (made) => {
      const writer = await started(made)
      const messages = await written(made, writer, [[0, 1, 2], [3]])
      await commit(writer, messages)
      await commit(writer, messages)
      await expectOnce(made, writer, [0, 1, 2, 3], 'the same commit twice')
      await stopped(writer)
    },
    'a committed batch is known again after a restart': async (made) => {
      const before = await started(made)
      await whole(made, before, [[0, 1, 2], [3]])
      await stopped(before)
      const after = await started(made, 2)
      await whole(made, after, [[0, 1, 2], [3]], { epoch: 2 })
      await expectOnce(made, after, [0, 1, 2, 3], 'a batch that a new process writes again')
      await whole(made, after, [[4]], { epoch: 2, batch: second })
      await expectOnce(made, after, [0, 1, 2, 3, 4], 'the batch after it')
      await stopped(after)
    },
    'a second process beside it repeats nothing': async (made) => {
      const before = await started(made, 1)
      const rows = [[0, 1, 2], [3]]
      const early = await written(made, before, rows)
      const after = await started(made, 2)
      await whole(made, after, rows, { epoch: 2 })
      // It lost its lease meanwhile: it may fail, and it may not take effect.
      await commit(before, early).catch(() => undefined)
      await expectOnce(made, after, [0, 1, 2, 3], 'a batch that two processes commit')
      await stopped(before)
      await stopped(after)
    },
    'a batch may come again in other chunks': async (made) => {
      const before = await started(made)
      await written(made, before, [[0, 1, 2, 3, 4, 5, 6]], { size: 2 })
      await stopped(before)
      const after = await started(made, 2)
      await whole(made, after, [[0, 1, 2, 3, 4, 5, 6]], { epoch: 2, size: 3 })
      await expectOnce(made, after, [0, 1, 2, 3, 4, 5, 6], 'chunks of two, then chunks of three')
      await stopped(after)
    },
    'two equal rows are two rows': async (made) => {
      const writer = await started(made)
      await whole(made, writer, [[0, 0, 1], [0]])
      assert.deepEqual(await there(made), isByKey(writer) ? [0, 1] : [0, 0, 0, 1])
      await stopped(writer)
    },
    'batches and partitions without rows': async (made) => {
      const writer = await started(made)
      const nothing = await written(made, writer, [])
      for (let again = 0; again < 2; again++) await commit(writer, nothing)
      await whole(made, writer, [[], [0], []], { batch: second })
      assert.deepEqual(await there(made), [0])
      const hollow = await written(made, writer, [[], []], { batch: third })
      for (let again = 0; again < 2; again++) await commit(writer, hollow, third)
      assert.deepEqual(await there(made), [0])
      await stopped(writer)
    },
    'the same batch id of another query is another batch': async (made) => {
      const writer = await started(made)
      await whole(made, writer, [[0, 1]])
      await stopped(writer)
      const other = await started(made, 1, { queryId: 'another' })
      await whole(made, other, [[2, 3]], { batch: { ...first, queryId: 'another' } })
      assert.deepEqual(await there(made), [0, 1, 2, 3])
      await stopped(other)
    },
    'the same batch of another sink is another batch': async (made) => {
      const writer = await started(made)
      await whole(made, writer, [[0, 1]])
      // As a tee of two sinks into one system has it.
      const beside = await started(made, 1, { sinkId: 'beside' })
      await whole(made, beside, [[2, 3]], { sinkId: 'beside' })
      assert.deepEqual(await there(made), [0, 1, 2, 3])
      await stopped(writer)
      await stopped(beside)
    },
    'faults lose nothing': async (made) => {
      // The system is one for all schedules, so that rows of an earlier schedule are told apart by their ids.
      const report = await exploreConnectors(
        async ({ source }) => {
          const fresh = await settled(() => make())
          const numbers = source('replayable')
          const streamReader = () => {
            const reader = numbers.streamReader()
            return {
              ...reader,
              read: (...args: Parameters<typeof reader.read>) =>
                mapped(reader.read(...args), ({ id }) => fresh.row(id)),
            }
          }
          return {
            source: { name: numbers.name, streamReader, ...(fresh.schema && { schema: fresh.schema as Schema<Row> }) },
            sink: fresh.sink,
            ids: fresh.ids,
            ...(fresh.close && { close: fresh.close }),
          }
        },
        { rows: 3, maxRows: 2, faults: ['crash', 'fail', 'landed', 'pause'], patienceMs },
      )
      void made
      assert.equal(report.failures.length, 0, report.text)
    },
    'errors keep their cause': async (made) => {
      const [expected, error] = await failure(made)
      expectCause(expected, error)
    },
    'secrets are not told': async (made) => expectNoSecrets(made.secrets, await failure(made)),
  }

  const failure = async (made: Made): Promise<readonly [expected: unknown, error: unknown]> => {
    const expected = await settled(hook(made.fail, 'fail', 'errors keep their cause'))
    const written = started(made).then(async (writer) => {
      try {
        await whole(made, writer, [[0, 1, 2]])
      } finally {
        await stopped(writer).catch(() => undefined)
      }
    })
    return [expected, await failureOf(written, 'the sink fails, and neither write nor commit does', patienceMs)]
  }

  return suiteOf('streamWriterSuite', make, tests, options)
}

const first: Batch = { queryId: 'conformance', batchId: 0, start: { offset: 0 }, end: { offset: 7 } }
const second: Batch = { queryId: 'conformance', batchId: 1, start: { offset: 7 }, end: { offset: 9 } }
const third: Batch = { queryId: 'conformance', batchId: 2, start: { offset: 9 }, end: { offset: 10 } }

function contextOf(
  { queryId, batchId }: Batch,
  partitionId: number,
  attempt: number,
  epoch: number,
  sinkId = 'main',
): WriteContext {
  const { signal } = new AbortController()
  const report = (): void => {}
  return forSink({ queryId, batchId, partitionId, attempt, epoch, deterministic: true, signal, report }, sinkId)
}

async function* mapped<From, To>(
  chunks: ObservableInput<readonly From[]>,
  map: (row: From) => To,
): AsyncGenerator<readonly To[]> {
  for await (const chunk of chunksOf(chunks)) yield chunk.map(map)
}
