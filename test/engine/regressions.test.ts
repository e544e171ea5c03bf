import { inspect } from 'node:util'
import {
  asapScheduler,
  concat,
  defer,
  filter,
  firstValueFrom,
  from,
  ignoreElements,
  interval,
  lastValueFrom,
  NEVER,
  type Observable,
  repeat,
  Subject,
  subscribeOn,
  take,
  timeout,
  toArray,
  VirtualTimeScheduler,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { filterRows } from '../../operators/filter-rows.ts'
import { mapChunks } from '../../operators/map-chunks.ts'
import { Breath } from '../../src/breath.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import { noop } from '../../src/connectors/noop/sink.ts'
import { rate } from '../../src/connectors/rate/source.ts'
import { type DeadLetter, rowText } from '../../src/dead-letter.ts'
import { deterministic } from '../../src/deterministic.ts'
import { OffsetRegressionError, OptionError, PortError } from '../../src/errors.ts'
import { snapshotEvery } from '../../src/identity-window.ts'
import { journaled } from '../../src/journaled.ts'
import { type KeyedPartition, perKeyOffset } from '../../src/offsets/per-key.ts'
import { sequenceOffset } from '../../src/offsets/sequence.ts'
import type { Range } from '../../src/partition.ts'
import { fromCommand } from '../../src/result.ts'
import { schema } from '../../src/schema.ts'
import { readAllAvailable } from '../../src/source.ts'
import { read, readStream } from '../../src/stream.ts'
import { exploreCrashes } from '../../src/testing/explore-crashes.ts'
import { availableNow, once, processingTime } from '../../src/trigger.ts'
import { union } from '../../src/union.ts'
import { type NumberedReader, numberSink, numberSource, numbers, outcomeOf } from './recording.ts'

const base = { name: 'q', retry: { maxAttempts: 1 } }

// Each is named after what went wrong.
describe('it happened that', () => {
  it('stop() from a callback of the first, synchronous batch never resolved, and the query went on', async () => {
    const source = memoryStream<{ n: number }>()
    source.add({ n: 1 })
    const sink = memorySink<{ n: number }>()
    const run = readStream(source)
      .writeStream(sink, { ...base, checkpoint: memoryCheckpoint() })
      .start()
    const stopped = new Promise<void>((resolve) =>
      run.events$.subscribe(({ type }) => type === 'sink-committed' && run.stop().then(resolve)),
    )
    await stopped
    source.add({ n: 2 })
    await new Promise(setImmediate)
    expect([run.isActive, sink.rows]).toEqual([false, [{ n: 1 }]])
  })

  it('batches of a source with always more data left timers and stop() no turn', async () => {
    const run = readStream(rate({ rowsPerBatch: 10 }))
      .writeStream(noop(), { ...base, checkpoint: memoryCheckpoint(), limit: { maxRows: 10 } })
      .start()
    await new Promise((resolve) => setTimeout(resolve, 1)) // was never reached
    await run.stop()
    expect(run.recentProgress.length).toBeGreaterThan(0)
  })

  it('processAllAvailable() right after start() was not heard by a query whose trigger is silent', async () => {
    const source = memoryStream<{ n: number }>()
    source.add({ n: 1 })
    const sink = memorySink<{ n: number }>()
    await using run = readStream(source)
      .writeStream(sink, { ...base, checkpoint: memoryCheckpoint(), trigger: new Subject() })
      .start()
    await run.processAllAvailable()
    expect(sink.rows).toEqual([{ n: 1 }])
  })

  it('processAllAvailable() took the answer of a look at the source that began before it', async () => {
    const source = memoryStream<{ n: number }>()
    const sink = memorySink<{ n: number }>()
    await using run = readStream(source)
      .writeStream(sink, { ...base, checkpoint: memoryCheckpoint(), trigger: processingTime('1 minute') })
      .start()
    const processed = new Promise<void>((resolve) => {
      const idle = run.events$.subscribe(({ type }) => {
        if (type !== 'idle') return
        idle.unsubscribe()
        source.add({ n: 1 })
        run.processAllAvailable().then(resolve)
      })
    })
    await processed
    expect(sink.rows).toEqual([{ n: 1 }])
  })

  it('a failure that was heard through processAllAvailable() ended the process as unhandled', async () => {
    const source = numberSource(() => 1, [], {
      latestOffset: () => {
        throw new Error('api down')
      },
    })
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    const run = readStream(source)
      .writeStream(noop(), { ...base, checkpoint: memoryCheckpoint() })
      .start()
    await expect(run.processAllAvailable()).rejects.toThrow('api down')
    await new Promise(setImmediate)
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  it('a restart under a silent trigger waited for its next tick instead of running the failed batch again', async () => {
    const tick = new Subject<void>()
    const rows: number[] = []
    let failures = 1
    const sink = numberSink([], rows, {
      begin: () => {
        if (failures-- > 0) throw new Error('once')
        return 'write'
      },
    })
    const run = readStream(numberSource(() => 2))
      .writeStream(sink, {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: tick,
        restart: { maxAttempts: 2, backoff: { initialDelayMs: 0 } },
      })
      .start()
    const done = new Promise((resolve) =>
      run.events$.subscribe(({ type }) => type === 'source-committed' && resolve(0)),
    )
    await Promise.resolve()
    tick.next()
    await done
    await run.stop()
    expect(rows).toEqual([0, 1])
  })

  it('a reader that answered with its own, changing object moved the position behind the engine’s back', async () => {
    const head = { offset: 3 }
    const rows: number[] = []
    await using run = readStream(numberSource(() => 3, [], { latestOffset: () => head }))
      .writeStream(numberSink([], rows), { ...base, checkpoint: memoryCheckpoint() })
      .start()
    await run.processAllAvailable()
    head.offset = 6
    await run.processAllAvailable()
    expect(rows).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('Infinity in a partition became null in the log, and its rows were lost without an error', () => {
    const source = numberSource(() => 10, [], { partitions: () => [{ from: 0, to: Number.POSITIVE_INFINITY }] })
    const { error } = outcomeOf(
      readStream(source).writeStream(numberSink(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
      }),
    )
    expect((error as Error).cause).toBeInstanceOf(PortError)
    expect((error as Error).message).toContain('partitions[0].to')
  })

  it('a thousand synchronous partitions behind an asynchronous one overflowed the stack, and the query hung', async () => {
    const rows: number[] = []
    const source = numberSource(() => 1000, [], {
      partitions: () => Array.from({ length: 1000 }, (_, n) => ({ from: n, to: n + 1 })),
    })
    const sink = numberSink([], rows, {
      write: (_, partitionId) => (partitionId === 0 ? Promise.resolve() : undefined),
    })
    const query = readStream(source).writeStream(sink, {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      concurrency: 1,
    })
    await query.start().terminated
    expect(rows.length).toBe(1000)
  })

  it('drain() waited out a retry of the call that freezes the target of availableNow', async () => {
    const source = numberSource(() => 1, [], {
      reportLatestOffset: () => {
        throw Object.assign(new Error('429'), { retryAfter: 3_600_000 })
      },
    })
    const run = readStream(source)
      .writeStream(noop(), { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow() })
      .start()
    await new Promise((resolve) => run.events$.subscribe(({ type }) => type === 'retry' && resolve(0)))
    await run.drain()
    expect(run.isActive).toBe(false)
  })

  it('a source that failed at once without a delay overflowed the stack when it was retried often', async () => {
    let calls = 0
    const source = numberSource(() => 1, [], {
      *read() {
        if (++calls < 3000) throw Object.assign(new Error('busy'), { retryAfter: 0 })
        yield [{ n: 0 }]
      },
    })
    const rows: number[] = []
    const query = readStream(source).writeStream(numberSink([], rows), {
      name: 'q',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      retry: { maxAttempts: Number.POSITIVE_INFINITY },
    })
    await query.start().terminated
    expect([calls, rows]).toEqual([3000, [0]])
  })

  it('a reader was left open when the sink could not be made', async () => {
    const calls: string[] = []
    const sink = (): never => {
      throw new Error('sink is down')
    }
    outcomeOf(readStream(numberSource(() => 1, calls)).writeStream(sink, { ...base, checkpoint: memoryCheckpoint() }))
    expect(calls).toEqual(['source stop'])
  })

  it('operators lost their partition behind one that subscribes later', async () => {
    const source = memoryStream<{ n: number }>({ chunkRows: 1 })
    for (let n = 0; n < 20; n++) source.add({ n })
    let pulled = 0
    let written = 0
    let most = 0
    const counted = {
      name: 'counted',
      streamReader: () => {
        const reader = source.streamReader()
        return {
          ...reader,
          *read(...args: Parameters<typeof reader.read>) {
            for (const chunk of reader.read(...args) as Iterable<readonly { n: number }[]>) {
              most = Math.max(most, ++pulled - written)
              yield chunk
            }
          },
        }
      },
    }
    const query = readStream(counted)
      .pipe(
        mapChunks(async (rows) => rows),
        subscribeOn(asapScheduler),
      )
      .writeStream(numberSink([], [], { write: () => void written++ }), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
      })
    await query.start().terminated
    expect(written).toBe(20)
    expect(most).toBeLessThanOrEqual(2)

    const dead = memorySink<DeadLetter>()
    const malformed = memoryStream<{ n: number }>()
    malformed.add({ n: 0.5 })
    const refusing = readStream(malformed)
      .as(schema('n int not null'))
      .pipe(deterministic(subscribeOn(asapScheduler)))
      .writeStream(noop(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        mode: 'dropMalformed',
        deadLetters: dead,
      })
    await refusing.start().terminated
    expect(dead.rows.length).toBe(1)
  })

  it('columns behind getters became {} in the log, and the rows of the partition were lost', () => {
    class Getters {
      readonly #from = 0
      get from(): number {
        return this.#from
      }
      readonly to = 5
    }
    const source = numberSource(() => 5, [], { partitions: () => [new Getters()] })
    const { error } = outcomeOf(
      readStream(source).writeStream(numberSink(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
      }),
    )
    expect((error as Error).cause).toBeInstanceOf(PortError)
  })

  it('restarts without a delay overflowed the stack', async () => {
    const rows: number[] = []
    let batches = 0
    const sink = numberSink([], rows, {
      begin: () => {
        if (++batches % 2 === 1) throw new Error('every other time')
        return 'write'
      },
    })
    const query = readStream(numberSource(() => 2000)).writeStream(sink, {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 1 },
      restart: { maxAttempts: 3, backoff: { initialDelayMs: 0 } },
    })
    await query.start().terminated
    expect(rows.length).toBe(2000)
  })

  it('once() took two batches when it was restarted', () => {
    let failures = 1
    const sink = numberSink([], [], {
      begin: () => {
        if (failures-- > 0) throw new Error('once')
        return 'write'
      },
    })
    const { values } = outcomeOf(
      readStream(numberSource(() => 20)).writeStream(sink, {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: once(),
        limit: { maxRows: 10 },
        restart: { maxAttempts: 2, backoff: { initialDelayMs: 0 } },
      }),
    )
    expect(values.map(({ batchId }) => batchId)).toEqual([0])
  })

  it('the event loop starved after the clock was set back', () => {
    const scheduler = new VirtualTimeScheduler()
    let now = 1_000_000
    scheduler.now = () => now
    const breath = new Breath(scheduler)
    expect(breath.pause()).toBeUndefined()
    breath.ended()
    now -= 3_600_000
    expect(breath.pause()).toBeDefined()
  })

  it('a run that was left while it waited for a former one let the next one meet that one’s lease', async () => {
    const release = Promise.withResolvers<void>()
    const source = numberSource(() => 1, [], { stop: () => release.promise })
    const query = readStream(source).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint(), trigger: NEVER })
    query.subscribe().unsubscribe()
    query.subscribe().unsubscribe()
    const errors: unknown[] = []
    const third = query.subscribe({ error: (error: unknown) => errors.push(error) })
    release.resolve()
    await new Promise(setImmediate)
    expect(errors).toEqual([])
    third.unsubscribe()
  })

  it('a query that was left could not be run again before it was torn down', async () => {
    const slowStop = numberSource(() => 100, [], { stop: () => new Promise((resolve) => setImmediate(resolve)) })
    const query = readStream(slowStop).writeStream(noop(), {
      ...base,
      checkpoint: memoryCheckpoint(),
      limit: { maxRows: 1 },
    })
    const progress = await lastValueFrom(query.pipe(take(2), repeat(3), toArray()))
    expect(progress.map(({ batchId }) => batchId)).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('the text of a dead letter lost what maps and sets held', () => {
    expect(rowText({ a: new Map([['k', 1]]), b: new Set([2]) })).toBe('{"a":[["k",1]],"b":[2]}')
    const circular: { self?: unknown; n: number } = { n: 1 }
    circular.self = circular
    expect(rowText(circular)).toContain('n: 1')
  })

  it('an address with a password stood in the error about an option', () => {
    for (const bad of [{ checkpoint: 'postgres://app:S3CRET@db/x' }, { trigger: 'amqp://u:S3CRET@mq' }]) {
      const options = { ...base, checkpoint: memoryCheckpoint(), ...bad }
      const writing = () => readStream(memoryStream()).writeStream(noop(), options as never)
      expect(writing).toThrow(OptionError)
      expect(writing).not.toThrow('S3CRET')
    }
  })
})

describe('it happened per key that', () => {
  it('availableNow ended before the rows of a key that was new since the last run', () => {
    let keys = ['a']
    const { reportLatestOffset: _, ...inner } = sequenceOffset({ head: () => 5 })
    const checkpoint = memoryCheckpoint()
    const rows: number[] = []
    const run = () =>
      outcomeOf(
        readStream({
          name: 'keyed',
          streamReader: () => ({
            ...perKeyOffset({ keys: () => keys, inner }),
            read: ({ range: { from, to } }: KeyedPartition<Range<number>>) => [numbers(from, to)],
          }),
        }).writeStream(numberSink([], rows), { ...base, checkpoint, trigger: availableNow() }),
      )
    run()
    keys = ['a', 'b']
    run()
    expect(rows.length).toBe(10)
  })

  it('availableNow never ended when a key disappeared after the target was frozen, and another one grew', () => {
    let keys = ['a', 'b']
    let head = 5
    const source = {
      name: 'keyed',
      streamReader: () => ({
        ...perKeyOffset({
          keys: () => keys,
          inner: sequenceOffset({ head: (key: string) => (key === 'a' ? 100 : head++) }),
        }),
        read: () => [[{ n: 0 }]],
      }),
    }
    const { values, complete } = outcomeOf(
      readStream(source).writeStream(
        numberSink([], [], {
          begin: () => {
            keys = ['b']
            return 'write'
          },
        }),
        {
          ...base,
          checkpoint: memoryCheckpoint(),
          trigger: availableNow(),
          limit: { maxRows: 4 },
        },
      ),
    )
    expect(complete).toBe(true)
    expect(values.length).toBeLessThan(10)
  })

  it('hundreds of keys that answered at once behind a slow one overflowed the stack', async () => {
    const keys = Array.from({ length: 2000 }, (_, n) => `k${n}`)
    const slow = (key: string) => (key === 'k0' ? Promise.resolve(1) : 1)
    const { latestOffset } = perKeyOffset({ keys, inner: sequenceOffset({ head: slow }) })
    const start = Object.fromEntries(keys.map((key) => [key, { offset: 0 }]))
    const end = await firstValueFrom(latestOffset(start, readAllAvailable) as Observable<typeof start>)
    expect(Object.values(end).every(({ offset }) => offset === 1)).toBe(true)
  })
})

describe('it happened in a union that', () => {
  it('availableNow left rows behind, because a source’s default limit stood in for "no limit"', () => {
    const limited = () => numberSource(() => 100, [], { defaultLimit: { maxRows: 10 } })
    const { compare: _, ...unordered } = limited().streamReader()
    const sink = memorySink<{ n: number }>()
    outcomeOf(read(union({ a: limited(), b: { name: 'b', streamReader: () => unordered } })).write(sink))
    expect(sink.rows.length).toBe(200)
  })

  it('a source that went back was not refused when another one had no order', () => {
    const heads = [5, 3]
    const lagging = numberSource(() => 0, [], { latestOffset: () => ({ offset: heads.shift() ?? 5 }) })
    const { compare: _, ...unordered } = numberSource(() => 0).streamReader()
    const tick = new Subject<void>()
    const outcome = outcomeOf(
      readStream(union({ lagging, other: { name: 'other', streamReader: () => unordered } })).writeStream(
        numberSink(),
        {
          ...base,
          checkpoint: memoryCheckpoint(),
          trigger: tick,
        },
      ),
    )
    tick.next()
    expect(outcome.error).toBeUndefined()
    tick.next()
    expect((outcome.error as Error).cause).toBeInstanceOf(OffsetRegressionError)
  })

  it('one source whose stop failed kept the others from being stopped', () => {
    const calls: string[] = []
    const failing = numberSource(() => 0, [], {
      stop: () => {
        throw new Error('stop fails')
      },
    })
    const both = union({ failing, other: numberSource(() => 0, calls) })
    outcomeOf(
      readStream(both).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint(), trigger: availableNow() }),
    )
    expect(calls).toContain('source stop')
  })

  it('a journal was pushed and not pulled, and failed at maxPushed', async () => {
    const source = memoryStream<{ n: number }>()
    for (let n = 0; n < 10_000; n++) source.add({ n })
    const rows: number[] = []
    const query = readStream(
      union({ only: { name: 's', streamReader: () => journaled(source.streamReader()) } }),
    ).writeStream(numberSink([], rows, { write: async () => {} }), {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      maxPushed: 3,
    })
    await query.start().terminated
    expect(rows.length).toBe(10_000)
  })
})

describe('it happened behind a journal that', () => {
  it('a batch larger than the window doubled rows under "exactly-once"', () => {
    const checkpoint = memoryCheckpoint()
    const messages = Array.from({ length: 500 }, (_, n) => ({ n }))
    let acksFail = true
    const queue = {
      name: 'queue',
      streamReader: () =>
        journaled(
          {
            kind: 'acked' as const,
            initialOffset: () => ({ delivered: 0 }),
            latestOffset: ({ delivered }: { delivered: number }) => ({ delivered: delivered + messages.length }),
            partitions: (start: { delivered: number }, end: { delivered: number }) =>
              start.delivered === end.delivered ? [] : [{ all: true }],
            read: () => [[...messages]],
            commit: () => {
              if (acksFail) throw new Error('connection lost')
              messages.length = 0
            },
            release: () => undefined,
          },
          { identity: ({ n }: { n: number }) => String(n), window: 100 },
        ),
    }
    const rows: number[] = []
    const run = () =>
      outcomeOf(readStream(queue).writeStream(numberSink([], rows), { ...base, checkpoint, trigger: availableNow() }))
    expect((run().error as Error).message).toContain('connection lost')
    acksFail = false
    run()
    run()
    expect([rows.length, new Set(rows).size]).toEqual([500, 500])
  })

  it('a window that had grown was cut when it was read back from its snapshot', () => {
    const checkpoint = memoryCheckpoint()
    let messages: { n: number }[] = []
    let failing = false
    const rows: number[] = []
    const run = () =>
      outcomeOf(
        readStream({
          name: 'queue',
          streamReader: () =>
            journaled(
              {
                kind: 'acked' as const,
                initialOffset: () => ({ delivered: 0 }),
                latestOffset: ({ delivered }: { delivered: number }) => ({ delivered: delivered + messages.length }),
                partitions: () => [{ all: true }],
                read: () => [[...messages]],
                commit: () => {
                  if (failing) throw new Error('connection lost')
                  messages = []
                },
                release: () => undefined,
              },
              { identity: ({ n }: { n: number }) => String(n), window: 100 },
            ),
        }).writeStream(numberSink([], rows), { ...base, checkpoint, trigger: availableNow() }),
      )
    for (let n = 0; n < snapshotEvery - 1; n++) {
      messages = [{ n }]
      run()
    }
    messages = Array.from({ length: 500 }, (_, i) => ({ n: 1000 + i }))
    failing = true
    run() // the last batch before a snapshot
    run() // the one with the snapshot: all of it is known
    failing = false
    run()
    run()
    expect(rows.length).toBe(new Set(rows).size)
    expect(new Set(rows).size).toBe(snapshotEvery - 1 + 500)
  })

  it('what a simple reader handed out was read again, and lost, when another source of a union had to be asked again', () => {
    const inbox = [1, 2, 3].map((n) => ({ n }))
    let failures = 1
    const simple = {
      name: 'inbox',
      streamReader: () =>
        journaled({
          initialOffset: () => ({ taken: 0 }),
          read: ({ taken }: { taken: number }) => {
            const rows = inbox.splice(0)
            return { rows, end: { taken: taken + rows.length } }
          },
        }),
    }
    const api = numberSource(() => 0, [], {
      latestOffset: (start) => {
        if (failures-- > 0) throw new Error('429')
        return start
      },
    })
    const rows: number[] = []
    outcomeOf(
      readStream(union({ inbox: simple, api })).writeStream(numberSink([], rows), {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: once(),
        retry: { maxAttempts: 2, initialDelayMs: 0 },
      }),
    )
    expect(rows).toEqual([1, 2, 3])
  })

  it('a checkpoint that keeps too few batches for the window worked until the first restart', () => {
    const source = memoryStream<{ n: number }>()
    const stream = readStream({
      name: 's',
      streamReader: () => journaled(source.streamReader(), { identity: ({ n }) => String(n) }),
    })
    const { error } = outcomeOf(stream.writeStream(noop(), { ...base, checkpoint: memoryCheckpoint({ retain: 10 }) }))
    expect((error as Error).cause).toBeInstanceOf(OptionError)
    expect((error as Error).message).toContain('it keeps 10')
  })

  it('availableNow froze its target by a read whose rows were thrown away', () => {
    const inbox = [1, 2, 3].map((n) => ({ n }))
    const source = {
      name: 'inbox',
      streamReader: () =>
        journaled({
          initialOffset: () => ({ taken: 0 }),
          read: ({ taken }: { taken: number }) => {
            const rows = inbox.splice(0)
            return { rows, end: { taken: taken + rows.length } }
          },
          compare: (a: { taken: number }, b: { taken: number }) => a.taken - b.taken,
        }),
    }
    const rows: number[] = []
    outcomeOf(
      readStream(source).writeStream(numberSink([], rows), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
      }),
    )
    expect(rows).toEqual([1, 2, 3])
  })
})

