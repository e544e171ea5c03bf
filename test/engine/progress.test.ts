import { of, throwError, timer } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { LeaseLostError } from '../../src/errors.ts'
import type { QueryEvent } from '../../src/events.ts'
import type { QueryProgress } from '../../src/progress.ts'
import type { ReadLimit } from '../../src/source.ts'
import { readStream } from '../../src/stream.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { availableNow, once } from '../../src/trigger.ts'
import { numberSink, numberSource, numbers, outcomeOf } from './recording.ts'

const base = { name: 'q', retry: { maxAttempts: 1 } }

describe('progress', () => {
  it(
    'has the rows, rates, times and partitions of each batch',
    marbles(({ cold, scheduler, flush }) => {
      const values: QueryProgress[] = []
      let failures = 1
      const source = numberSource(() => 6, [], { partitionKey: ({ from }) => `from ${from}` })
      const sink = numberSink([], [], {
        write: (_, partitionId) => {
          if (partitionId === 1 && failures-- > 0) return throwError(() => new Error('once'))
          return partitionId === 0 ? timer(40, scheduler) : of(0)
        },
        commit: () => timer(60, scheduler),
      })
      readStream(source)
        .writeStream(sink, {
          name: 'figures',
          checkpoint: memoryCheckpoint(),
          trigger: cold('500ms a 999ms b|'),
          limit: { maxRows: 4 },
          retry: { maxAttempts: 2, initialDelayMs: 0 },
          scheduler,
        })
        .subscribe((progress) => values.push(progress))
      flush()
      expect(values[0]).toMatchObject({
        name: 'figures',
        timestamp: new Date(500).toISOString(),
        batchId: 0,
        replay: false,
        skipped: false,
        batchDuration: 100,
        numInputRows: 4,
        inputRowsPerSecond: 0, // nothing to compare with
        processedRowsPerSecond: 40,
        durationMs: {
          latestOffset: 0,
          queryPlanning: 0,
          walCommit: 0,
          addBatch: 40,
          sinkCommit: 60,
          triggerExecution: 100,
        },
        sources: [
          {
            description: 'numbers',
            startOffset: { offset: 0 },
            endOffset: { offset: 4 },
            numInputRows: 4,
            durationMs: 40,
          },
        ],
        sink: { description: 'sink', numOutputRows: 4 },
        partitions: [
          {
            partitionId: 0,
            partition: 'from 0',
            attempts: 1,
            rowsRead: 2,
            rowsWritten: 2,
            chunksRead: 1,
            durationMs: 40,
          },
          { partitionId: 1, partition: 'from 2', attempts: 2, rowsRead: 2, rowsWritten: 2, durationMs: 0 },
        ],
      })
      expect(values[1]).toMatchObject({
        timestamp: new Date(1500).toISOString(),
        numInputRows: 2,
        inputRowsPerSecond: 2, // in the second between the triggers
        sources: [{ startOffset: { offset: 4 }, endOffset: { offset: 6 } }],
      })
      expect(values[1]?.runId).toBe(values[0]?.runId)
    }),
  )

  it('keeps the run’s id over restarts, and has a new one for a new run', () => {
    const checkpoint = memoryCheckpoint()
    let failures = 1
    const sink = numberSink([], [], {
      begin: ({ batchId }) => {
        if (batchId === 1 && failures-- > 0) throw new Error('once')
        return 'write'
      },
    })
    const run = () =>
      outcomeOf(
        readStream(numberSource(() => 4)).writeStream(sink, {
          ...base,
          checkpoint,
          trigger: availableNow(),
          limit: { maxRows: 2 },
          restart: { maxAttempts: 2, backoff: { initialDelayMs: 0 } },
        }),
      ).values
    const [first, second] = run()
    expect([first?.batchId, second?.batchId]).toEqual([0, 1])
    expect(second?.runId).toBe(first?.runId)
    const source = numberSource(() => 6)
    const [third] = outcomeOf(readStream(source).writeStream(sink, { ...base, checkpoint, trigger: once() })).values
    expect(third?.id).toBe(first?.id)
    expect(third?.runId).not.toBe(first?.runId)
  })

  it('says that a batch was skipped, and labels the partitions of a replayed one', () => {
    const checkpoint = memoryCheckpoint()
    const options = { ...base, checkpoint, trigger: once() }
    const source = numberSource(() => 2, [], { partitionKey: ({ from }) => `from ${from}` })
    const failing = numberSink([], [], { commit: () => throwError(() => new Error('down')) })
    outcomeOf(readStream(source).writeStream(failing, options))
    outcomeOf(readStream(source).writeStream(failing, options))
    const keys: string[] = []
    const run = readStream(source).writeStream(numberSink([], [], { begin: () => 'committed' }), options)
    const [progress] = outcomeOf(run).values
    expect(progress).toMatchObject({ batchId: 0, replay: true, skipped: true, numInputRows: 0 })
    outcomeOf(readStream(numberSource(() => 4, [], { partitionKey: () => 'k' })).writeStream(failing, options))
    const again = readStream(numberSource(() => 4, [], { partitionKey: () => 'k' })).writeStream(numberSink(), options)
    keys.push(...(outcomeOf(again).values[0]?.partitions.map(({ partition }) => partition) ?? []))
    expect(keys).toEqual(['k', 'k'])
  })
})

