import { concatMap, config, delay, map, of, timer, VirtualTimeScheduler } from 'rxjs'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { mapRows } from '../../operators/map-rows.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { memorySink } from '../../src/connectors/memory/sink.ts'
import { memoryStream } from '../../src/connectors/memory/source.ts'
import type { StreamSource } from '../../src/data-source.ts'
import { deterministic } from '../../src/deterministic.ts'
import { LeaseLostError } from '../../src/errors.ts'
import { journaled } from '../../src/journaled.ts'
import type { WriteContext } from '../../src/sink.ts'
import { readStream } from '../../src/stream.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { availableNow, once } from '../../src/trigger.ts'
import { union } from '../../src/union.ts'
import { type NumberedReader, numberSink, numberSource, numbers, outcomeOf } from './recording.ts'

const base = { name: 'q', retry: { maxAttempts: 1 } }

describe('invariant 6: a process that lost its lease', () => {
  it('writes nothing more and commits nothing more', () => {
    const store = memoryCheckpoint()
    const calls: string[] = []
    const checkpoint = {
      ...store,
      open: (query: { readonly sources: readonly string[] }) => {
        const session = store.open(query) as Exclude<ReturnType<typeof store.open>, PromiseLike<unknown>> & {
          write: (records: readonly object[]) => unknown
        }
        return {
          ...session,
          write: (records: readonly object[]) => {
            if (records.some((record) => 'plan' in record)) throw new LeaseLostError('taken over')
            return session.write(records)
          },
        }
      },
    } as typeof store
    const { error } = outcomeOf(
      readStream(numberSource(() => 4, calls)).writeStream(numberSink(calls), {
        ...base,
        checkpoint,
        trigger: availableNow(),
        restart: { maxAttempts: 5, backoff: { initialDelayMs: 0 } },
      }),
    )
    expect((error as Error).cause).toBeInstanceOf(LeaseLostError)
    expect(calls.filter((call) => /begin|open|read|commit/.test(call))).toEqual([])
  })
})

describe('invariant 7: two identical rows', () => {
  it('are two rows', () => {
    const source = memoryStream<{ n: number }>()
    const sink = memorySink<{ n: number }>()
    source.add({ n: 1 }, { n: 1 })
    outcomeOf(
      readStream(source).writeStream(sink, { ...base, checkpoint: memoryCheckpoint(), trigger: availableNow() }),
    )
    expect(sink.rows).toEqual([{ n: 1 }, { n: 1 }])
  })

  function keysOf(
    operator?: (source: ReturnType<typeof mapRows<{ n: number }, { n: number }>>) => typeof source,
    changes: Partial<NumberedReader> = {},
  ): string[] {
    const keys: string[] = []
    const sink = () => ({
      guarantee: { idempotent: 'position' } as const,
      open: ({ idempotencyKey }: WriteContext) => ({
        write: (rows: readonly { n: number }[]) => void keys.push(...rows.map((row, i) => idempotencyKey(i, 1, [row]))),
        finish: () => 0,
      }),
      commit: () => undefined,
    })
    const stream = readStream(
      numberSource(() => 2, [], {
        partitions: () => [{ from: 0, to: 2 }],
        *read() {
          yield [{ n: 7 }, { n: 7 }]
        },
        ...changes,
      }),
    )
    const query = (
      operator === undefined ? stream : stream.pipe(operator((source) => source.pipe(map((rows) => rows))))
    ).writeStream(sink, {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
    })
    outcomeOf(query)
    return keys.map((key) => key.slice(key.indexOf('/')))
  }

  it('have two keys: their positions', () => {
    expect(keysOf()).toEqual(['/main/0/0/0/1', '/main/0/0/1/1'])
    expect(keysOf(deterministic)).toEqual(['/main/0/0/0/1', '/main/0/0/1/1'])
  })

  it('get a content hash besides when an operator is not known to be deterministic', () => {
    const [first, second] = keysOf((operator) => operator) as [string, string]
    expect(first).toMatch(/^\/main\/0\/0\/0\/1\/[0-9a-f]{32}$/)
    expect(second.slice(0, 13)).toBe('/main/0/0/1/1')
  })

  it('get it also when the source may bring other rows', () => {
    const [first] = keysOf(undefined, { repeatable: false })
    expect(first).toMatch(/^\/main\/0\/0\/0\/1\/[0-9a-f]{32}$/)
  })
})