describe('it happened in the crash explorer that', () => {
  it('a source that was committed before the sink was not found out', () => {
    const { failures } = exploreCrashes(
      ({ source, sink, options }) => {
        const early = {
          ...source,
          streamReader: () => {
            const reader = source.streamReader()
            return {
              ...reader,
              read: (...args: Parameters<typeof reader.read>) =>
                concat(
                  from(reader.read(...args)),
                  defer(() => fromCommand(() => reader.commit?.({ position: args[0].to }))).pipe(ignoreElements()),
                ),
            }
          },
        }
        return readStream(early).writeStream(sink, options)
      },
      { sources: ['replayable'], sinks: ['transactional'] },
    )
    expect(failures.map(({ problem }) => problem)).toContain('lost')
  })

  it('rows that were not to reach the sink were not found there', () => {
    let processes = 0
    const { failures } = exploreCrashes(
      ({ source, sink, options }) => {
        const first = processes++ === 0
        return readStream(source)
          .pipe(filterRows(({ id }) => id % 2 === 0 || !first))
          .writeStream(sink, options)
      },
      { sources: ['replayable'], sinks: ['transactional'], expected: (id) => id % 2 === 0 },
    )
    expect(failures.map(({ problem }) => problem)).toContain('unexpected')
  })
})

describe('it happened to a failure that', () => {
  const failing = () => {
    let head = 1
    const query = readStream(
      numberSource(() => {
        if (head > 1) throw new Error('api down')
        return head++
      }),
    ).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint() })
    return query.start()
  }
  const unhandledDuring = async (act: () => Promise<unknown>): Promise<unknown[]> => {
    const unhandled: unknown[] = []
    const note = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', note)
    process.on('uncaughtException', note)
    await act()
    await new Promise((resolve) => setTimeout(resolve, 5))
    process.off('unhandledRejection', note)
    process.off('uncaughtException', note)
    return unhandled
  }
  const over = (run: { readonly isActive: boolean }) =>
    firstValueFrom(
      interval(1).pipe(
        filter(() => !run.isActive),
        timeout(2_000),
      ),
    )

  it('nobody heard of it once somebody had looked at progress$ or waited for processAllAvailable()', async () => {
    for (const look of [
      (run: ReturnType<typeof failing>) => firstValueFrom(run.progress$),
      (run: ReturnType<typeof failing>) => run.processAllAvailable().catch(() => 'heard'),
    ]) {
      const heard: unknown[] = []
      const unhandled = await unhandledDuring(async () => {
        const run = failing()
        heard.push(await look(run))
        await over(run)
      })
      expect(unhandled.length + heard.filter((what) => what === 'heard').length).toBe(1)
    }
  })

  it('a mere function at progress$ made an uncaught exception of one that the program had caught', async () => {
    const seen: number[] = []
    const unhandled = await unhandledDuring(async () => {
      const run = failing()
      run.progress$.subscribe(({ batchId }) => seen.push(batchId))
      await expect(run.terminated).rejects.toThrow('api down')
    })
    expect([seen, unhandled]).toEqual([[0], []])
  })

  it('an observer with an error handler heard of it, and the process ended all the same', async () => {
    const heard: unknown[] = []
    const unhandled = await unhandledDuring(async () => {
      const run = failing()
      run.progress$.subscribe({ error: (error: unknown) => heard.push(error) })
      await over(run)
    })
    expect([heard.length, unhandled]).toEqual([1, []])
  })
})

