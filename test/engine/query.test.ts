import { map, NEVER, of, retry, Subject, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import {
  CheckpointLockedError,
  GuaranteeError,
  OffsetRegressionError,
  QueryError,
  QueryRunningError,
} from '../../src/errors.ts'
import { readStream } from '../../src/stream.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { availableNow, once, processingTime } from '../../src/trigger.ts'
import { numberSink, numberSource, outcomeOf } from './recording.ts'

const noRetry = { maxAttempts: 1 }

describe('a query', () => {
  it('calls its ports in the order of the contract', () => {
    const calls: string[] = []
    const rows: number[] = []
    const query = readStream(numberSource(() => 5, calls)).writeStream(numberSink(calls, rows), {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 3 },
    })
    const { complete } = outcomeOf(query)
    expect(calls).toEqual([
      'sink start 1',
      'initialOffset',
      'latestOffset 0 Infinity', // the target of availableNow, frozen
      'latestOffset 0 3',
      'partitions [0, 3)',
      'begin 0',
      'open 0/0/0',
      'read [0, 2)',
      'open 0/1/0',
      'read [2, 3)',
      'sink commit 0: 0 1 | 2',
      'source commit 3',
      'latestOffset 3 3',
      'partitions [3, 5)',
      'begin 1',
      'open 1/0/0',
      'read [3, 4)',
      'open 1/1/0',
      'read [4, 5)',
      'sink commit 1: 3 | 4',
      'source commit 5',
      'sink stop',
      'source stop',
    ])
    expect(rows).toEqual([0, 1, 2, 3, 4])
    expect(complete).toBe(true)
  })

  it('replays an unfinished batch with the same id, range and partitions, and asks neither latestOffset nor partitions (invariant 3)', () => {
    const checkpoint = memoryCheckpoint()
    const options = { name: 'q', checkpoint, trigger: once(), limit: { maxRows: 4 }, retry: noRetry }
    const failing = numberSink([], [], { commit: () => throwError(() => new Error('down')) })
    const first = outcomeOf(readStream(numberSource(() => 4)).writeStream(failing, options))
    expect(first.error).toBeInstanceOf(QueryError)

    const calls: string[] = []
    const second = outcomeOf(readStream(numberSource(() => 100, calls)).writeStream(numberSink(calls), options))
    expect(second.values[0]).toMatchObject({ batchId: 0, replay: true, numInputRows: 4 })
    expect(calls.filter((call) => /Offset|partitions/.test(call))).toEqual([])
    expect(calls).toContain('sink commit 0: 0 1 | 2 3')
  })

  it('gives the source its last commit once more at start (invariant 5), and asks initialOffset once in its life', () => {
    const checkpoint = memoryCheckpoint()
    const calls: string[] = []
    const run = () =>
      outcomeOf(
        readStream(numberSource(() => 4, calls)).writeStream(numberSink(), {
          name: 'q',
          checkpoint,
          trigger: availableNow(),
        }),
      )
    run()
    run()
    expect(calls.filter((call) => /initialOffset|commit/.test(call))).toEqual([
      'initialOffset',
      'source commit 4',
      'source commit 4',
    ])
  })

  it('makes no batch when nothing is new, whatever the order of the keys (invariant 4)', () => {
    const calls: string[] = []
    const source = numberSource(() => 0, calls, {
      initialOffset: () => ({ offset: 0, at: 'x' }) as { offset: number },
      latestOffset: () => ({ at: 'x', offset: 0 }) as { offset: number },
    })
    const { values, complete } = outcomeOf(
      readStream(source).writeStream(numberSink(calls), { name: 'q', checkpoint: memoryCheckpoint(), trigger: once() }),
    )
    expect([values, complete]).toEqual([[], true])
    expect(calls.some((call) => call.startsWith('begin'))).toBe(false)
  })

  it('refuses an offset that goes back (invariant 4)', () => {
    const source = numberSource(() => 0, [], {
      initialOffset: () => ({ offset: 9 }),
      latestOffset: () => ({ offset: 8 }),
    })
    const { error } = outcomeOf(
      readStream(source).writeStream(numberSink(), {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: once(),
        retry: noRetry,
      }),
    )
    expect((error as Error).cause).toBeInstanceOf(OffsetRegressionError)
  })

  it('terminates under availableNow although the source keeps growing (invariant 10)', () => {
    let head = 3
    const rows: number[] = []
    const source = numberSource(() => head++)
    const { complete, values } = outcomeOf(
      readStream(source).writeStream(numberSink([], rows), {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 2 },
      }),
    )
    expect(complete).toBe(true)
    expect(values.length).toBeLessThanOrEqual(2)
    expect(rows.slice(0, 3)).toEqual([0, 1, 2])
  })

  it('takes one batch of all there is under availableNow when offsets have no order', () => {
    const source = numberSource(() => 10)
    const { compare: _, ...reader } = source.streamReader()
    const { values } = outcomeOf(
      readStream({ ...source, streamReader: () => reader }).writeStream(numberSink(), {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 2 },
      }),
    )
    expect(values.map(({ numInputRows }) => numInputRows)).toEqual([10])
  })

  it(
    'never lets batches overlap; a tick during a batch is remembered once (invariant 5)',
    marbles(({ cold, hot, expectObservable }) => {
      const calls: string[] = []
      const sink = numberSink(calls, [], { commit: () => cold('--|') })
      const query = readStream(numberSource(() => 100, calls)).writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: hot('-aaa---a---|'),
        limit: { maxRows: 1 },
      })
      expectObservable(query.pipe(map(({ batchId }) => String(batchId)))).toBe('---0-1---2-|')
    }),
  )

  it(
    'runs at once after an overrun and drops missed ticks: Spark’s suite',
    marbles(({ cold, scheduler, expectObservable }) => {
      let batches = 0
      const sink = numberSink([], [], { commit: () => (batches++ === 0 ? cold('1500ms |') : of(0)) })
      const query = readStream(numberSource(() => 100)).writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: processingTime('1 second'),
        limit: { maxRows: 1 },
        scheduler,
      })
      expectObservable(query.pipe(map(({ timestamp }) => timestamp)), '3600ms !').toBe('1500ms (ab) 496ms c 999ms d', {
        a: new Date(0).toISOString(),
        b: new Date(1500).toISOString(),
        c: new Date(2000).toISOString(),
        d: new Date(3000).toISOString(),
      })
    }),
  )
})

