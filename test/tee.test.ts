import fc from 'fast-check'
import {
  asyncScheduler,
  concat,
  firstValueFrom,
  ignoreElements,
  lastValueFrom,
  type Observable,
  of,
  tap,
  throwError,
  timer,
} from 'rxjs'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { memorySink } from '../src/connectors/memory/sink.ts'
import { memoryStream } from '../src/connectors/memory/source.ts'
import { noop } from '../src/connectors/noop/sink.ts'
import type { DeadLetter } from '../src/dead-letter.ts'
import { CommitInDoubtError, OptionError, PortError } from '../src/errors.ts'
import {
  computeGuarantee,
  type Guarantee,
  type GuaranteeInput,
  type GuaranteeLevel,
  guaranteeLevels,
} from '../src/guarantee.ts'
import { sequenceOffset } from '../src/offsets/sequence.ts'
import type { StreamWriter, WriterGuarantee } from '../src/sink.ts'
import { readStream } from '../src/stream.ts'
import { type TeeMessage, type TeeRow, tee } from '../src/tee.ts'
import { drive } from '../src/testing/driver.ts'
import { marbles } from '../src/testing/marbles.ts'
import { availableNow } from '../src/trigger.ts'

interface Row {
  readonly id: number
}

const once = { maxAttempts: 1 } as const

/** `count` rows, two to a chunk and four to a partition. */
function numbers(count: number) {
  function* read({ from, to }: { from: number; to: number }) {
    for (let id = from; id < to; id += 2) yield [{ id }, { id: id + 1 }].slice(0, to - id) as Row[]
  }
  return { ...sequenceOffset({ head: () => count, cut: { size: 4 } }), read }
}

type Answer = (port: string) => Observable<unknown> | undefined

/** A sink that notes its calls: `frame name port details`, and `… done` when an answer took its time. */
function spy(name: string, log: string[], answer: Answer = () => undefined, guarantee: WriterGuarantee = 'append') {
  const call = <T>(port: string, details: unknown, value: T): Observable<T> => {
    const note = (what: unknown) =>
      log.push(`${asyncScheduler.now()} ${name} ${port}${what === undefined ? '' : ` ${what}`}`)
    note(details === undefined ? undefined : JSON.stringify(details))
    const ends = answer(port)
    if (ends === undefined) return of(value)
    return concat(ends.pipe(ignoreElements(), tap({ complete: () => note('done') })), of(value))
  }
  const streamWriter = (): StreamWriter<Row, string> => ({
    guarantee,
    start: ({ sinkId }) => call('start', sinkId, undefined),
    begin: () => call('begin', undefined, 'write' as const),
    open: ({ partitionId, sinkId, idempotencyKey }) => {
      const key = idempotencyKey(0, 1).split('/').slice(1).join('/')
      return call('open', [sinkId, key], {
        write: (rows: readonly Row[]) =>
          call(
            'write',
            rows.map(({ id }) => id),
            undefined,
          ),
        finish: () => call('finish', undefined, `${name}${partitionId}`),
        discard: () => call('discard', undefined, undefined),
      })
    },
    commit: (messages) => call('commit', messages, undefined),
    abort: (messages) => call('abort', messages, undefined),
    stop: () => call('stop', undefined, undefined),
  })
  return { name: 'spy', streamWriter }
}

/** Fails the first `times` calls of a port. */
function failing(port: string, error: unknown, times = Infinity): Answer {
  let left = times
  return (called) => (called === port && left-- > 0 ? throwError(() => error) : undefined)
}

const fatal = Object.assign(new Error('fatal'), { retryable: false })
const calls = (log: readonly string[], ...ports: readonly string[]) =>
  log.filter((entry) => ports.includes(entry.split(' ')[2] ?? ''))