describe('a source', () => {
  it('gets every limit of the query, else its own default', () => {
    const limits: ReadLimit[] = []
    const source = numberSource(() => 1, [], {
      defaultLimit: { maxRows: 7, maxFiles: 3 },
      latestOffset: (_, limit) => {
        limits.push(limit)
        return { offset: 1 }
      },
    })
    const write = (limit: Partial<ReadLimit>) =>
      outcomeOf(
        readStream(source).writeStream(numberSink(), {
          ...base,
          checkpoint: memoryCheckpoint(),
          trigger: once(),
          limit,
        }),
      )
    write({})
    write({ maxRows: 2, maxBytes: 5 })
    expect(limits).toEqual([
      { maxRows: 7, maxBytes: Number.POSITIVE_INFINITY, maxFiles: 3 },
      { maxRows: 2, maxBytes: 5, maxFiles: 3 },
    ])
  })

  it('without an order ignores the limit under availableNow, and the query says so', async () => {
    const { compare: _, ...unordered } = numberSource(() => 5).streamReader()
    const run = readStream({ name: 'unordered', streamReader: () => unordered })
      .writeStream(numberSink(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 1 },
      })
      .start()
    const warnings: QueryEvent[] = []
    run.events$.subscribe((event) => event.type === 'warning' && warnings.push(event))
    await run.terminated
    expect(warnings).toMatchObject([{ message: expect.stringContaining('ignores the limit') }])
  })

  it('is not made to wait for minRows by availableNow', () => {
    const distance = (a: { offset: number }, b: { offset: number }): number => b.offset - a.offset
    const rows: number[] = []
    outcomeOf(
      readStream(numberSource(() => 3, [], { distance })).writeStream(numberSink([], rows), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { minRows: 100, maxDelay: '1 hour' },
      }),
    )
    expect(rows).toEqual([0, 1, 2])
  })

  it('is asked to end when its rows are no longer wanted', () => {
    let returned = 0
    const source = numberSource(() => 2, [], {
      partitions: () => [{ from: 0, to: 2 }],
      *read() {
        try {
          yield numbers(0, 1)
          yield numbers(1, 2)
        } finally {
          returned++
        }
      },
    })
    const sink = numberSink([], [], { write: () => throwError(() => new Error('full')) })
    outcomeOf(readStream(source).writeStream(sink, { ...base, checkpoint: memoryCheckpoint(), trigger: once() }))
    expect(returned).toBe(1)
  })
})

describe('a log that failed', () => {
  it('is not gone on with by a restart: what it holds is unknown', () => {
    const store = memoryCheckpoint()
    let opened = 0
    let readers = 0
    const checkpoint = {
      ...store,
      open: (query: { readonly sources: readonly string[] }) => {
        opened++
        const session = store.open(query) as { write: (records: readonly object[]) => unknown; close: () => unknown }
        return {
          ...session,
          write: (records: readonly object[]) => {
            if (records.some((record) => 'done' in record)) throw new Error('disk full')
            return session.write(records)
          },
        }
      },
    } as unknown as typeof store
    const source = numberSource(() => 2)
    const counted = {
      ...source,
      streamReader: () => {
        readers++
        return source.streamReader()
      },
    }
    const { error } = outcomeOf(
      readStream(counted).writeStream(numberSink(), {
        ...base,
        checkpoint,
        trigger: availableNow(),
        restart: { maxAttempts: 5, backoff: { initialDelayMs: 0 } },
      }),
    )
    expect((error as Error).message).toContain('disk full')
    expect((error as Error).cause).not.toBeInstanceOf(LeaseLostError)
    expect([opened, readers]).toEqual([1, 1])
  })
})
