import { NEVER, Subject } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { QueryRunningError } from '../../src/errors.ts'
import type { QueryEvent } from '../../src/events.ts'
import { journaled } from '../../src/journaled.ts'
import { runQuery } from '../../src/query.ts'
import { querySettings } from '../../src/query-options.ts'
import type { QuerySpec } from '../../src/query-spec.ts'
import { readStream } from '../../src/stream.ts'
import { Tracker } from '../../src/tracker.ts'
import { continuously } from '../../src/trigger.ts'
import {
  type Numbered,
  type NumberedOffset,
  type NumberedRange,
  numberSink,
  numberSource,
  numbers,
  outcomeOf,
} from './recording.ts'

const base = { name: 'q', retry: { maxAttempts: 1 } }

/** A query whose sink commits when it is told to. */
function slowCommit() {
  const calls: string[] = []
  const commit = new Subject<void>()
  const checkpoint = memoryCheckpoint()
  const source = numberSource(() => 10, calls)
  const sink = numberSink(calls, [], { commit: () => commit })
  const options = { ...base, checkpoint, trigger: continuously(), limit: { maxRows: 2 } }
  const query = readStream(source).writeStream(sink, options)
  const spec: QuerySpec<NumberedOffset, NumberedRange, Numbered, Numbered, readonly number[]> = {
    ...querySettings(options),
    source: { name: 'numbers', reader: source.streamReader, parts: ['numbers'] },
    operators: [],
    sink: { id: 'main', name: 'sink', writer: sink },
    schema: undefined,
  }
  return { calls, commit, query, spec }
}

describe('a cold query that is left', () => {
  it('tells that it stopped, once, when everything has settled and the lease is free', () => {
    const { calls, commit, spec } = slowCommit()
    let session: unknown
    const onEvent = ({ type }: QueryEvent): void => {
      if (type !== 'stopped') return
      calls.push(type)
      session = spec.checkpoint.open({ sources: ['numbers'] }) // throws while the lease is held
    }
    const controls = { kick$: NEVER, drain$: NEVER, tracker: new Tracker(), onEvent, onOutcome: () => {} }
    runQuery(spec, controls).subscribe().unsubscribe()
    expect(calls).not.toContain('stopped')
    commit.complete()
    expect(calls.slice(-4)).toEqual(['source commit 2', 'sink stop', 'source stop', 'stopped'])
    expect(calls.filter((call) => call === 'stopped')).toHaveLength(1)
    expect(session).toMatchObject({ epoch: 2 })
  })

  it('keeps its place until everything has settled: the next run begins only then', () => {
    const { calls, commit, query } = slowCommit()
    query.subscribe().unsubscribe()
    const before = [...calls]
    const next = outcomeOf(query)
    expect(calls).toEqual(before) // it waits, and opens nothing
    expect(outcomeOf(query).error).toBeInstanceOf(QueryRunningError) // it is the one that is running now
    expect(calls).toEqual(before)
    commit.complete()
    expect(calls.slice(before.length, before.length + 4)).toEqual([
      'source commit 2',
      'sink stop',
      'source stop',
      'sink start 2',
    ])
    expect(next.error).toBeUndefined()
  })

  it('keeps its place for a handle, too', async () => {
    const { calls, commit, query } = slowCommit()
    query.subscribe().unsubscribe()
    const run = query.start()
    await Promise.resolve()
    expect(calls).not.toContain('sink start 2')
    commit.complete()
    expect(calls).toContain('sink start 2')
    await run.stop()
  })
})

describe('stop', () => {
  it('is told of once, as the last event', async () => {
    const { commit, query } = slowCommit()
    const run = query.start()
    const events: QueryEvent['type'][] = []
    run.events$.subscribe(({ type }) => events.push(type))
    await Promise.resolve()
    const stopping = run.stop()
    expect(events).not.toContain('stopped')
    commit.complete()
    await stopping
    expect(events.indexOf('stopped')).toBe(events.length - 1)
  })
})

