import { NEVER, type Observable, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { recoverBatch } from '../../operators/recover-batch.ts'
import type { CheckpointSession, Recovered } from '../../src/checkpoint/checkpoint.ts'
import { CheckpointCorruptError, OffsetError } from '../../src/errors.ts'
import { QueryLog } from '../../src/query-log.ts'
import type { Result } from '../../src/result.ts'
import { type AckedReader, type JournalPort, journalPort, type ReplayableReader } from '../../src/source.ts'
import { type MarblesContext, marbles } from '../../src/testing/marbles.ts'
import { outcomeOf, type Position, plan, sessionOf, testContext, throwIt } from './a-run.ts'

type Port = 'initialOffset' | 'latestOffset' | 'partitions' | 'read' | 'commit' | 'release' | 'write' | 'bind'
type Answers = Partial<Record<Port, () => Result<unknown>>>
const done = plan(['d0'], 3)
const pending = plan(['p0', 'p1'], 4)
const initial = { offset: 5 }

/** A source and a log whose calls are noted with their time. */
function scene(
  { scheduler }: Pick<MarblesContext, 'scheduler'>,
  recovered: Recovered,
  answers: Answers = {},
  kind: 'replayable' | 'acked' | 'journaled' = 'replayable',
) {
  const steps: string[] = []
  const take = <T>(port: Port, detail: unknown, answer: T): Result<T> => {
    steps.push(`${scheduler.now()} ${port} ${JSON.stringify(detail)}`)
    const given = answers[port]?.()
    return given === undefined ? answer : (given as Result<T>)
  }
  const base = {
    initialOffset: () => take('initialOffset', null, initial),
    latestOffset: (start: Position) => take('latestOffset', start, start),
    partitions: (start: Position, end: Position) => take('partitions', [start.offset, end.offset], ['n0']),
    read: () => throwIt('read is not asked here'),
    partitionKey: (partition: string) => `key of ${partition}`,
    commit: (end: Position) => take<unknown>('commit', end.offset, undefined),
  }
  const journal: JournalPort = {
    acked: true,
    identity: false,
    bind: (_session: CheckpointSession, last) => take<unknown>('bind', last?.batchId ?? null, undefined),
    capture: () => throwIt('not here'),
    captured: () => throwIt('not here'),
  }
  const reader: ReplayableReader<Position, string, object> | AckedReader<Position, string, object> =
    kind === 'acked'
      ? { ...base, kind, release: (start, end) => take<unknown>('release', [start, end], undefined) }
      : { ...base, ...(kind === 'journaled' ? { [journalPort]: journal } : {}) }
  const session = sessionOf({ recovered, write: (records) => take<unknown>('write', records, undefined) })
  const log = new QueryLog(session)
  const context = testContext({ scheduler })
  return { steps, log, context, session, recovery: recoverBatch(reader, log, context) }
}

describe('recoverBatch', () => {
  it(
    'logs the initial offset of a new query, and that is all',
    marbles((m) => {
      const answers = { initialOffset: () => m.cold('--(i|)', { i: initial }), write: () => m.cold('---|') }
      const { steps, log, recovery } = scene(m, {}, answers)
      m.expectObservable(recovery).toBe('-----|')
      m.flush()
      expect(steps).toEqual(['0 initialOffset null', '2 write [{"initial":{"offset":5}}]'])
      expect(log.position).toEqual(initial)
    }),
  )

  it.each<[string, Recovered, 'replayable' | 'acked' | 'journaled', readonly string[]]>([
    ['an initial offset only', { initial }, 'replayable', []],
    ['a finished batch', { initial, done }, 'replayable', ['0 commit 40']],
    ['a finished batch of Spark, without an initial offset', { done }, 'replayable', ['0 commit 40']],
    ['a finished batch of a queue, whose connection is gone', { initial, done }, 'acked', []],
    ['an initial offset of a queue', { initial }, 'acked', []],
    ['a finished batch of a journaled source', { initial, done }, 'journaled', ['0 bind 3', '0 commit 40']],
    [
      'nothing, of a journaled source',
      {},
      'journaled',
      ['0 bind null', '0 initialOffset null', '0 write [{"initial":{"offset":5}}]'],
    ],
  ])('gives out no batch after %s', (_what, recovered, kind, expected) =>
    marbles((m) => {
      const { steps, recovery } = scene(m, recovered, {}, kind)
      m.expectObservable(recovery).toBe('|')
      m.flush()
      expect(steps).toEqual(expected)
    })(),
  )

  it.each<['replayable' | 'journaled', readonly string[]]>([
    ['replayable', ['0 commit 40']],
    ['journaled', ['0 bind 4', '0 commit 40']],
  ])('gives out a batch that was planned, as it was planned, and asks a %s source nothing about it', (kind, expected) =>
    marbles((m) => {
      const { steps, recovery, context } = scene(m, { initial, done, pending }, { commit: () => m.cold('--|') }, kind)
      const seen: unknown[] = []
      recovery.subscribe((batch) => {
        seen.push(
          m.scheduler.now(),
          batch.planned,
          batch.replay,
          batch.tasks.map(({ key }) => key),
        )
      })
      m.flush()
      expect(seen).toEqual([2, pending, true, ['key of p0', 'key of p1']])
      expect(steps).toEqual(expected)
      expect(context.events).toEqual([
        { type: 'planned', batchId: 4, start: { offset: 40 }, end: { offset: 50 }, partitions: 2, replay: true },
      ])
    })(),
  )

  it(
    'gives out a planned first batch, before which nothing was committed',
    marbles((m) => {
      const { steps, recovery } = scene(m, { initial, pending: plan() })
      const seen: unknown[] = []
      recovery.subscribe(({ planned }) => seen.push(planned))
      expect(seen).toEqual([plan()])
      expect(steps).toEqual([])
    }),
  )

  it(
    'closes a planned batch of a queue as abandoned, and says so once that is logged',
    marbles((m) => {
      const { log, steps, recovery, context } = scene(
        m,
        { initial, done, pending },
        { write: () => m.cold('---|') },
        'acked',
      )
      m.expectObservable(recovery).toBe('---|')
      m.scheduler.schedule(() => expect(context.events).toEqual([]), 2)
      m.flush()
      expect(steps).toEqual(['0 write [{"done":4,"outcome":"abandoned"}]'])
      expect(context.events).toEqual([{ type: 'done', batchId: 4, outcome: 'abandoned' }])
      expect(log.recovered).toEqual({ initial, done: pending })
      expect([log.nextBatchId, log.position]).toEqual([5, { offset: 50 }])
    }),
  )

  it(
    'says nothing of a batch whose end could not be logged',
    marbles((m) => {
      const { recovery, context } = scene(m, { initial, pending }, { write: () => throwIt('disk') }, 'acked')
      m.expectObservable(recovery).toBe('#', {}, 'disk')
      m.flush()
      expect(context.events).toEqual([])
    }),
  )

  it(
    'starts clean when it is subscribed to again: it finds what it logged the first time',
    marbles((m) => {
      const { steps, recovery } = scene(m, {})
      recovery.subscribe()
      recovery.subscribe()
      expect(steps).toEqual(['0 initialOffset null', '0 write [{"initial":{"offset":5}}]'])
    }),
  )

  it('calls the source by its methods', async () => {
    class Source implements Pick<ReplayableReader<Position, string, object>, 'initialOffset' | 'commit'> {
      readonly committed: Position[] = []
      initialOffset() {
        return { offset: this.committed.length }
      }
      commit(end: Position) {
        this.committed.push(end)
      }
      latestOffset = () => throwIt('not here')
      partitions = () => throwIt('not here')
      read = () => throwIt('not here')
    }
    const source = new Source()
    const log = new QueryLog(sessionOf())
    expect(await outcomeOf(recoverBatch(source, log, testContext()))).toEqual({ values: [] })
    expect(log.position).toEqual({ offset: 0 })
    const again = new QueryLog(sessionOf({ recovered: { initial, done } }))
    expect(await outcomeOf(recoverBatch(source, again, testContext()))).toEqual({ values: [] })
    expect(source.committed).toEqual([{ offset: 40 }])
  })
})

describe('a recovery that fails', () => {
  it.each<[Port, Recovered, string]>([
    ['initialOffset', {}, '20ms #'],
    ['commit', { done, pending }, '20ms #'],
    ['bind', {}, '20ms #'],
    ['write', {}, '#'],
  ])('goes no further when %s does, whether it throws or its Observable fails', (port, recovered, expected) => {
    for (const answer of [() => throwIt('down'), () => throwError(() => 'down')]) {
      marbles((m) => {
        const { steps, recovery } = scene(m, recovered, { [port]: answer }, 'journaled')
        m.expectObservable(recovery).toBe(expected, {}, 'down')
        m.flush()
        expect(steps.at(-1)).toContain(port)
      })()
    }
  })

  it(
    'logs no initial offset that is none',
    marbles((m) => {
      const { steps, recovery } = scene(m, {}, { initialOffset: () => of({ offset: 0.5 }) })
      let failure: unknown
      recovery.subscribe({
        error: (error: unknown) => {
          failure = error
        },
      })
      expect(failure).toBeInstanceOf(OffsetError)
      expect(steps).toEqual(['0 initialOffset null'])
    }),
  )

  it.each<[Port, Recovered, (m: MarblesContext) => Observable<unknown>]>([
    ['initialOffset', {}, (m) => m.cold('-----(i|)', { i: initial })],
    ['commit', { done, pending }, (m) => m.cold('-----|')],
    ['commit', { done, pending }, () => NEVER],
  ])('leaves a pending %s when nobody listens any more, and does nothing after it', (port, recovered, answer) =>
    marbles((m) => {
      const { steps, recovery, context } = scene(m, recovered, { [port]: () => answer(m) })
      m.expectObservable(recovery, '^--!').toBe('---')
      m.flush()
      expect(steps).toHaveLength(1)
      expect(context.events).toEqual([])
    })(),
  )
})

describe('a batch that Spark planned', () => {
  const unplanned = { batchId: 4, start: { offset: 40 }, end: { offset: 50 } }

  it(
    'gets its partitions from the source and into the log, and is run as it was planned',
    marbles((m) => {
      const { steps, recovery, log } = scene(m, { initial, done, unplanned })
      const seen: unknown[] = []
      recovery.subscribe(({ planned, replay }) => seen.push(planned, replay))
      expect(seen).toEqual([plan(['n0'], 4), true])
      expect(steps).toEqual([
        '0 commit 40',
        '0 partitions [40,50]',
        `0 write ${JSON.stringify([{ plan: { queryId: 'q', batchId: 4, start: { offset: 40 }, end: { offset: 50 }, partitions: ['n0'] } }])}`,
      ])
      expect(log.recovered).toEqual({ initial, done, pending: plan(['n0'], 4) })
    }),
  )

  it(
    'starts at the initial offset where its start is unknown',
    marbles((m) => {
      const { steps, recovery } = scene(m, { unplanned: { batchId: 0, end: { offset: 9 } } })
      const seen: unknown[] = []
      recovery.subscribe(({ start, end, batchId }) => seen.push(batchId, start, end))
      expect(seen).toEqual([0, initial, { offset: 9 }])
      expect(steps.map((step) => step.split(' ')[1])).toEqual(['initialOffset', 'write', 'partitions', 'write'])
    }),
  )

  it.each(['acked', 'journaled'] as const)('is refused by a source that is %s', (kind) =>
    marbles((m) => {
      const { recovery, session } = scene(m, { initial, unplanned }, {}, kind)
      let failure: unknown
      recovery.subscribe({
        error: (error: unknown) => {
          failure = error
        },
      })
      expect(failure).toBeInstanceOf(CheckpointCorruptError)
      expect(session.records).toEqual([])
    })(),
  )
})
