import { NEVER, Subject, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { QueryError } from '../../src/errors.ts'
import type { QueryEvent } from '../../src/events.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow, continuously, whenAvailable } from '../../src/trigger.ts'
import { numberSink, numberSource } from './recording.ts'

const base = { name: 'q', retry: { maxAttempts: 1 } }

function memoryQuery() {
  const source = memoryStream<{ n: number }>()
  const sink = memorySink<{ n: number }>()
  const query = readStream(source).writeStream(sink, {
    ...base,
    checkpoint: memoryCheckpoint(),
    trigger: whenAvailable({ maxWait: '1 hour' }),
  })
  return { source, sink, query }
}

describe('a run', () => {
  it('takes rows as they become available, and processAllAvailable waits for them', async () => {
    const { source, sink, query } = memoryQuery()
    await using run = query.start()
    source.add({ n: 1 }, { n: 2 })
    await run.processAllAvailable()
    expect(sink.rows).toEqual([{ n: 1 }, { n: 2 }])
    source.add({ n: 3 })
    await run.processAllAvailable()
    expect(sink.rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(run.lastProgress).toMatchObject({ batchId: 1, numInputRows: 1 })
    expect(run.recentProgress.map(({ batchId }) => batchId)).toEqual([0, 1])
    expect(run.status).toEqual({
      message: 'Waiting for data to arrive',
      isDataAvailable: false,
      isTriggerActive: false,
    })
  })

  it('misses no event for whoever subscribes right after start()', async () => {
    const { source, query } = memoryQuery()
    source.add({ n: 1 })
    const run = query.start()
    const events: QueryEvent['type'][] = []
    run.events$.subscribe(({ type }) => events.push(type))
    await run.processAllAvailable()
    await run.drain()
    expect(events.filter((type) => type !== 'phase').slice(0, 11)).toEqual([
      'started',
      'triggered',
      'planned',
      'lag',
      'partition-started',
      'partition-progress',
      'partition-finished',
      'sink-committed',
      'done',
      'source-committed',
      'triggered',
    ])
    expect(events.at(-1)).toBe('stopped')
  })

  it('repeats the last progress to late subscribers', async () => {
    const { source, query } = memoryQuery()
    source.add({ n: 1 })
    const run = query.start()
    await run.processAllAvailable()
    const seen: number[] = []
    run.progress$.subscribe(({ batchId }) => seen.push(batchId))
    expect(seen).toEqual([0])
    await run.stop()
  })

  it('terminates when the trigger does', async () => {
    const rows: number[] = []
    const query = readStream(numberSource(() => 5)).writeStream(numberSink([], rows), {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
    })
    const run = query.start()
    await run.terminated
    expect([rows, run.isActive]).toEqual([[0, 1, 2, 3, 4], false])
  })

  it('tells of a failure wherever it is asked', async () => {
    const query = readStream(numberSource(() => 5)).writeStream(
      numberSink([], [], { commit: () => throwError(() => new Error('down')) }),
      { ...base, checkpoint: memoryCheckpoint(), trigger: continuously() },
    )
    const run = query.start()
    await expect(run.terminated).rejects.toBeInstanceOf(QueryError)
    await expect(run.processAllAvailable()).rejects.toThrow('down')
    await expect(run.drain()).rejects.toThrow('down')
    await expect(run.stop()).resolves.toBeUndefined()
    expect(run.status.message).toMatch(/^Terminated with exception: query "q", batch 0 .* down$/)
    const seen = await new Promise((resolve) => run.progress$.subscribe({ error: resolve }))
    expect(seen).toBeInstanceOf(QueryError)
  })

  it('fails processAllAvailable when it fails meanwhile', async () => {
    const source = memoryStream<{ n: number }>()
    const query = readStream(source).writeStream(
      numberSink([], [], { commit: () => throwError(() => new Error('down')) }),
      {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: whenAvailable({ maxWait: '1 hour' }),
      },
    )
    const run = query.start()
    run.terminated.catch(() => {})
    await run.processAllAvailable()
    source.add({ n: 1 })
    await expect(run.processAllAvailable()).rejects.toThrow('down')
  })
})

describe('stopping', () => {
  function slowCommit() {
    const calls: string[] = []
    const commit = new Subject<void>()
    const sink = numberSink(calls, [], { commit: () => commit })
    const query = readStream(numberSource(() => 10, calls)).writeStream(sink, {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: continuously(),
      limit: { maxRows: 2 },
    })
    return { calls, commit, query }
  }

  it('drain lets the batch in flight finish and begins no other', async () => {
    const { calls, commit, query } = slowCommit()
    const run = query.start()
    await Promise.resolve()
    const drained = run.drain()
    commit.complete()
    await drained
    expect(calls.filter((call) => call.startsWith('begin'))).toEqual(['begin 0'])
    expect(calls.slice(-3)).toEqual(['source commit 2', 'sink stop', 'source stop'])
  })

  it('stop never interrupts commit → done → source commit, and resolves only after it', async () => {
    const { calls, commit, query } = slowCommit()
    const run = query.start()
    await Promise.resolve()
    let stopped = false
    const stopping = run.stop().then(() => {
      stopped = true
    })
    await new Promise(setImmediate)
    expect(stopped).toBe(false)
    commit.complete()
    await stopping
    expect(calls.slice(-3)).toEqual(['source commit 2', 'sink stop', 'source stop'])
  })

  it('stop aborts the signal of reads and writes, discards, aborts the batch, and frees the lease last', async () => {
    const calls: string[] = []
    let signal: AbortSignal | undefined
    const checkpoint = memoryCheckpoint()
    const source = numberSource(() => 10, calls, {
      read: (_range, context) => {
        signal = context.signal
        return NEVER
      },
    })
    const query = readStream(source).writeStream(numberSink(calls), { ...base, checkpoint, trigger: continuously() })
    const run = query.start()
    await Promise.resolve()
    expect(signal?.aborted).toBe(false)
    await run.stop()
    expect(signal?.aborted).toBe(true)
    expect(calls.slice(-5)).toEqual(['discard 0/0/0', 'discard 0/1/0', 'sink abort 0:  | ', 'sink stop', 'source stop'])
    await query.start().stop() // the lease is free
  })

  it('drain does not wait for a restart that is due later', async () => {
    const query = readStream(numberSource(() => 5)).writeStream(
      numberSink([], [], { begin: () => throwError(() => new Error('down')) }),
      {
        ...base,
        checkpoint: memoryCheckpoint(),
        restart: { maxAttempts: 9, backoff: { initialDelayMs: 3_600_000, maxDelayMs: 3_600_000, random: () => 0.9 } },
      },
    )
    const run = query.start()
    const restarting = new Promise((resolve) =>
      run.events$.subscribe(({ type }) => type === 'restarting' && resolve(type)),
    )
    await restarting
    await expect(run.drain()).rejects.toThrow('down')
    expect(run.isActive).toBe(false)
  })

  it('before it began does nothing at all', async () => {
    const { calls, query } = slowCommit()
    await query.start().stop()
    expect(calls).toEqual([])
  })

  it('while the checkpoint is being opened gives the lease back', async () => {
    const opened = Promise.withResolvers<void>()
    const store = memoryCheckpoint()
    const slow = {
      ...store,
      open: async (query: { sources: readonly string[] }) => {
        await opened.promise
        return store.open(query) as Awaited<ReturnType<typeof store.open>>
      },
    }
    const query = readStream(numberSource(() => 1)).writeStream(numberSink(), {
      ...base,
      checkpoint: slow as typeof store,
    })
    const run = query.start()
    await Promise.resolve()
    const stopping = run.stop()
    opened.resolve()
    await stopping
    expect(() => store.open({ sources: ['numbers'] })).not.toThrow()
  })

  it('await using drains at the end of the block', async () => {
    const rows: number[] = []
    {
      await using run = readStream(numberSource(() => 3))
        .writeStream(numberSink([], rows), {
          ...base,
          checkpoint: memoryCheckpoint(),
        })
        .start()
      await run.processAllAvailable()
    }
    expect(rows).toEqual([0, 1, 2])
  })
})