describe('the calls of a batch', () => {
  it(
    'go to all sinks, in the order of their names as given, addressed to each by its name',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const sink = tee({ table: spy('t', log), live: spy('l', log) })
      expectObservable(drive({ reader: numbers(3), trigger: cold('a|'), sink, sinkId: 'main' }).ranges$).toBe('x|', {
        x: '[0, 3)',
      })
      flush()
      expect(log).toEqual([
        '0 t start "table"',
        '0 l start "live"',
        '0 t begin',
        '0 l begin',
        '0 t open ["table","table/0/0/0/1"]',
        '0 l open ["live","live/0/0/0/1"]',
        '0 t write [0,1]',
        '0 l write [0,1]',
        '0 t write [2]',
        '0 l write [2]',
        '0 t finish',
        '0 l finish',
        '0 t commit ["t0"]',
        '0 l commit ["l0"]',
        '1 t stop',
        '1 l stop',
      ])
    }),
  )

  it(
    'write side by side; the next chunk comes when the slowest sink has taken this one',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const takes =
        (diagram: string): Answer =>
        (port) =>
          port === 'write' ? cold(diagram) : undefined
      const sink = tee({ slow: spy('s', log, takes('---|')), quick: spy('q', log, takes('-|')) })
      expectObservable(drive({ reader: numbers(4), trigger: cold('a|'), sink }).ranges$).toBe('------(x|)', {
        x: '[0, 4)',
      })
      flush()
      expect(calls(log, 'write')).toEqual([
        '0 s write [0,1]',
        '0 q write [0,1]',
        '1 q write done',
        '3 s write done',
        '3 s write [2,3]',
        '3 q write [2,3]',
        '4 q write done',
        '6 s write done',
      ])
    }),
  )

  it(
    'commit one after the other, each with its own messages by partition',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const takes: Answer = (port) => (port === 'commit' ? cold('--|') : undefined)
      const sink = tee({ a: spy('a', log, takes), b: spy('b', log, takes) })
      expectObservable(drive({ reader: numbers(8), trigger: cold('a|'), sink }).ranges$).toBe('----(x|)', {
        x: '[0, 8)',
      })
      flush()
      expect(calls(log, 'commit')).toEqual([
        '0 a commit ["a0","a1"]',
        '2 a commit done',
        '2 b commit ["b0","b1"]',
        '4 b commit done',
      ])
    }),
  )

  it(
    'commit a batch without partitions, too',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const reader = { ...numbers(3), partitions: () => [] }
      const { ranges$ } = drive({ reader, trigger: cold('a|'), sink: tee({ a: spy('a', log), b: spy('b', log) }) })
      expectObservable(ranges$).toBe('x|', { x: '[0, 3)' })
      flush()
      expect(calls(log, 'open', 'commit')).toEqual(['0 a commit []', '0 b commit []'])
    }),
  )
})

describe('a sink that holds the batch already', () => {
  const holding = (name: string, log: string[]) => {
    const { streamWriter } = spy(name, log)
    return (): StreamWriter<Row, string> => ({ ...streamWriter(), begin: () => 'committed' })
  }

  it(
    'is passed over while the others write',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const sink = tee({ a: holding('a', log), b: spy('b', log) })
      expectObservable(drive({ reader: numbers(2), trigger: cold('a|'), sink }).ranges$).toBe('x|', { x: '[0, 2)' })
      flush()
      expect(calls(log, 'open', 'write', 'finish', 'commit')).toEqual([
        '0 b open ["b","b/0/0/0/1"]',
        '0 b write [0,1]',
        '0 b finish',
        '0 b commit ["b0"]',
      ])
    }),
  )

  it(
    'is one of many: when all hold it, the batch is not even read',
    marbles(({ cold, expectObservable }) => {
      const log: string[] = []
      const sink = tee({ a: holding('a', log), b: holding('b', log) })
      const reader = { ...numbers(2), read: () => cold<readonly Row[]>('#') }
      expectObservable(drive({ reader, trigger: cold('a|'), sink }).ranges$).toBe('x|', { x: '[0, 2)' })
    }),
  )

  it(
    'is asked anew in the next batch',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const { streamWriter } = spy('a', log)
      const first = (): StreamWriter<Row, string> => ({
        ...streamWriter(),
        begin: ({ batchId }) => (batchId === 0 ? 'committed' : 'write'),
      })
      const limit = { maxRows: 1 }
      const { ranges$ } = drive({ reader: numbers(2), trigger: cold('ab|'), sink: tee({ a: first, b: noop() }), limit })
      expectObservable(ranges$).toBe('xy|', { x: '[0, 1)', y: '[1, 2)' })
      flush()
      expect(calls(log, 'write', 'commit')).toEqual(['1 a write [1]', '1 a commit ["a0"]'])
    }),
  )

  it(
    'must say so in one of the two words',
    marbles(({ cold, expectObservable }) => {
      const { streamWriter } = spy('a', [])
      const vague = () => ({ ...streamWriter(), begin: () => 'yes' as 'write' })
      const { ranges$ } = drive({ reader: numbers(2), trigger: cold('a|'), sink: tee({ a: noop(), b: vague }) })
      const error = new PortError('begin of sink b must answer with "write" or "committed", and it answered with "yes"')
      expectObservable(ranges$).toBe('#', undefined, error)
    }),
  )
})

