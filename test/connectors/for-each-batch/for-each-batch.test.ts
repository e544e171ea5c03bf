import { of, Subject } from 'rxjs'
import { expect, test } from 'vitest'
import type { Batch } from '../../../src/batch.ts'
import { memoryCheckpoint } from '../../../src/checkpoint/memory.ts'
import { forEachBatch } from '../../../src/connectors/for-each-batch/sink.ts'
import { memoryStream } from '../../../src/connectors/memory/source.ts'
import { OptionError } from '../../../src/errors.ts'
import { fromCommand } from '../../../src/result.ts'
import type { StartContext } from '../../../src/sink.ts'
import { readStream } from '../../../src/stream.ts'
import { tee } from '../../../src/tee.ts'
import { availableNow } from '../../../src/trigger.ts'
import { batchOf, now, settle, stageBatch, startOf, writeBatchNow } from '../drive.ts'

interface Numbered {
  readonly n: number
}

/** Its writer, once it was started. */
function startedWriter<Row extends object>(
  apply: Parameters<typeof forEachBatch<Row>>[0],
  context: Partial<StartContext> = {},
) {
  const writer = forEachBatch<Row>(apply).streamWriter()
  now(() => writer.start?.(startOf(context)))
  return writer
}

test('gives the whole batch, by partition, at the commit', async () => {
  const seen: [readonly Numbered[], Batch][] = []
  const writer = startedWriter<Numbered>((rows, batch) => of(seen.push([rows, batch])))
  const messages = await stageBatch(writer, batchOf(3), [[[{ n: 1 }], [{ n: 2 }]], [], [[{ n: 3 }]]])
  expect(seen).toEqual([])
  await settle(() => writer.commit(messages, batchOf(3)))
  expect(seen).toEqual([[[{ n: 1 }, { n: 2 }, { n: 3 }], batchOf(3)]])
})

test('a batch without rows is given as well, synchronously', () => {
  const sizes: number[] = []
  writeBatchNow(
    startedWriter((rows) => sizes.push(rows.length)),
    batchOf(0),
    [],
  )
  expect(sizes).toEqual([0])
})

test('a repeated commit calls the function again with the same rows', async () => {
  const sizes: number[] = []
  const writer = startedWriter<Numbered>(async (rows) => {
    if (sizes.push(rows.length) === 1) throw new Error('down')
  })
  const messages = await stageBatch(writer, batchOf(0), [[[{ n: 1 }]]])
  await expect(settle(() => writer.commit(messages, batchOf(0)))).rejects.toThrow('down')
  await settle(() => writer.commit(messages, batchOf(0)))
  expect(sizes).toEqual([1, 1])
})

test('the batch is done when the answer is', () => {
  const answer = new Subject<void>()
  const writer = startedWriter(() => answer)
  let done = false
  fromCommand(() => writer.commit([], batchOf(0))).subscribe({ complete: () => (done = true) })
  expect(done).toBe(false)
  answer.complete()
  expect(done).toBe(true)
})

test('is told its sink and its epoch', async () => {
  const seen: unknown[] = []
  const writer = startedWriter((_rows, _batch, sink) => seen.push(sink), { sinkId: 'mail', epoch: 7 })
  await settle(() => writer.commit([], batchOf(0)))
  expect(seen).toEqual([{ sinkId: 'mail', epoch: 7 }])
})

test('two of a tee with one ledger each apply the batches that both get', async () => {
  const source = memoryStream<Numbered>()
  source.add({ n: 1 }, { n: 2 }, { n: 3 })
  const ledger = new Map<string, readonly number[]>()
  const once = forEachBatch<Numbered>(
    (rows, { queryId, batchId }, { sinkId }) => {
      const key = `${queryId}/${sinkId}/${batchId}`
      if (!ledger.has(key))
        ledger.set(
          key,
          rows.map(({ n }) => n),
        )
    },
    { guarantee: 'transactional' },
  )
  await readStream(source)
    .writeStream(tee({ table: once, audit: once }), {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 2 },
    })
    .start().terminated
  const entries = [...ledger].map(([key, ns]) => [key.slice(key.indexOf('/') + 1), ns])
  expect(Object.fromEntries(entries)).toEqual({
    'table/0': [1, 2],
    'audit/0': [1, 2],
    'table/1': [3],
    'audit/1': [3],
  })
})

test('a writer that was never started applies nothing', () => {
  const writer = forEachBatch(() => undefined).streamWriter()
  expect(() => writer.commit([], batchOf(0))).toThrow('for_each_batch: commit was called, and start never was')
})

test('promises append unless told otherwise', () => {
  expect(forEachBatch(() => undefined).streamWriter().guarantee).toBe('append')
  expect(forEachBatch(() => undefined, { guarantee: 'transactional' }).streamWriter().guarantee).toBe('transactional')
  expect(forEachBatch(() => undefined, { name: 'mail' }).name).toBe('mail')
})

test.each([
  [() => forEachBatch('print' as never), 'must be a function'],
  [() => forEachBatch(() => undefined, { guarantee: { idempotent: 'position' } as never }), 'guarantee'],
  [() => forEachBatch(() => undefined, { guaranty: 'append' } as never), 'did you mean "guarantee"'],
])('refuses what it can not use', (call, message) => {
  expect(call).toThrow(OptionError)
  expect(call).toThrow(message)
})
