import { expect, test } from 'vitest'
import { noop } from '../../../src/connectors/noop/sink.ts'
import { batchOf, writeBatchNow } from '../drive.ts'

test('takes every batch synchronously and promises what the rest of the query does', () => {
  const writer = noop().streamWriter()
  expect(writeBatchNow(writer, batchOf(0), [[[{ n: 1 }]], []])).toBe('written')
  expect(writeBatchNow(writer, batchOf(0), [[[{ n: 1 }]], []])).toBe('written')
  expect(writer.guarantee).toBe('transactional')
})