describe('when one sink fails', () => {
  it(
    'to open, those that have opened discard before the next attempt',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const sink = tee({ a: spy('a', log), b: spy('b', log, failing('open', new Error('once'), 1)), c: spy('c', log) })
      expectObservable(drive({ reader: numbers(1), trigger: cold('a|'), sink }).ranges$).toBe('100ms (x|)', {
        x: '[0, 1)',
      })
      flush()
      expect(calls(log, 'open', 'discard').map((entry) => entry.split(' ', 3).join(' '))).toEqual([
        '0 a open',
        '0 b open',
        '0 a discard',
        '100 a open',
        '100 b open',
        '100 c open',
      ])
    }),
  )

  it(
    'to write, the others settle before all discard',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const slow: Answer = (port) => (port === 'write' ? cold('---|') : undefined)
      const sink = tee({ a: spy('a', log, failing('write', fatal)), b: spy('b', log, slow) })
      expectObservable(drive({ reader: numbers(4), trigger: cold('a|'), sink }).ranges$).toBe('---#', undefined, fatal)
      flush()
      expect(calls(log, 'write', 'discard', 'abort')).toEqual([
        '0 a write [0,1]',
        '0 b write [0,1]',
        '3 b write done',
        '3 a discard',
        '3 b discard',
        '3 a abort [null]',
        '3 b abort [null]',
      ])
    }),
  )

  it(
    'in one partition, abort gives each sink its own messages, and nothing for that partition',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      let writes = 0
      const thirdWrite: Answer = (port) => (port === 'write' && ++writes === 3 ? throwError(() => fatal) : undefined)
      const sink = tee({ a: spy('a', log), b: spy('b', log, thirdWrite) })
      const { ranges$ } = drive({ reader: numbers(8), trigger: cold('a|'), sink, concurrency: 1 })
      expectObservable(ranges$).toBe('#', undefined, fatal)
      flush()
      expect(calls(log, 'abort', 'commit')).toEqual(['0 a abort ["a0",null]', '0 b abort ["b0",null]'])
    }),
  )

  it(
    'to finish, the one that has finished discards as well',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const sink = tee({ a: spy('a', log), b: spy('b', log, failing('finish', fatal)) })
      expectObservable(drive({ reader: numbers(1), trigger: cold('a|'), sink }).ranges$).toBe('#', undefined, fatal)
      flush()
      expect(calls(log, 'finish', 'discard')).toEqual(['0 a finish', '0 b finish', '0 a discard', '0 b discard'])
    }),
  )

  it(
    'to discard, to abort or to stop, the others still do',
    marbles(({ cold, expectObservable, flush }) => {
      for (const port of ['discard', 'abort', 'stop']) {
        const log: string[] = []
        const broken: Answer = (called) => failing('write', fatal)(called) ?? failing(port, fatal)(called)
        const sink = tee({ a: spy('a', log, broken), b: spy('b', log) })
        expectObservable(drive({ reader: numbers(1), trigger: cold('a|'), sink }).ranges$).toBe('#', undefined, fatal)
        flush()
        expect(log.filter((entry) => entry.split(' ')[1] === 'b').slice(-3)).toEqual([
          '0 b discard',
          '0 b abort [null]',
          '0 b stop',
        ])
      }
    }),
  )

  it(
    'as another does, the error holds both, and is worth a retry only when both are',
    marbles(({ cold, expectObservable }) => {
      const passing = new Error('passing')
      const ranges = (a: Answer, b: Answer) =>
        drive({ reader: numbers(1), trigger: cold('a|'), sink: tee({ a: spy('a', [], a), b: spy('b', [], b) }) })
          .ranges$
      const bothPass = ranges(failing('write', passing, 1), failing('write', passing, 1))
      expectObservable(bothPass).toBe('100ms (x|)', { x: '[0, 1)' })
      const oneIsFatal = ranges(failing('write', passing, 1), failing('write', fatal, 1))
      const error = Object.assign(new AggregateError([passing, fatal], 'passing; fatal'), { retryable: false })
      expectObservable(oneIsFatal).toBe('#', undefined, error)
    }),
  )

  it(
    'to commit, the repeat goes to all of them, with the same messages',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const sink = tee({ a: spy('a', log), b: spy('b', log, failing('commit', new Error('once'), 1)) })
      expectObservable(drive({ reader: numbers(1), trigger: cold('a|'), sink }).ranges$).toBe('100ms (x|)', {
        x: '[0, 1)',
      })
      flush()
      expect(calls(log, 'commit', 'abort')).toEqual([
        '0 a commit ["a0"]',
        '0 b commit ["b0"]',
        '100 a commit ["a0"]',
        '100 b commit ["b0"]',
      ])
    }),
  )
})

