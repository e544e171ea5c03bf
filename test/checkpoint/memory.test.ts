import { concat, toArray } from 'rxjs'
import { TestScheduler } from 'rxjs/testing'
import { expect, it } from 'vitest'
import type { CheckpointSession } from '../../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { OptionError } from '../../src/errors.ts'
import { fromCommand } from '../../src/result.ts'

it('says that it does not outlive the process', () => {
  expect(memoryCheckpoint().durable).toBe(false)
})

it('answers synchronously, so that it takes no virtual time', () => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected))
  scheduler.run(({ expectObservable }) => {
    const session = memoryCheckpoint().open({ sources: ['src'] }) as CheckpointSession
    const plan = { queryId: session.queryId, batchId: 0, start: { seq: 0 }, end: { seq: 1 }, partitions: [] }
    const steps = concat(
      fromCommand(() => session.write([{ initial: { seq: 0 } }, { plan }])),
      fromCommand(() => session.write([{ done: 0, outcome: 'committed' }])),
      fromCommand(() => session.close()),
    )
    expectObservable(steps.pipe(toArray())).toBe('(a|)', { a: [undefined, undefined, undefined] })
  })
})

it.each([0, 1, 2.5, Number.NaN])('refuses retain %s', (retain) => {
  expect(() => memoryCheckpoint({ retain })).toThrow(OptionError)
})