describe('a source that may bring other rows when it is read again', () => {
  const guaranteeOf = (source: StreamSource<object, unknown, object>) => {
    const run = readStream(source).writeStream(
      () => ({ ...numberSink()(), guarantee: { idempotent: 'position' } as const }) as never,
      { ...base, checkpoint: Object.assign(memoryCheckpoint(), { durable: true }), trigger: availableNow() },
    )
    return outcomeOf(run).values[0]?.guarantee
  }
  const changing = numberSource(() => 2, [], { repeatable: false })
  const steady = numberSource(() => 2)

  it('makes a sink that goes by positions at-least-once, alone and in a union; journaled it does not', () => {
    expect(guaranteeOf(steady as never)?.level).toBe('effectively-once')
    for (const source of [changing, union({ steady, changing })]) {
      expect(guaranteeOf(source as never)).toMatchObject({
        level: 'at-least-once',
        reason: expect.stringContaining('the source may bring other rows'),
      })
    }
    const kept = {
      ...changing,
      streamReader: () => journaled(changing.streamReader(), { identity: ({ n }) => `${n}` }),
    }
    expect(guaranteeOf(kept as never)?.level).toBe('effectively-once')
  })
})

describe('invariant 11: memory', () => {
  it(
    'a fast reader and a slow writer hold at most concurrency × highWaterMark chunks',
    marbles(({ scheduler, expectObservable, flush }) => {
      let read = 0
      let written = 0
      let most = 0
      const source = numberSource(() => 8, [], {
        partitions: () => Array.from({ length: 8 }, (_, i) => ({ from: i, to: i + 1 })),
        *read() {
          for (let i = 0; i < 50; i++) {
            read++
            most = Math.max(most, read - written)
            yield numbers(i, i + 1)
          }
        },
      })
      const sink = numberSink([], [], {
        write: () =>
          timer(3, scheduler).pipe(
            map(() => {
              written++
            }),
          ),
      })
      const query = readStream(source)
        .pipe(mapRows((row) => row))
        .writeStream(sink, {
          ...base,
          checkpoint: memoryCheckpoint(),
          trigger: once(),
          concurrency: 3,
          highWaterMark: 2,
          scheduler,
        })
      expectObservable(query.pipe(map(({ numInputRows }) => numInputRows))).toBe('450ms (a|)', { a: 400 })
      flush()
      expect(most).toBeLessThanOrEqual(3 * 2)
      expect(most).toBeGreaterThan(3)
    }),
  )
})

describe('invariant 11: memory, in bytes', () => {
  it(
    'a source that reports its bytes waits for highWaterBytes of them',
    marbles(({ scheduler, expectObservable, flush }) => {
      let read = 0
      let written = 0
      let most = 0
      const source = numberSource(() => 1, [], {
        *read(_range, { report }) {
          for (let i = 0; i < 20; i++) {
            report({ bytes: 60 })
            read++
            most = Math.max(most, read - written)
            yield numbers(i, i + 1)
          }
        },
      })
      const write = () =>
        timer(3, scheduler).pipe(
          map(() => {
            written++
          }),
        )
      const query = readStream(source).writeStream(numberSink([], [], { write }), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: once(),
        highWaterMark: 10,
        highWaterBytes: 100,
        scheduler,
      })
      expectObservable(query.pipe(map(({ partitions }) => partitions[0]?.bytesRead))).toBe('60ms (a|)', { a: 1200 })
      flush()
      expect(most).toBe(2)
    }),
  )
})