describe('a crash between the commits of two sinks', () => {
  const outage = new Error('down')
  const inDoubt = new CommitInDoubtError('whether the sink holds batch 0 is unknown: down', { cause: outage })
  const downAtFirst = (sink: ReturnType<typeof memorySink<Row>>) => () => {
    const writer = sink.streamWriter()
    return {
      ...writer,
      commit: (...args: Parameters<typeof writer.commit>) =>
        asyncScheduler.now() < 5 ? throwError(() => outage) : writer.commit(...args),
    }
  }

  it(
    'leaves each transactional sink with every row once, after the replay',
    marbles(({ cold, expectObservable, flush }) => {
      const [table, live] = [memorySink<Row>(), memorySink<Row>()]
      const sink = tee({ table, live: downAtFirst(live) })
      const { ranges$ } = drive({ reader: numbers(3), trigger: cold('a|'), sink, retry: once })
      expectObservable(ranges$).toBe('       #', undefined, inDoubt)
      expectObservable(ranges$, '-----^').toBe('-----x|', { x: '[0, 3)' })
      expectObservable(timer(2).pipe(tap(() => expect([table.rows.length, live.rows.length]).toEqual([3, 0])))).toBe(
        '--(a|)',
        { a: 0 },
      )
      flush()
      const all = [{ id: 0 }, { id: 1 }, { id: 2 }]
      expect([table.rows, live.rows]).toEqual([all, all])
    }),
  )

  it(
    'repeats the rows in a sink that appends',
    marbles(({ cold, expectObservable, flush }) => {
      const log: string[] = []
      const sink = tee({ log: spy('a', log), live: downAtFirst(memorySink<Row>()) })
      const { ranges$ } = drive({ reader: numbers(2), trigger: cold('a|'), sink, retry: once })
      expectObservable(ranges$).toBe('       #', undefined, inDoubt)
      expectObservable(ranges$, '-----^').toBe('-----x|', { x: '[0, 2)' })
      flush()
      expect(calls(log, 'write')).toEqual(['0 a write [0,1]', '5 a write [0,1]'])
    }),
  )

  it('or anywhere else, before or after the effect: every row once in each, in order', () => {
    const ports = ['begin', 'open', 'write', 'finish', 'commit'] as const
    const fault = fc.record({
      child: fc.constantFrom('a', 'b', 'c'),
      port: fc.constantFrom(...ports),
      after: fc.boolean(),
      skip: fc.nat(3),
    })
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 8 }), fc.integer({ min: 1, max: 2 }), (faults, maxAttempts) => {
        marbles(({ cold, flush }) => {
          const left = faults.map((one) => ({ ...one }))
          /** Calls the port, unless a fault is due before it; fails after its effect where one is due then. */
          const faulty = <T>(child: string, port: string, call: () => T): T => {
            const due = left.find((one) => one.child === child && one.port === port)
            const fails = due !== undefined && due.skip-- === 0
            if (fails) left.splice(left.indexOf(due), 1)
            if (fails && !due.after) throw new Error(`${child} ${port}`)
            const answer = call()
            if (fails) throw new Error(`${child} ${port}, done`)
            return answer
          }
          const sinks = { a: memorySink<Row>(), b: memorySink<Row>(), c: memorySink<Row>() }
          const shaky = (name: keyof typeof sinks) => () => {
            const writer = sinks[name].streamWriter()
            const shakyWriter: typeof writer = {
              ...writer,
              begin: (batch) => faulty(name, 'begin', () => writer.begin?.(batch) ?? 'write'),
              open: (context) =>
                faulty(name, 'open', () => {
                  const partition = writer.open(context) as Exclude<
                    ReturnType<typeof writer.open>,
                    PromiseLike<unknown> | Observable<unknown>
                  >
                  return {
                    write: (chunk) => faulty(name, 'write', () => partition.write(chunk)),
                    finish: () => faulty(name, 'finish', () => partition.finish()),
                  }
                }),
              commit: (...args) => faulty(name, 'commit', () => writer.commit(...args)),
            }
            return shakyWriter
          }
          const sink = tee({ a: shaky('a'), b: shaky('b'), c: shaky('c') })
          const { ranges$ } = drive({
            reader: numbers(10),
            trigger: cold('abc|'),
            sink,
            limit: { maxRows: 6 },
            retry: { maxAttempts },
            restart: { maxAttempts: 20 },
          })
          let ended: unknown
          ranges$.subscribe({
            error: (error: unknown) => {
              ended = error
            },
            complete: () => {
              ended = 'complete'
            },
          })
          flush()
          expect(ended).toBe('complete')
          const all = Array.from({ length: 10 }, (_, id) => ({ id }))
          for (const { rows } of Object.values(sinks)) expect(rows).toEqual(all)
        })()
      }),
      { numRuns: 200 },
    )
  })
})

