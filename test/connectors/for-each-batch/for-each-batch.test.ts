import { of, Subject } from 'rxjs'
import { expect, test } from 'vitest'
import type { Batch } from '../../../src/batch.ts'
import { forEachBatch } from '../../../src/connectors/for-each-batch/sink.ts'
import { OptionError } from '../../../src/errors.ts'
import { fromCommand } from '../../../src/result.ts'
import { batchOf, settle, stageBatch, writeBatchNow } from '../drive.ts'

interface Numbered {
  readonly n: number
}

test('gives the whole batch, by partition, at the commit', async () => {
  const seen: [readonly Numbered[], Batch][] = []
  const writer = forEachBatch<Numbered>((rows, batch) => of(seen.push([rows, batch]))).streamWriter()
  const messages = await stageBatch(writer, batchOf(3), [[[{ n: 1 }], [{ n: 2 }]], [], [[{ n: 3 }]]])
  expect(seen).toEqual([])
  await settle(() => writer.commit(messages, batchOf(3)))
  expect(seen).toEqual([[[{ n: 1 }, { n: 2 }, { n: 3 }], batchOf(3)]])
})

test('a batch without rows is given as well, synchronously', () => {
  const sizes: number[] = []
  writeBatchNow(forEachBatch((rows) => sizes.push(rows.length)).streamWriter(), batchOf(0), [])
  expect(sizes).toEqual([0])
})

test('a repeated commit calls the function again with the same rows', async () => {
  const sizes: number[] = []
  const writer = forEachBatch<Numbered>(async (rows) => {
    if (sizes.push(rows.length) === 1) throw new Error('down')
  }).streamWriter()
  const messages = await stageBatch(writer, batchOf(0), [[[{ n: 1 }]]])
  await expect(settle(() => writer.commit(messages, batchOf(0)))).rejects.toThrow('down')
  await settle(() => writer.commit(messages, batchOf(0)))
  expect(sizes).toEqual([1, 1])
})

test('the batch is done when the answer is', () => {
  const answer = new Subject<void>()
  const writer = forEachBatch(() => answer).streamWriter()
  let done = false
  fromCommand(() => writer.commit([], batchOf(0))).subscribe({ complete: () => (done = true) })
  expect(done).toBe(false)
  answer.complete()
  expect(done).toBe(true)
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
