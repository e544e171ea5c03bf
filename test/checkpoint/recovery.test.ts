import { describe, expect, it } from 'vitest'
import type { BatchOutcome } from '../../src/batch.ts'
import type { LoggedBatch } from '../../src/checkpoint/log.ts'
import { type Log, recover } from '../../src/checkpoint/recovery.ts'
import { CheckpointCorruptError } from '../../src/errors.ts'

const planned = (batchId: number, start = batchId): LoggedBatch => {
  const end = { seq: batchId + 1 }
  return { batchId, end, plan: { batchId, start: { seq: start }, end, partitions: [batchId], journal: 0 } }
}
const bySpark = (batchId: number): LoggedBatch => ({ batchId, end: { seq: batchId + 1 } })

function log(batches: readonly LoggedBatch[], done: readonly number[], initial: object | undefined = { seq: 0 }): Log {
  return {
    queryId: 'q',
    sources: ['src'],
    initial,
    batches,
    outcomes: new Map(done.map((id): [number, BatchOutcome] => [id, 'committed'])),
    name: { initial: 'initial', plan: (id) => `offsets/${id}`, done: (id) => `commits/${id}` },
  }
}
const batch = (batchId: number, partitions: unknown[]) => ({
  queryId: 'q',
  batchId,
  start: { seq: batchId },
  end: { seq: batchId + 1 },
  partitions,
})

describe('recover', () => {
  it.each<[string, Log, object]>([
    ['nothing', log([], [], undefined), {}],
    ['batch 0 unfinished', log([planned(0)], []), { pending: batch(0, [0]) }],
    ['batch 0 finished', log([planned(0)], [0]), { done: batch(0, [0]) }],
    ['batch 1 unfinished', log([planned(0), planned(1)], [0]), { done: batch(0, [0]), pending: batch(1, [1]) }],
    ['purged below, raggedly', log([planned(7), planned(8), planned(9)], [8, 9]), { done: batch(9, [9]) }],
    ['purged to two, unfinished', log([planned(8), planned(9)], [8]), { done: batch(8, [8]), pending: batch(9, [9]) }],
    ['Spark finished', log([bySpark(3), bySpark(4)], [3, 4]), { done: batch(4, []) }],
    [
      'Spark unfinished',
      log([bySpark(3), bySpark(4)], [3]),
      { done: { ...batch(3, []), start: { seq: 4 } }, unplanned: { batchId: 4, start: { seq: 4 }, end: { seq: 5 } } },
    ],
    [
      'Spark after sluice',
      log([planned(3), bySpark(4)], [3]),
      { done: batch(3, [3]), unplanned: { batchId: 4, start: { seq: 4 }, end: { seq: 5 } } },
    ],
    ['sluice after Spark', log([bySpark(3), planned(4)], [3, 4]), { done: batch(4, [4]) }],
  ])('%s', (_, from, expected) => {
    const { initial, ...recovered } = recover(from).recovered
    expect(initial).toEqual(from.initial)
    expect(recovered).toEqual(expected)
  })

  it("does not know where Spark's batch 0 started", () => {
    expect(recover({ ...log([bySpark(0)], []), initial: undefined }).recovered).toEqual({
      unplanned: { batchId: 0, end: { seq: 1 } },
    })
    expect(recover({ ...log([bySpark(0)], [0]), initial: undefined }).recovered).toEqual({
      done: { ...batch(0, []), start: { seq: 1 } },
    })
  })

  it.each<[string, Log, string]>([
    ['done ahead of plans', log([planned(0)], [0, 1]), 'offsets/1'],
    ['done without any plan', log([], [0]), 'offsets/0'],
    ['done more than one behind', log([planned(0), planned(1), planned(2)], [0]), 'commits/1'],
    ['none done of several', log([planned(0), planned(1)], []), 'commits/0'],
    ['a gap in the plans', log([planned(0), planned(2)], [0, 1, 2]), 'offsets/1'],
    ['a gap in the outcomes', log([planned(0), planned(1), planned(2)], [0, 2]), 'commits/1'],
    ['only the last of several plans', log([planned(2)], [1]), 'offsets/1'],
    ['a batch that starts elsewhere', log([planned(0), planned(1, 5)], [0]), 'offsets/1'],
    ['a first batch that starts elsewhere', log([planned(0, 5)], []), 'offsets/0'],
    ['no initial offset', { ...log([planned(0)], []), initial: undefined }, 'initial'],
    ['offsets of other sources', { ...log([planned(0)], []), sources: ['a', 'b'] }, 'offsets/0'],
  ])('refuses %s', (_, from, name) => {
    expect(() => recover(from)).toThrow(CheckpointCorruptError)
    expect(() => recover(from)).toThrow(name)
    expect(() => recover(from)).toThrow('expected')
  })
})