describe('the guarantee', () => {
  const guarantees: readonly WriterGuarantee[] = [
    'transactional',
    { idempotent: 'key' },
    { idempotent: 'position' },
    'append',
  ]
  const weakest = (...all: readonly WriterGuarantee[]) =>
    tee(Object.fromEntries(all.map((guarantee, i) => [`s${i}`, spy('s', [], undefined, guarantee)]))).streamWriter()
      .guarantee

  it('is the weakest', () => {
    expect(weakest('transactional', 'append')).toBe('append')
    expect(weakest('transactional', 'transactional')).toBe('transactional')
    expect(weakest({ idempotent: 'key' }, { idempotent: 'key' })).toEqual({ idempotent: 'key' })
    expect(weakest({ idempotent: 'key' }, { idempotent: 'position' })).toEqual({ idempotent: 'position' })
    expect(weakest('transactional', { idempotent: 'position' }, 'transactional')).toEqual({ idempotent: 'position' })
  })

  it('never lets a query promise more than with each of its sinks, and no less than with the worst', () => {
    const inputs: Omit<GuaranteeInput, 'writer'>[] = []
    for (const reader of ['replayable', 'acked', 'journaled'] as const)
      for (const identity of [true, false])
        for (const deterministic of [true, false])
          for (const durable of [true, false]) inputs.push({ reader, identity, deterministic, durable })
    const level = (input: Omit<GuaranteeInput, 'writer'>, writer: WriterGuarantee) =>
      guaranteeLevels.indexOf(computeGuarantee({ ...input, writer }).level)
    for (const a of guarantees)
      for (const b of guarantees)
        for (const input of inputs)
          expect([a, b, input, level(input, weakest(a, b))]).toEqual([
            a,
            b,
            input,
            Math.min(level(input, a), level(input, b)),
          ])
  })
})