describe('invariant 12: an observer that throws', () => {
  afterEach(() => {
    config.onUnhandledError = null
  })

  it('never changes what is delivered, nor ends the process; each is warned of once', async () => {
    const unhandled: unknown[] = []
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    config.onUnhandledError = (error) => unhandled.push(error)
    const rows: number[] = []
    const query = readStream(numberSource(() => 9)).writeStream(numberSink([], rows), {
      ...base,
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 3 },
    })
    const run = query.start()
    run.events$.subscribe(() => {
      throw new Error('metrics are broken')
    })
    run.events$
      .pipe(
        map(() => {
          throw new Error('logs are broken')
        }),
      )
      .subscribe({ error: () => {} })
    run.progress$.subscribe(() => {
      throw new Error('the page is broken')
    })
    await run.terminated
    expect(rows).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    await new Promise((resolve) => setTimeout(resolve, 5)) // rxjs reports unhandled errors by a timer
    expect(unhandled).toEqual([])
    expect(warnings).toEqual([
      'an observer of events$ threw: metrics are broken',
      'an observer of progress$ threw: the page is broken',
    ])
  })
})

const distance = (a: { offset: number }, b: { offset: number }): number => b.offset - a.offset

describe('time', () => {
  it(
    'a whole batch runs inside virtual frames: the engine adds no promise of its own',
    marbles(({ expectObservable, cold }) => {
      const query = readStream(numberSource(() => 4)).writeStream(numberSink(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: cold('--a--b|'),
        limit: { maxRows: 2 },
      })
      expectObservable(query.pipe(map(({ batchId }) => String(batchId)))).toBe('--0--1|')
    }),
  )

  it('runs 100,000 synchronous batches without recursion', () => {
    const rows: number[] = []
    const { values } = outcomeOf(
      readStream(numberSource(() => 100_000)).writeStream(numberSink([], rows), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 1 },
        scheduler: new VirtualTimeScheduler(),
      }),
    )
    expect([values.length, rows.length]).toEqual([100_000, 100_000])
  })

  it(
    'fewer rows than minRows wait, but no longer than maxDelay',
    marbles(({ hot, expectObservable, scheduler }) => {
      let head = 0
      hot('-a-b--', { a: 2, b: 5 }).subscribe((value) => {
        head = value
      })
      const query = readStream(numberSource(() => head, [], { distance })).writeStream(numberSink(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: hot('--a-b----------c 20ms |'),
        limit: { minRows: 4, maxDelay: 10 },
        scheduler,
      })
      // 2 rows wait at c; 5 at e are enough. After that nothing is new until the trigger ends.
      expectObservable(query.pipe(map(({ numInputRows }) => numInputRows))).toBe('----a----------- 20ms |', { a: 5 })
    }),
  )

  it(
    'a held range is due by itself, without a tick of the trigger',
    marbles(({ hot, expectObservable, scheduler }) => {
      const query = readStream(numberSource(() => 2, [], { distance })).writeStream(numberSink(), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: hot('-a 30ms |'),
        limit: { minRows: 4, maxDelay: 10 },
        scheduler,
      })
      expectObservable(query.pipe(map(({ numInputRows }) => numInputRows))).toBe('- 10ms a 20ms |', { a: 2 })
    }),
  )
})

describe('an asynchronous pipeline', () => {
  it('delivers every row once with operators that delay', async () => {
    const rows: number[] = []
    const query = readStream(numberSource(() => 40))
      .pipe(concatMap((chunk) => of(chunk).pipe(delay(1))))
      .writeStream(numberSink([], rows, { write: async () => {} }), {
        ...base,
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 7 },
      })
    await query.start().terminated
    expect(rows).toEqual(Array.from({ length: 40 }, (_, n) => n))
  })
})