describe('a failed partition', () => {
  it('is retried as a unit: discard first, then a new attempt', () => {
    const calls: string[] = []
    const rows: number[] = []
    const sink = numberSink(calls, rows, {
      write: (_, partitionId, attempt) =>
        partitionId === 1 && attempt === 0 ? throwError(() => new Error('once')) : undefined,
    })
    const { complete } = outcomeOf(
      readStream(numberSource(() => 4)).writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        retry: { maxAttempts: 2, initialDelayMs: 0 },
      }),
    )
    expect(complete).toBe(true)
    expect(calls.filter((call) => /open|discard/.test(call))).toEqual([
      'open 0/0/0',
      'open 0/1/0',
      'discard 0/1/0',
      'open 0/1/1',
    ])
    expect(rows).toEqual([0, 1, 2, 3])
  })

  it('fails the batch: abort gets undefined in its slot, nothing is committed, and the error names the place (invariant 9)', () => {
    const calls: string[] = []
    const cause = new Error('disk full')
    const sink = numberSink(calls, [], {
      write: (_, partitionId) => (partitionId === 1 ? throwError(() => cause) : undefined),
    })
    const { error } = outcomeOf(
      readStream(numberSource(() => 4, calls)).writeStream(sink, {
        name: 'orders',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        retry: noRetry,
      }),
    )
    expect(calls).toContain('sink abort 0: 0 1 | ')
    expect(calls.some((call) => /sink commit|source commit/.test(call))).toBe(false)
    expect(error).toBeInstanceOf(QueryError)
    expect(error).toMatchObject({ query: 'orders', batchId: 0, partitionId: 1, cause })
    expect((error as Error).message).toBe(
      'query "orders", batch 0 [{"offset":0}, {"offset":4}), partition 1: disk full',
    )
  })
})