describe('each sink', () => {
  const query = (require: GuaranteeLevel | undefined, deadLetters?: () => StreamWriter<DeadLetter, unknown>) => {
    const table = spy('table', [], undefined, 'transactional')
    const live = spy('live', [], undefined, { idempotent: 'position' })
    return readStream({ name: 'numbers', streamReader: () => numbers(4) }).writeStream(
      tee({ table, live }) as unknown as () => StreamWriter<Row, unknown>,
      {
        name: 'q',
        checkpoint: { ...memoryCheckpoint(), durable: true },
        trigger: availableNow(),
        ...(require !== undefined && { require }),
        ...(deadLetters !== undefined && { deadLetters: deadLetters as never }),
      },
    )
  }

  it('has its own guarantee in the progress and at start, with the reason, beside that of the whole', async () => {
    const run = query(undefined).start()
    const started: Guarantee[] = []
    run.events$.subscribe((event) => event.type === 'started' && started.push(event.guarantee))
    const progress = await firstValueFrom(run.progress$)
    await run.terminated
    expect(progress.guarantee).toMatchObject({
      level: 'effectively-once',
      sinks: {
        table: { level: 'exactly-once', reason: expect.stringContaining('the sink takes each batch once') },
        live: { level: 'effectively-once', reason: expect.stringContaining('idempotency keys') },
      },
    })
    expect(Object.keys(progress.guarantee.sinks ?? {})).toEqual(['table', 'live'])
    expect(started).toEqual([progress.guarantee])
    expect(JSON.parse(JSON.stringify(progress)).guarantee).toEqual(progress.guarantee)
  })

  it('is named where it gives less than the query requires', async () => {
    await expect(lastValueFrom(query('exactly-once'))).rejects.toThrow(
      'it requires exactly-once, and it can give effectively-once: sink "live": a replayed batch repeats its requests',
    )
    expect((await lastValueFrom(query('effectively-once'))).guarantee.level).toBe('effectively-once')
  })

  it('has the one of the dead letters beside it', async () => {
    const dead = spy('dead', [], undefined, 'append') as unknown as () => StreamWriter<DeadLetter, unknown>
    const { guarantee } = await lastValueFrom(query(undefined, dead))
    expect(guarantee.level).toBe('at-least-once')
    expect(Object.entries(guarantee.sinks ?? {}).map(([id, { level }]) => [id, level])).toEqual([
      ['table', 'exactly-once'],
      ['live', 'effectively-once'],
      ['dead-letters', 'at-least-once'],
    ])
  })

  it('of a sink that is one is not told: the whole is it', async () => {
    const one = readStream({ name: 'numbers', streamReader: () => numbers(4) }).writeStream(
      spy('one', [], undefined, 'transactional') as unknown as () => StreamWriter<Row, unknown>,
      { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow() },
    )
    expect((await lastValueFrom(one)).guarantee).not.toHaveProperty('sinks')
  })
})

describe('types', () => {
  const table = memorySink<{ id: number; name: string | null }>()
  const live = (): StreamWriter<{ id: number; at: Date }, bigint> => ({
    guarantee: 'append',
    open: () => ({ write: () => undefined, finish: () => 1n }),
    commit: () => undefined,
  })
  const both = tee({ table, live, nothing: noop() })

  it('rows need the columns of all sinks', () => {
    const whole = memoryStream<{ id: number; name: string; at: Date; more: boolean }>()
    const partial = memoryStream<{ id: number; name: string }>()
    const options = { name: 'q', checkpoint: { open: () => expect.unreachable() } }
    readStream(whole).writeStream(both, options)
    // @ts-expect-error the rows lack the column `at`
    readStream(partial).writeStream(both, options)
    const contrary = tee({ a: memorySink<{ kind: 'a' }>(), b: memorySink<{ kind: 'b' }>() })
    // @ts-expect-error no row suits both
    readStream(memoryStream<{ kind: 'a' }>()).writeStream(contrary, options)
    expectTypeOf<TeeRow<{ a: typeof table; b: typeof live }>>().toEqualTypeOf<
      { id: number; name: string | null } & { id: number; at: Date }
    >()
  })

  it('messages are records by name', () => {
    type Messages = TeeMessage<{ table: typeof table; live: typeof live }>
    expectTypeOf<Messages>().toEqualTypeOf<{
      readonly table?: readonly { id: number; name: string | null }[]
      readonly live?: bigint
    }>()
  })
})

describe('options', () => {
  it('are at least one sink, under names that keep their places', () => {
    expect(() => tee({})).toThrow(OptionError)
    expect(() => tee({ b: noop(), 1: noop() })).toThrow(/must be a word, and this is "1"/)
    expect(() => tee({ '': noop() })).toThrow(OptionError)
    expect(tee({ only: noop() }).name).toBe('tee')
  })

  it('make fresh writers for each run', () => {
    let made = 0
    const counting = () => {
      made += 1
      return noop().streamWriter()
    }
    const sink = tee({ counting })
    expect(made).toBe(0)
    sink.streamWriter()
    sink.streamWriter()
    expect(made).toBe(2)
  })
})
