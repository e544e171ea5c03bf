import { expect, test } from 'vitest'
import type { Batch } from '../../../src/batch.ts'
import type { StartContext, StreamWriter, WriteContext } from '../../../src/sink.ts'
import {
  type StreamWriterTest,
  streamWriterSuite,
  type WriterUnderTest,
} from '../../../src/testing/conformance/stream-writer.ts'
import { failuresOf } from './failures.ts'

type Row = { readonly id: number }
type Writer = StreamWriter<Row, readonly Row[]>

/** What outlives the processes. */
interface Table {
  readonly rows: Row[]
  readonly ledger: Set<string>
  broken: Error | undefined
}

type Wrong = (writer: Writer, table: Table) => Partial<Writer>
const secret = 'hunter2'

function sinkThat(
  change: Wrong,
  fault: (error: Error) => Error = (error) => error,
): () => WriterUnderTest<Row, readonly Row[]> {
  return () => {
    const table: Table = { rows: [], ledger: new Set(), broken: undefined }
    const streamWriter = (): Writer => {
      let sinkId = ''
      const keyOf = ({ queryId, batchId }: Batch): string => `${queryId}/${sinkId}/${batchId}`
      const writer: Writer = {
        guarantee: 'transactional',
        start: (context) => {
          sinkId = context.sinkId
        },
        open: () => {
          const staged: Row[] = []
          return { write: (rows) => void staged.push(...rows), finish: () => staged }
        },
        commit: (messages, batch) => {
          if (table.broken !== undefined) throw table.broken
          if (table.ledger.has(keyOf(batch))) return
          table.ledger.add(keyOf(batch))
          table.rows.push(...messages.flat())
        },
        abort: () => undefined,
      }
      return { ...writer, ...change(writer, table) }
    }
    return {
      sink: { name: 'table', streamWriter },
      row: (id) => ({ id }),
      ids: () => table.rows.map(({ id }) => id),
      secrets: [secret],
      fail: () => {
        table.broken = fault(new Error('no space left'))
        return table.broken
      },
    }
  }
}

test('nothing is held against a sink that does everything right', async () => {
  expect(await failuresOf(streamWriterSuite(sinkThat(() => ({}))))).toEqual(new Map())
})

/** Rows go to the table as they come. */
const writesThrough: Wrong = (_, table) => ({
  open: () => ({ write: (rows) => void table.rows.push(...rows), finish: () => [] }),
  commit: () => undefined,
})
/** Under a key for each request of a partition, one for each chunk. */
const keyedBy =
  (key: (context: WriteContext, first: number, rows: readonly Row[]) => string): Wrong =>
  (_, table) => ({
    guarantee: { idempotent: 'position' },
    open: (context) => {
      let next = 0
      return {
        write: (rows) => {
          const name = key(context, next, rows)
          next += rows.length
          if (table.ledger.has(name)) return
          table.ledger.add(name)
          table.rows.push(...rows)
        },
        finish: () => [],
      }
    },
    commit: () => undefined,
  })
const appends: Wrong = (_, table) => ({ commit: (messages) => void table.rows.push(...messages.flat()) })

const wrong: Readonly<Record<Exclude<StreamWriterTest, 'errors keep their cause' | 'secrets are not told'>, Wrong>> = {
  'a committed batch is there': () => ({ commit: () => undefined }),
  'nothing is there before the commit': writesThrough,
  'an abort leaves nothing': writesThrough,
  'a discarded attempt leaves nothing': (_, table) => {
    const staged: Row[] = [] // of all attempts
    return {
      open: () => ({ write: (rows) => void staged.push(...rows), finish: () => [] }),
      commit: () => void table.rows.push(...staged.splice(0)),
    }
  },
  'a commit may come twice': appends,
  'a committed batch is known again after a restart': (writer) => {
    const mine = Math.random() // the ledger of one process
    return { commit: (messages, batch) => writer.commit(messages, { ...batch, queryId: `${batch.queryId}${mine}` }) }
  },
  'a second process beside it repeats nothing': (writer) => {
    const mine = Math.random()
    return { commit: (messages, batch) => writer.commit(messages, { ...batch, queryId: `${batch.queryId}${mine}` }) }
  },
  'a batch may come again in other chunks': keyedBy((context, first, rows) =>
    context.idempotencyKey(first, rows.length),
  ),
  'two equal rows are two rows': (writer) => ({
    commit: (messages, batch) =>
      writer.commit([messages.flat().filter(({ id }, at, all) => all.findIndex((row) => row.id === id) === at)], batch),
  }),
  'batches and partitions without rows': (writer) => ({
    commit: (messages, batch) => {
      if (messages.length === 0) throw new Error('there is nothing to commit')
      return writer.commit(messages, batch)
    },
  }),
  'the same batch id of another query is another batch': (writer) => ({
    commit: (messages, batch) => writer.commit(messages, { ...batch, queryId: 'any' }),
  }),
  'the same batch of another sink is another batch': (writer) => ({
    start: () => writer.start?.({ sinkId: 'any' } as StartContext),
  }),
  'faults lose nothing': appends,
}

test.each(Object.entries(wrong) as [StreamWriterTest, Wrong][])(
  'a writer that breaks "%s" is found out',
  async (name, change) => {
    const suite = streamWriterSuite(sinkThat(change)).filter((one) => one.name === name)
    expect(await failuresOf(suite)).toHaveProperty('size', 1)
  },
)

test('an error without its cause is found out, and one that tells a secret', async () => {
  const failing = (name: StreamWriterTest, make: () => WriterUnderTest<Row, readonly Row[]>) =>
    failuresOf(streamWriterSuite(make).filter((one) => one.name === name))
  const swallows: Wrong = (writer) => ({
    commit: (messages, batch) => {
      try {
        return writer.commit(messages, batch)
      } catch {
        throw new Error('something went wrong')
      }
    },
  })
  expect((await failing('errors keep their cause', sinkThat(swallows))).size).toBe(1)
  const tells = sinkThat(
    () => ({}),
    () => new Error(`the password is ${secret}`),
  )
  expect((await failing('secrets are not told', tells)).size).toBe(1)
  const hidden = sinkThat(
    () => ({}),
    (error) => new Error('refused', { cause: Object.assign(error, { password: secret }) }),
  )
  expect((await failing('secrets are not told', hidden)).size).toBe(1)
})