describe('it happened while a query was drained that', () => {
  it.each(['initialOffset', 'start'] as const)('it waited for %s, which hung', async (port) => {
    const calls: string[] = []
    const hang = { [port]: () => NEVER }
    const run = readStream(numberSource(() => 1, calls, port === 'initialOffset' ? hang : {}))
      .writeStream(numberSink(calls, [], port === 'start' ? hang : {}), { ...base, checkpoint: memoryCheckpoint() })
      .start()
    await new Promise(setImmediate)
    await run.drain()
    expect(calls.slice(-2)).toEqual(['sink stop', 'source stop'])
    expect(calls.filter((call) => call.startsWith('latestOffset'))).toEqual([])
  })

  it('it waited for the retries of initialOffset', async () => {
    const run = readStream(numberSource(() => 1, [], { initialOffset: () => Promise.reject(new Error('api down')) }))
      .writeStream(noop(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        retry: { maxAttempts: Infinity, initialDelayMs: 60_000, random: () => 1 },
      })
      .start()
    await new Promise(setImmediate)
    await run.drain()
  })
})

describe('it happened with bounded triggers that', () => {
  it('availableNow took a source that had gone back for one that had nothing new', () => {
    const query = readStream(
      numberSource(() => 3, [], { initialOffset: () => ({ offset: 5 }), latestOffset: () => ({ offset: 3 }) }),
    ).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint(), trigger: availableNow() })
    const { error } = outcomeOf(query)
    expect((error as Error).cause).toBeInstanceOf(OffsetRegressionError)
  })

  it('availableNow goes on with a head that is only reported, and behind: nothing is settled yet', () => {
    const query = readStream(
      numberSource(() => 3, [], {
        initialOffset: () => ({ offset: 5 }),
        reportLatestOffset: () => ({ offset: 3 }),
      }),
    ).writeStream(noop(), { ...base, checkpoint: memoryCheckpoint(), trigger: availableNow() })
    expect(outcomeOf(query)).toMatchObject({ complete: true, values: [] })
  })

  it('once() completed without the rows that minRows held back', () => {
    const rows: number[] = []
    const query = readStream(numberSource(() => 3, [], { distance: (a, b) => b.offset - a.offset })).writeStream(
      numberSink([], rows),
      {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: once(),
        limit: { minRows: 10, maxDelay: '1 hour' },
      },
    )
    expect(outcomeOf(query).complete).toBe(true)
    expect(rows).toEqual([0, 1, 2])
  })
})

