import { expect, test } from 'vitest'
import { memorySink } from '../../../src/connectors/memory/sink.ts'
import { batchOf, now, stageBatch, startOf, writeBatchNow } from '../drive.ts'

interface Numbered {
  readonly n: number
}

function started(sink = memorySink<Numbered>(), sinkId = 'main') {
  const writer = sink.streamWriter()
  now(() => writer.start?.(startOf({ sinkId })))
  return { sink, writer }
}

test('rows show up at the commit, by partition, chunks in order', async () => {
  const { sink, writer } = started()
  const messages = await stageBatch(writer, batchOf(0), [[[{ n: 1 }], [{ n: 2 }]], [[{ n: 3 }]]])
  expect(sink.rows).toEqual([])
  writer.commit(messages, batchOf(0))
  expect(sink.rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  expect(sink.batches.get(0)).toEqual(sink.rows)
})

test('a replay changes nothing, also through a further writer and by a repeated commit', async () => {
  const { sink, writer } = started()
  const messages = await stageBatch(writer, batchOf(0), [[[{ n: 1 }]]])
  writer.commit(messages, batchOf(0))
  writer.commit(messages, batchOf(0))
  expect(writeBatchNow(started(sink).writer, batchOf(0), [[[{ n: 1 }]]])).toBe('committed')
  expect(sink.rows).toEqual([{ n: 1 }])
})

test('a batch without rows is a batch', () => {
  const { sink, writer } = started()
  writeBatchNow(writer, batchOf(0), [])
  expect([...sink.batches]).toEqual([[0, []]])
  expect(now(() => writer.begin?.(batchOf(0)))).toBe('committed')
})

test('other sinks and other queries are other batches', () => {
  const { sink, writer } = started()
  writeBatchNow(writer, batchOf(0), [[[{ n: 1 }]]])
  writeBatchNow(started(sink, 'copy').writer, batchOf(0), [[[{ n: 2 }]]])
  writeBatchNow(writer, batchOf(0, { queryId: 'other' }), [[[{ n: 3 }]]])
  expect(sink.rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
  expect(sink.batches.get(0)).toEqual(sink.rows)
})

test('what is written after a failed attempt does not hold the rows of that attempt', async () => {
  const { sink, writer } = started()
  await stageBatch(writer, batchOf(0), [[[{ n: 1 }]]])
  writeBatchNow(writer, batchOf(0), [[[{ n: 1 }]]])
  expect(sink.rows).toEqual([{ n: 1 }])
})

test('takes chunks that are too long for an argument list', () => {
  const { sink, writer } = started()
  writeBatchNow(writer, batchOf(0), [[Array.from({ length: 300_000 }, (_, n) => ({ n }))]])
  expect(sink.rows).toHaveLength(300_000)
})

test('clear forgets rows and batches', () => {
  const { sink, writer } = started()
  writeBatchNow(writer, batchOf(0), [[[{ n: 1 }]]])
  sink.clear()
  expect(sink.rows).toEqual([])
  expect(writeBatchNow(writer, batchOf(0), [[[{ n: 1 }]]])).toBe('written')
})