describe('drain', () => {
  type Held = 'latestOffset' | 'partitions'
  /** A query whose source lets one of its ports wait until it is told to go on. */
  function heldAt(port: Held) {
    const calls: string[] = []
    const held = new Subject<never>()
    const source = numberSource(() => 10, calls, {
      [port]: () => {
        calls.push(`held ${port}`)
        return held
      },
    })
    const query = readStream(source).writeStream(numberSink(calls), { ...base, checkpoint: memoryCheckpoint() })
    return { calls, held, query }
  }

  it.each<Held>(['latestOffset', 'partitions'])('while %s is in flight ends without a further batch', async (port) => {
    const { calls, held, query } = heldAt(port)
    const run = query.start()
    const events: QueryEvent['type'][] = []
    run.events$.subscribe(({ type }) => events.push(type))
    await Promise.resolve()
    expect(calls.at(-1)).toBe(`held ${port}`)
    expect(held.observed).toBe(true)
    await run.drain()
    expect(held.observed).toBe(false)
    expect(calls.slice(-3)).toEqual([`held ${port}`, 'sink stop', 'source stop'])
    expect(events).not.toContain('planned')
    expect([run.isActive, run.recentProgress]).toEqual([false, []])
  })

  it('does not cut off a journaled source: what it was asked for, it may have no more', async () => {
    const handed = new Subject<{ rows: Numbered[]; end: NumberedOffset }>()
    const source = {
      name: 'now',
      streamReader: () => journaled({ initialOffset: () => ({ offset: 0 }), read: (_start: NumberedOffset) => handed }),
    }
    const rows: number[] = []
    const run = readStream(source)
      .writeStream(numberSink([], rows), { ...base, checkpoint: memoryCheckpoint() })
      .start()
    await Promise.resolve()
    const drained = run.drain()
    handed.next({ rows: numbers(0, 2), end: { offset: 2 } })
    handed.complete()
    await drained
    expect(rows).toEqual([0, 1])
  })

  it('while a batch is in flight looks for no other, although a tick is waiting', async () => {
    const { calls, commit, query } = slowCommit()
    const run = query.start()
    await Promise.resolve()
    const looks = calls.filter((call) => call.startsWith('latestOffset')).length
    const processed = run.processAllAvailable() // asks for another look
    const drained = run.drain()
    commit.complete()
    await Promise.all([drained, processed])
    expect(calls.filter((call) => call.startsWith('latestOffset'))).toHaveLength(looks)
    expect(run.recentProgress.map(({ batchId }) => batchId)).toEqual([0])
  })
})

describe('a query that is stopped while everything answers at once', () => {
  it.each(['read', 'write', 'an observer of its chunks'] as const)(
    'ends in its %s, and its writer discards',
    async (where) => {
      const calls: string[] = []
      const chunks = 1_000
      const leave = (from: string): void => {
        if (from === where && calls.filter((call) => call.startsWith('chunk')).length === 3) void run.stop()
      }
      const source = numberSource(() => 1, [], {
        *read() {
          try {
            for (let n = 0; n < chunks; n++) {
              calls.push(`chunk ${n}`)
              leave('read')
              yield [{ n }]
            }
          } finally {
            calls.push('left')
          }
        },
      })
      const sink = numberSink(calls, [], { write: () => leave('write') })
      const run = readStream(source)
        .writeStream(sink, { ...base, checkpoint: memoryCheckpoint() })
        .start()
      run.events$.subscribe(({ type }) => {
        if (type === 'partition-progress') leave('an observer of its chunks')
      })
      await run.terminated
      expect(calls.filter((call) => call.startsWith('chunk'))).toHaveLength(3)
      // The generator is left as soon as it doesn't run.
      expect(calls.filter((call) => call === 'left')).toHaveLength(1)
      expect(calls.filter((call) => !/^chunk|^left/.test(call))).toEqual([
        'sink start 1',
        'begin 0',
        'open 0/0/0',
        'discard 0/0/0',
        'sink abort 0: ',
        'sink stop',
      ])
    },
  )
})