describe('it happened with secrets that', () => {
  it('those in a port’s error stood in the message, the cause and the events', async () => {
    const query = readStream(
      numberSource(() => 1, [], {
        latestOffset: () => {
          throw new TypeError('no answer from https://me:t0psecret@api.example/x?api_key=t0psecret')
        },
      }),
    ).writeStream(noop(), {
      ...base,
      checkpoint: memoryCheckpoint(),
      retry: { maxAttempts: 2, initialDelayMs: 0 },
    })
    const run = query.start()
    const events: unknown[] = []
    run.events$.subscribe((event) => events.push(event))
    const error: unknown = await run.terminated.catch((reason: unknown) => reason)
    expect(inspect([error, events, run.status], { depth: 20, showHidden: true })).not.toContain('t0psecret')
    expect(error).toMatchObject({ message: expect.stringContaining('https://***@api.example/x?api_key=***') })
    expect((error as Error).cause).toBeInstanceOf(TypeError)
    expect(events).toContainEqual(expect.objectContaining({ type: 'retry' }))
  })
})

describe('it happened with a source that changes what it is given that', () => {
  const refused = (changes: Parameters<typeof numberSource>[2]) => {
    const rows: number[] = []
    const query = readStream(numberSource(() => 4, [], changes)).writeStream(numberSink([], rows), {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 2 },
    })
    return { ...outcomeOf(query), rows }
  }
  type Mutable = { offset: number }

  it('a distance that steps through its argument moved the position of the running batch', async () => {
    const commits: number[] = []
    const query = readStream(
      numberSource(() => 4, [], {
        reportLatestOffset: () => ({ offset: 10 }),
        distance: (a: Mutable, b) => {
          let rows = 0
          for (; a.offset < b.offset; a.offset++) rows++
          return rows
        },
        commit: ({ offset }) => commits.push(offset),
      }),
    ).writeStream(numberSink(), { ...base, checkpoint: memoryCheckpoint(), trigger: once() })
    const run = query.start()
    const warnings: unknown[] = []
    run.events$.subscribe((event) => event.type === 'warning' && warnings.push(event.error))
    await run.terminated
    expect([commits, warnings]).toEqual([[4], [expect.any(TypeError)]])
  })

  it.each([
    [
      'latestOffset stood still for ever',
      {
        latestOffset: (start: Mutable) => {
          start.offset += 2
          return start
        },
      },
    ],
    [
      'compare committed an empty batch',
      {
        compare: (a: Mutable, b: Mutable) => {
          a.offset = b.offset
          return 0
        },
      },
    ],
    [
      'read left less of a partition for the next attempt',
      {
        *read(range: { from: number; to: number }) {
          range.from++
          yield []
        },
      },
    ],
  ])('%s', (_, changes) => {
    const { error, rows } = refused(changes)
    expect((error as Error).cause).toBeInstanceOf(TypeError)
    expect(rows).toEqual([])
  })

  it('it was given recovered offsets that it could change', async () => {
    const checkpoint = memoryCheckpoint()
    const run = (commit: (end: Mutable) => unknown) =>
      outcomeOf(
        readStream(numberSource(() => 4, [], { commit })).writeStream(numberSink(), {
          ...base,
          checkpoint,
          trigger: availableNow(),
        }),
      )
    run(() => {})
    const { error } = run((end) => {
      end.offset = 99
    })
    expect((error as Error).cause).toBeInstanceOf(TypeError)
  })
})

describe('it was never noticed that', () => {
  it('availableNow took a source without compare for one that never ends, as long as it grew', () => {
    let head = 0
    const { compare: _, ...reader } = numberSource(() => ++head).streamReader() as NumberedReader
    const query = readStream({ name: 'growing', streamReader: () => reader }).writeStream(noop(), {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
    })
    const { complete, values } = outcomeOf(query.pipe(take(5)))
    expect([complete, values.length]).toEqual([true, 1])
  })

  it('a failure of the batch in flight was run again by restart while the query was drained, and not told', async () => {
    const commit = new Subject<void>()
    const run = readStream(numberSource(() => 1))
      .writeStream(numberSink([], [], { commit: () => commit }), {
        ...base,
        checkpoint: memoryCheckpoint(),
        restart: { maxAttempts: 5, backoff: { initialDelayMs: 0 } },
      })
      .start()
    await new Promise(setImmediate)
    const drained = run.drain()
    commit.error(new Error('down'))
    await expect(drained).rejects.toThrow('down')
  })
})