describe('running twice', () => {
  const forever = { name: 'q', trigger: NEVER }

  it('fails for one query object, and says so (invariant 6)', () => {
    const query = readStream(numberSource(() => 1)).writeStream(numberSink(), {
      ...forever,
      checkpoint: memoryCheckpoint(),
    })
    const first = query.subscribe()
    expect(outcomeOf(query).error).toBeInstanceOf(QueryRunningError)
    first.unsubscribe()
    const again = query.subscribe({ error: expect.unreachable })
    again.unsubscribe()
  })

  it('fails for two queries on one checkpoint, and leaves the first alone (invariant 6)', () => {
    const checkpoint = memoryCheckpoint()
    const tick = new Subject<void>()
    const rows: number[] = []
    const stream = readStream(numberSource(() => 3))
    const first = outcomeOf(stream.writeStream(numberSink([], rows), { name: 'a', checkpoint, trigger: tick }))
    const second = outcomeOf(
      stream.writeStream(numberSink(), { name: 'b', checkpoint, trigger: of(0), retry: noRetry }),
    )
    expect((second.error as Error).cause).toBeInstanceOf(CheckpointLockedError)
    tick.next()
    tick.complete()
    expect([rows, first.complete]).toEqual([[0, 1, 2], true])
  })

  it('works one after the other: an error comes after everything is unlocked, so that retry() works', () => {
    let failures = 2
    const rows: number[] = []
    const sink = numberSink([], rows, {
      start: () => (failures-- > 0 ? throwError(() => new Error('not yet')) : undefined),
    })
    const query = readStream(numberSource(() => 2)).writeStream(sink, {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      retry: noRetry,
    })
    const { complete, error } = outcomeOf(query.pipe(retry(3)))
    expect([error, complete, rows]).toEqual([undefined, true, [0, 1]])
  })
})

describe('restart', () => {
  it('rebuilds source and sink, keeps the lease, replays, and counts anew after a commit', () => {
    const calls: string[] = []
    let readers = 0
    const source = numberSource(() => 6, calls)
    const flaky = {
      ...source,
      streamReader: () => {
        readers++
        return source.streamReader()
      },
    }
    const failAt = new Set([0, 1, 2])
    const sink = numberSink(calls, [], {
      begin: ({ batchId }) =>
        failAt.delete(batchId) ? throwError(() => new Error(`batch ${batchId} fails once`)) : 'write',
    })
    const { complete, values } = outcomeOf(
      readStream(flaky).writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 2 },
        retry: noRetry,
        restart: { maxAttempts: 2, backoff: { initialDelayMs: 0 } },
      }),
    )
    expect(complete).toBe(true)
    expect(readers).toBe(4)
    expect(values.map(({ batchId, replay }) => [batchId, replay])).toEqual([
      [0, true],
      [1, true],
      [2, true],
    ])
    expect(calls.filter((call) => call.startsWith('sink start'))).toEqual(Array(4).fill('sink start 1'))
    expect(calls.filter((call) => call === 'source stop')).toHaveLength(4)
  })

  it('gives up when no attempt is left', () => {
    const sink = numberSink([], [], { begin: () => throwError(() => new Error('always')) })
    const { error } = outcomeOf(
      readStream(numberSource(() => 6)).writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        retry: noRetry,
        restart: { maxAttempts: 3, backoff: { initialDelayMs: 0 } },
      }),
    )
    expect((error as Error).message).toContain('always')
  })
})

describe('require', () => {
  it('refuses to start when the guarantee is less, and says why', () => {
    const calls: string[] = []
    const query = readStream(numberSource(() => 1, calls)).writeStream(numberSink(calls, [], { guarantee: 'append' }), {
      name: 'q',
      checkpoint: { ...memoryCheckpoint(), durable: true },
      trigger: availableNow(),
      require: 'exactly-once',
    })
    const { error } = outcomeOf(query)
    expect((error as Error).cause).toBeInstanceOf(GuaranteeError)
    expect((error as Error).message).toContain('it can give at-least-once: the sink appends')
    expect(calls).toEqual(['sink stop', 'source stop'])
  })

  it('starts when it is enough, and reports it in progress', () => {
    const query = readStream(numberSource(() => 1)).writeStream(numberSink(), {
      name: 'q',
      checkpoint: { ...memoryCheckpoint(), durable: true },
      trigger: availableNow(),
      require: 'exactly-once',
    })
    expect(outcomeOf(query).values[0]?.guarantee.level).toBe('exactly-once')
  })
})
