import { expect, test } from 'vitest'
import type { Batch } from '../../../src/batch.ts'
import type { StreamWriter } from '../../../src/sink.ts'
import { type StreamWriterTest, streamWriterSuite } from '../../../src/testing/conformance/stream-writer.ts'
import { failuresOf } from './failures.ts'

type Row = { readonly id: number }
type Writer = StreamWriter<Row, readonly Row[]>
interface Table {
  readonly batches: Map<string, readonly Row[]>
}

/** A sink that does everything right, by the whole key of a batch, but for what is said. */
function failuresOfSink(change: (writer: Writer, table: Table) => Partial<Writer>): Promise<Map<string, unknown>> {
  const make = () => {
    const table: Table = { batches: new Map() }
    const streamWriter = (): Writer => {
      let sinkId = ''
      const keyOf = ({ queryId, batchId }: Batch): string => `${queryId}/${sinkId}/${batchId}`
      const writer: Writer = {
        guarantee: 'transactional',
        start: (context) => {
          sinkId = context.sinkId
        },
        begin: (batch) => (table.batches.has(keyOf(batch)) ? 'committed' : 'write'),
        open: () => {
          const staged: Row[] = []
          return { write: (rows) => void staged.push(...rows), finish: () => staged }
        },
        commit: (messages, batch) => {
          if (!table.batches.has(keyOf(batch))) table.batches.set(keyOf(batch), messages.flat())
        },
      }
      return { ...writer, ...change(writer, table) }
    }
    const ids = () => [...table.batches.values()].flat().map(({ id }) => id)
    return { sink: { name: 'table', streamWriter }, row: (id: number) => ({ id }), ids }
  }
  const leaveOut: readonly StreamWriterTest[] = ['errors keep their cause', 'secrets are not told']
  return failuresOf(streamWriterSuite(make, { leaveOut, patienceMs: 300 }))
}

test('nothing is held against a sink that does everything right', async () => {
  expect(await failuresOfSink(() => ({}))).toEqual(new Map())
})

test('a commit that may not come twice where the batch has no rows is found out', async () => {
  const empty = new Set<string>()
  const found = await failuresOfSink((writer) => ({
    begin: () => 'write',
    commit: (messages, batch) => {
      if (messages.flat().length > 0) return writer.commit(messages, batch)
      const key = `${batch.queryId}/${batch.batchId}`
      if (empty.has(key)) throw new Error('duplicate key')
      return empty.add(key)
    },
  }))
  expect([...found.keys()]).toContain('batches and partitions without rows')
})

test('a ledger that knows nothing of the sink’s id is found out', async () => {
  const found = await failuresOfSink((_, { batches }) => ({
    begin: ({ queryId, batchId }) => (batches.has(`${queryId}/${batchId}`) ? 'committed' : 'write'),
    commit: (messages, { queryId, batchId }) => {
      const key = `${queryId}/${batchId}`
      if (!batches.has(key)) batches.set(key, messages.flat())
    },
  }))
  expect([...found.keys()]).toEqual(['the same batch of another sink is another batch'])
})

test('an abort that takes another batch with it is found out', async () => {
  const found = await failuresOfSink((_, { batches }) => ({
    abort: (_messages, { batchId }) => {
      for (const key of batches.keys()) if (key.endsWith(`/${batchId - 1}`)) batches.delete(key)
    },
  }))
  expect([...found.keys()]).not.toEqual([])
})

test('an abort that takes back its own batch, which was committed, is found out', async () => {
  const found = await failuresOfSink((_, { batches }) => ({
    abort: (_messages, { queryId, batchId }) => {
      for (const key of batches.keys())
        if (key.startsWith(queryId) && Number(key.split('/').at(-1)) < batchId) batches.delete(key)
    },
  }))
  expect([...found.keys()]).not.toEqual([])
})
