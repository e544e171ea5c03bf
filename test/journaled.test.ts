import { from, interval, take, throwError, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { memorySink } from '../src/connectors/memory/sink.ts'
import { describeError, OptionError, PortError } from '../src/errors.ts'
import { snapshotEvery } from '../src/identity-window.ts'
import { type JournalOptions, journaled } from '../src/journaled.ts'
import { type Schema, schema } from '../src/schema.ts'
import type { AckedReader } from '../src/source.ts'
import { readStream } from '../src/stream.ts'
import { availableNow, once } from '../src/trigger.ts'
import { union } from '../src/union.ts'
import { numberSink, outcomeOf } from './engine/recording.ts'

const options = (checkpoint = memoryCheckpoint()) => ({
  name: 'q',
  checkpoint,
  trigger: once(),
  retry: { maxAttempts: 1 },
})

interface Reading {
  readonly n: number
}

/** A source that knows only "now", and a list of what it was asked. */
function thermometer(values: number[], calls: string[] = [], identity?: JournalOptions<Reading>) {
  return {
    name: 'thermometer',
    streamReader: () =>
      journaled(
        {
          initialOffset: () => ({ at: 0 }),
          read: ({ at }: { at: number }) => {
            calls.push(`read ${at}`)
            const n = values.shift()
            return n === undefined ? { rows: [], end: { at } } : { rows: [{ n }], end: { at: at + 1 } }
          },
          commit: ({ at }: { at: number }) => void calls.push(`commit ${at}`),
        },
        identity,
      ),
  }
}

/** A queue whose messages are delivered again until they are acknowledged. */
function queue(messages: Reading[], calls: string[], failAcks: { left: number } = { left: 0 }) {
  return (): AckedReader<{ delivered: number }, { from: number; to: number }, Reading> => {
    let base = 0
    return {
      kind: 'acked',
      initialOffset: () => ({ delivered: 0 }),
      latestOffset: ({ delivered }, { maxRows }) => {
        base = delivered
        return { delivered: delivered + Math.min(messages.length, maxRows) }
      },
      partitions: (start, end) =>
        start.delivered === end.delivered ? [] : [{ from: start.delivered, to: end.delivered }],
      *read(range) {
        yield messages.slice(range.from - base, range.to - base)
      },
      commit: ({ delivered }) => {
        if (failAcks.left-- > 0) throw new Error('connection lost')
        calls.push(`ack ${messages.splice(0, delivered - base).map(({ n }) => n)}`)
        base = delivered
      },
      release: () => void calls.push('release'),
    }
  }
}

describe('a journaled simple reader', () => {
  it('makes rows durable before anything happens to them, then commits the source, then reads the journal', () => {
    const calls: string[] = []
    outcomeOf(readStream(thermometer([7], calls)).writeStream(numberSink(calls), options()))
    expect(calls).toEqual([
      'sink start 1',
      'read 0',
      'commit 1',
      'begin 0',
      'open 0/0/0',
      'sink commit 0: 7',
      'sink stop',
    ])
  })

  it('replays the very rows, although the source can no longer tell them', () => {
    const checkpoint = memoryCheckpoint()
    const values = [7, 8]
    const calls: string[] = []
    const failing = numberSink([], [], { commit: () => throwError(() => new Error('down')) })
    expect(outcomeOf(readStream(thermometer(values)).writeStream(failing, options(checkpoint))).error).toBeInstanceOf(
      Error,
    )
    const { values: progress } = outcomeOf(
      readStream(thermometer(values, calls)).writeStream(numberSink(calls), options(checkpoint)),
    )
    expect(progress[0]).toMatchObject({ batchId: 0, replay: true })
    expect(calls).toContain('sink commit 0: 7')
    expect(calls.filter((call) => call.startsWith('read'))).toEqual([])
  })

  it('keeps dates, bigints and bytes', () => {
    const rows = [{ at: new Date(5), big: 2n ** 60n, bytes: new Uint8Array([1, 2]), none: null }]
    const sink = memorySink<object>()
    const source = {
      name: 'types',
      streamReader: () =>
        journaled({
          initialOffset: () => ({ at: 0 }),
          read: ({ at }: { at: number }) => (at === 0 ? { rows, end: { at: 1 } } : { rows: [], end: { at } }),
        }),
    }
    outcomeOf(readStream(source).writeStream(sink, options()))
    expect(sink.rows).toEqual(rows)
  })

  it.each([
    ['without an identity', undefined],
    ['with an identity', { identity: ({ n }: Reading) => String(n) }],
  ] as const)('%s is given the commit of the last batch again when it starts again', (_name, identity) => {
    const checkpoint = memoryCheckpoint()
    outcomeOf(readStream(thermometer([7], [], identity)).writeStream(numberSink(), options(checkpoint)))
    const calls: string[] = []
    outcomeOf(readStream(thermometer([8], calls, identity)).writeStream(numberSink(), options(checkpoint)))
    expect(calls).toEqual(['commit 1', 'read 1', 'commit 2'])
  })

  it('is given the commit that a crash kept from it: its rows are durable, although they are not written', () => {
    const checkpoint = memoryCheckpoint()
    const refuses = {
      name: 'thermometer',
      streamReader: () =>
        journaled({
          initialOffset: () => ({ at: 0 }),
          read: () => ({ rows: [{ n: 7 }], end: { at: 1 } }),
          commit: () => {
            throw new Error('connection lost')
          },
        }),
    }
    const { error } = outcomeOf(readStream(refuses).writeStream(numberSink(), options(checkpoint)))
    expect((error as Error).message).toContain('connection lost')
    const calls: string[] = []
    const rows: number[] = []
    outcomeOf(readStream(thermometer([], calls)).writeStream(numberSink([], rows), options(checkpoint)))
    expect([calls, rows]).toEqual([['commit 1'], [7]])
  })

  it('is given no commit when a new query starts', () => {
    const calls: string[] = []
    outcomeOf(readStream(thermometer([], calls)).writeStream(numberSink(), options()))
    expect(calls).toEqual(['read 0'])
  })

  it('refuses rows that do not move the offset', () => {
    const source = {
      name: 'stuck',
      streamReader: () =>
        journaled({ initialOffset: () => ({ at: 0 }), read: () => ({ rows: [{ n: 1 }], end: { at: 0 } }) }),
    }
    const { error } = outcomeOf(readStream(source).writeStream(numberSink(), options()))
    expect((error as Error).cause).toBeInstanceOf(PortError)
  })

  it('needs a checkpoint that keeps journals', () => {
    const store = memoryCheckpoint()
    const checkpoint = {
      ...store,
      open: (query: { sources: readonly string[] }) => {
        const { readJournal: _, ...session } = store.open(query) as object as { readJournal: unknown } & Awaited<
          ReturnType<typeof store.open>
        >
        return session
      },
    } as unknown as typeof store
    const { error } = outcomeOf(readStream(thermometer([1])).writeStream(numberSink(), options(checkpoint)))
    expect((error as Error).cause).toBeInstanceOf(OptionError)
  })
})

describe('a journaled source that is bound to its options', () => {
  it('keeps its name and schema, and has a fresh journal around a fresh reader on every start', () => {
    const made: string[] = []
    const checkpoint = memoryCheckpoint()
    const messages = [{ n: 1 }, { n: 2 }]
    const bound = {
      name: 'orders',
      schema: schema('n int not null') as Schema<Reading>,
      streamReader: () => {
        made.push('reader')
        return queue(messages, [])()
      },
    }
    const source = journaled(bound, { identity: ({ n }) => String(n) })
    expect(source).toMatchObject({ name: 'orders', schema: bound.schema })
    expect(made).toEqual([])
    const rows: number[] = []
    for (const more of [3, 4]) {
      outcomeOf(readStream(source).writeStream(numberSink([], rows), options(checkpoint)))
      messages.push({ n: 2 }, { n: more })
    }
    expect(rows).toEqual([1, 2, 3])
    expect(made).toHaveLength(2)
  })
})

describe('the window of identities of a journaled queue', () => {
  const identity = ({ n }: Reading) => String(n)
  const of = (outstanding: number, window?: number) =>
    journaled(
      { name: 'q', streamReader: () => ({ ...queue([], [])(), outstanding }) },
      window === undefined ? { identity } : { identity, window },
    )

  it.each([
    [500, 999],
    [6_000, 10_000],
  ])(
    'of %i outstanding messages must not be smaller than twice as many: %i is refused at start',
    (outstanding, window) => {
      const { error } = outcomeOf(readStream(of(outstanding, window)).writeStream(numberSink(), options()))
      expect(describeError(error)).toContain(`option "window" is ${window}`)
      expect(describeError(error)).toContain(`expected ${2 * outstanding} or more`)
    },
  )

  it.each([
    [500, 1_000],
    [6_000, undefined],
  ])('of %i outstanding messages may be %s', (outstanding, window) => {
    const outcome = outcomeOf(readStream(of(outstanding, window)).writeStream(numberSink(), options()))
    expect(outcome).toMatchObject({ complete: true })
  })

  it('without a setting grows with the queue: the first of 20,000 outstanding messages is known after the last', () => {
    const messages = Array.from({ length: 20_000 }, (_, n) => ({ n }))
    const again = messages.map(({ n }) => ({ n }))
    const rows: number[] = []
    const checkpoint = memoryCheckpoint()
    const source = () =>
      journaled({ name: 'q', streamReader: () => ({ ...queue(messages, [])(), outstanding: 20_000 }) }, { identity })
    const run = () =>
      outcomeOf(
        readStream(source()).writeStream(numberSink([], rows), {
          ...options(checkpoint),
          trigger: availableNow(),
          limit: { maxRows: 4_000 },
        }),
      )
    run()
    messages.push(...again)
    run()
    expect(rows).toHaveLength(20_000)
  })
})

describe('a journaled queue', () => {
  it.each([null, ''])('refuses a row whose identity is %j: it might be a repeat of any other', (none) => {
    const source = journaled({ name: 'q', streamReader: queue([{ n: 1 }], []) }, { identity: () => none })
    const rows: number[] = []
    const { error } = outcomeOf(readStream(source).writeStream(numberSink([], rows), options()))
    expect(describeError(error)).toContain('journaled: a row has no identity')
    expect(rows).toEqual([])
  })

  const numbered = (...ns: number[]) => ns.map((n) => ({ n }))

  it('is acknowledged right after the journal', () => {
    const calls: string[] = []
    const source = { name: 'queue', streamReader: () => journaled(queue(numbered(1, 2), calls)()) }
    outcomeOf(readStream(source).writeStream(numberSink(calls), options()))
    expect(calls).toEqual(['sink start 1', 'ack 1,2', 'begin 0', 'open 0/0/0', 'sink commit 0: 1 2', 'sink stop'])
  })

  it('is not acknowledged again when it starts again: its positions belong to a connection that is gone', () => {
    const checkpoint = memoryCheckpoint()
    const run = (messages: Reading[], calls: string[]) =>
      outcomeOf(
        readStream({ name: 'queue', streamReader: () => journaled(queue(messages, calls)()) }).writeStream(
          numberSink(),
          options(checkpoint),
        ),
      )
    run(numbered(1, 2), [])
    const calls: string[] = []
    run(numbered(3), calls)
    expect(calls).toEqual(['ack 3'])
  })

  describe('with an identity, in one run', () => {
    const identity = ({ n }: Reading) => String(n)
    const run = (messages: Reading[], maxRows: number) => {
      const rows: number[] = []
      const scheduler = new VirtualTimeScheduler()
      const query = readStream({
        name: 'queue',
        streamReader: () => journaled(queue(messages, [])(), { identity }),
      }).writeStream(numberSink([], rows), {
        ...options(),
        trigger: interval(1, scheduler).pipe(take(4)),
        limit: { maxRows },
        scheduler,
      })
      const { values } = outcomeOf(query)
      scheduler.flush()
      return { rows, inputRows: values.map(({ numInputRows }) => numInputRows) }
    }

    it('drops what is delivered again in a later batch', () => {
      expect(run(numbered(1, 2, 1, 2, 3, 1), 2)).toEqual({ rows: [1, 2, 3], inputRows: [2, 0, 1] })
    })

    it('drops what is delivered again in the same batch', () => {
      expect(run(numbered(1, 1, 2, 1), 4)).toEqual({ rows: [1, 2], inputRows: [2] })
    })
  })

  it('with an identity, keeps rows that were read and not journaled: they were delivered once', () => {
    const identity = ({ n }: Reading) => String(n)
    const inner = queue(numbered(1, 2), [])()
    let failures = 1
    // The other source of the union fails after this one was read, so that both are read again.
    const flaky = (): ReturnType<ReturnType<typeof queue>> => ({
      ...queue(numbered(10), [])(),
      *read() {
        if (failures-- > 0) throw new Error('connection lost')
        yield numbered(10)
      },
    })
    const rows: number[] = []
    const source = union({
      steady: { name: 'steady', streamReader: () => journaled(inner, { identity }) },
      flaky: { name: 'flaky', streamReader: () => journaled(flaky(), { identity }) },
    })
    const scheduler = new VirtualTimeScheduler()
    const outcome = outcomeOf(
      readStream(source).writeStream(numberSink([], rows), { ...options(), retry: { maxAttempts: 2 }, scheduler }),
    )
    scheduler.flush()
    expect([outcome.error, failures, rows]).toEqual([undefined, -1, [1, 2, 10]])
  })

  it.each([
    ['without an identity, what is delivered again is journaled again', {}, [1, 2, 1, 2, 3]],
    ['with an identity, it is recognised', { identity: ({ n }: Reading) => String(n) }, [1, 2, 3]],
  ] as const)('%s', (_name, identity, expected) => {
    const checkpoint = memoryCheckpoint()
    const messages = numbered(1, 2)
    const acks = { left: 1 }
    const rows: number[] = []
    const run = () =>
      outcomeOf(
        readStream({ name: 'queue', streamReader: () => journaled(queue(messages, [], acks)(), identity) }).writeStream(
          numberSink([], rows),
          { ...options(checkpoint), trigger: availableNow() },
        ),
      )
    expect((run().error as Error).message).toContain('connection lost')
    run()
    messages.push({ n: 3 })
    run()
    expect(rows).toEqual(expected)
  })

  it('remembers identities over many batches and restarts, as many as the window holds', () => {
    const checkpoint = memoryCheckpoint()
    const rows: number[] = []
    const messages: Reading[] = []
    const run = () =>
      outcomeOf(
        readStream({
          name: 'queue',
          streamReader: () => journaled(queue(messages, [])(), { identity: ({ n }) => String(n), window: 40 }),
        }).writeStream(numberSink([], rows), options(checkpoint)),
      )
    const total = snapshotEvery * 2 + 10
    for (let n = 0; n < total; n++) {
      messages.push({ n }, { n: Math.max(0, n - 5) }) // each comes again five batches later
      expect(run().error).toBeUndefined()
    }
    expect(rows).toEqual(Array.from({ length: total }, (_, n) => n))
    messages.push({ n: 1 }) // long out of the window
    run()
    expect(rows.at(-1)).toBe(1)
  })

  it('refuses a window whose journals were purged', () => {
    const checkpoint = memoryCheckpoint({ retain: 2 })
    const messages: Reading[] = []
    const run = () =>
      outcomeOf(
        readStream({
          name: 'queue',
          streamReader: () => journaled(queue(messages, [])(), { identity: ({ n }) => String(n) }),
        }).writeStream(numberSink(), options(checkpoint)),
      )
    const errors: unknown[] = []
    for (let n = 0; n < 8; n++) {
      messages.push({ n })
      errors.push(run().error)
    }
    expect(String(errors.find((error) => error !== undefined))).toContain(
      `must keep ${snapshotEvery + 1} batches or more`,
    )
  })

  it('takes 10,000 rows a batch unless somebody says otherwise', () => {
    const reader = journaled(queue([], [])())
    expect(reader.defaultLimit).toEqual({ maxRows: 10_000 })
  })

  it('reads many partitions one after the other', () => {
    const rows: number[] = []
    const inner = queue(numbered(...Array.from({ length: 2500 }, (_, n) => n)), [])()
    const source = {
      name: 'queue',
      streamReader: () =>
        journaled({
          ...inner,
          partitions: (start: { delivered: number }, end: { delivered: number }) =>
            Array.from({ length: 5 }, (_, i) => ({
              from: start.delivered + i * 500,
              to: Math.min(end.delivered, start.delivered + (i + 1) * 500),
            })),
          read: (range: { from: number; to: number }, context) => from(inner.read(range, context)),
        } as typeof inner),
    }
    outcomeOf(readStream(source).writeStream(numberSink([], rows), options()))
    expect(rows).toEqual(Array.from({ length: 2500 }, (_, n) => n))
  })
})
