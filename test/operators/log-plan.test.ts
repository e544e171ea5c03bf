import { EMPTY, map, NEVER, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { logPlan } from '../../operators/log-plan.ts'
import type { PlannedRange } from '../../operators/plan-partitions.ts'
import type { PlannedBatch } from '../../src/batch.ts'
import type { BatchRun } from '../../src/batch-run.ts'
import { CheckpointWriteError } from '../../src/errors.ts'
import { QueryLog } from '../../src/query-log.ts'
import type { Result } from '../../src/result.ts'
import { type JournalPort, journalPort, type ReadContext } from '../../src/source.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { isIdle, outcomeOf, type Position, plan, sessionOf, type TestContext, testContext, throwIt } from './a-run.ts'

type Range = PlannedRange<Position, string>
const range = (start: number, ...partitions: string[]): Range => ({
  start: { offset: start },
  end: { offset: start + 10 },
  partitions,
})
const ranges = { a: range(0, 'p0', 'p1'), b: range(10) }
const done = { ...plan([], 4), queryId: 'q' }
const planning = (log: QueryLog, context: TestContext, reader = {}) => logPlan<Position, string>(log, reader, context)
const typesOf = ({ events }: TestContext) => events.map(({ type }) => type)

describe('logPlan', () => {
  it(
    'gives out a batch once its plan is durable, and takes the next range only then',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const write = cold('---|')
      const session = sessionOf({ write: () => write })
      const context = testContext({ scheduler })
      const source = cold('  -ab|', ranges)
      const writes = ['       -^--!', '----^--!']
      const expected = '      ----x--(y|)'
      const batches = { x: { batchId: 0, ...ranges.a }, y: { batchId: 1, ...ranges.b } }
      const summary = source.pipe(planning(new QueryLog(session), context), summarized)
      expectObservable(summary).toBe(expected, batches)
      expectSubscriptions(write.subscriptions).toBe(writes)
      flush()
      expect(session.records).toEqual([
        { plan: { queryId: 'q', batchId: 0, ...ranges.a } },
        { plan: { queryId: 'q', batchId: 1, ...ranges.b } },
      ])
      expect(typesOf(context)).toEqual(['phase', 'planned', 'phase', 'planned'])
      expect(context.events[1]).toEqual({
        type: 'planned',
        batchId: 0,
        start: { offset: 0 },
        end: { offset: 10 },
        partitions: 2,
        replay: false,
      })
    }),
  )

  it(
    'passes on an empty source, silence and an error, and logs nothing then',
    marbles(({ cold, expectObservable, flush }) => {
      const session = sessionOf()
      const planned = planning(new QueryLog(session), testContext())
      expectObservable(EMPTY.pipe(planned)).toBe('|')
      expectObservable(NEVER.pipe(planned)).toBe('-')
      expectObservable(cold<Range>('-#').pipe(planned)).toBe('-#')
      flush()
      expect(session.records).toEqual([])
    }),
  )

  it.each<[string, ConstructorParameters<typeof QueryLog>[0]['recovered'], number]>([
    ['a new query', {}, 0],
    ['the initial offset', { initial: { offset: 0 } }, 0],
    ['a finished batch', { done }, 5],
    ['a planned batch', { done, pending: plan([], 5) }, 6],
  ])('counts ids up, after %s', async (_what, recovered, first) => {
    const log = new QueryLog(sessionOf({ recovered }))
    const outcome = await outcomeOf(of(ranges.a, ranges.b).pipe(planning(log, testContext()), summarized))
    expect(outcome.values.map(({ batchId }) => batchId)).toEqual([first, first + 1])
    expect(log.recovered.pending).toMatchObject({ batchId: first + 1, ...ranges.b })
  })

  it('runs synchronously where the log does, and labels the partitions as the source does', () => {
    const seen: unknown[] = []
    const reader = { partitionKey: (partition: string) => `station ${partition}` }
    of(ranges.a)
      .pipe(planning(new QueryLog(sessionOf()), testContext(), reader))
      .subscribe((batch) => seen.push(batch.replay, ...batch.tasks.map(({ key }) => key)))
    expect(seen).toEqual([false, 'station p0', 'station p1'])
  })

  it.each<[string, () => Result<unknown>]>([
    ['throws', () => throwIt(new CheckpointWriteError('disk full'))],
    ['rejects', () => Promise.reject(new CheckpointWriteError('disk full'))],
    ['fails', () => throwError(() => new CheckpointWriteError('disk full'))],
  ])('gives out nothing when the log %s, and writes nothing more', async (_how, write) => {
    const session = sessionOf({ write })
    const log = new QueryLog(session)
    const context = testContext()
    const result = of(ranges.a, ranges.b).pipe(planning(log, context))
    expect(await outcomeOf(result)).toEqual({ values: [], error: new CheckpointWriteError('disk full') })
    expect(await outcomeOf(result)).toMatchObject({ values: [], error: { cause: { message: 'disk full' } } })
    expect(session.records).toHaveLength(1)
    expect(typesOf(context)).not.toContain('planned')
    expect(isIdle(context.tracker)).toBe(true)
  })

  it(
    'lets the log finish its entry when nobody listens any more, and the tracker waits for it',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const write = cold('-----|')
      const unsub = '     --^-!'
      const log = new QueryLog(sessionOf({ write: () => write }))
      const context = testContext({ scheduler })
      const idleAt: number[] = []
      scheduler.schedule(() => context.tracker.idle.subscribe({ complete: () => idleAt.push(scheduler.now()) }), 5)
      expectObservable(of(ranges.a, ranges.b).pipe(planning(log, context)), unsub).toBe('-----')
      expectSubscriptions(write.subscriptions).toBe('--^----!')
      flush()
      expect(idleAt).toEqual([7])
      expect(log.recovered.pending).toMatchObject({ batchId: 0 })
      expect(typesOf(context)).not.toContain('planned')
    }),
  )

  it(
    'tells of an entry that fails after everybody has left',
    marbles(({ cold, flush, scheduler }) => {
      const context = testContext({ scheduler })
      const log = new QueryLog(sessionOf({ write: () => cold('---#', {}, 'disk') }))
      of(ranges.a).pipe(planning(log, context)).subscribe().unsubscribe()
      flush()
      expect(context.events).toEqual([
        { type: 'warning', message: 'batch 0 may or may not have been logged', error: 'disk' },
      ])
      expect(isIdle(context.tracker)).toBe(true)
    }),
  )
})

describe('logPlan of a journaled source', () => {
  const rows = [Uint8Array.of(1), Uint8Array.of(2)]
  /** A journal whose calls are noted. */
  function journalOf(
    now: () => number,
    answers: Partial<Record<'capture' | 'captured' | 'write', () => Result<unknown>>>,
  ) {
    const steps: string[] = []
    const signals: AbortSignal[] = []
    const take = (step: 'capture' | 'captured' | 'write') => {
      steps.push(`${now()} ${step}`)
      return answers[step]?.()
    }
    const journal: JournalPort = {
      acked: true,
      identity: false,
      bind: () => undefined,
      capture: (_batch: PlannedBatch, { signal }: ReadContext) => {
        signals.push(signal)
        return (take('capture') ?? rows) as Result<readonly Uint8Array[]>
      },
      captured: () => take('captured'),
    }
    const session = sessionOf({ write: () => take('write') })
    const log = new QueryLog(session)
    return { reader: { [journalPort]: journal }, log, session, steps, signals }
  }

  it(
    'reads the rows, makes them durable together with the plan, and then acknowledges them',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const { reader, log, session, steps, signals } = journalOf(() => scheduler.now(), {
        capture: () => cold('--(r|)', { r: rows }),
        write: () => cold('---|'),
        captured: () => cold('-|'),
      })
      const result = of(ranges.a).pipe(planning(log, testContext({ scheduler }), reader), summarized)
      expectObservable(result).toBe('------(x|)', { x: { batchId: 0, ...ranges.a } })
      flush()
      expect(steps).toEqual(['0 capture', '2 write', '5 captured'])
      expect(session.records).toEqual([
        { journal: 0, rows: rows[0] },
        { journal: 0, rows: rows[1] },
        { plan: { queryId: 'q', batchId: 0, ...ranges.a } },
      ])
      expect(signals).toMatchObject([{ aborted: false }])
    }),
  )

  it.each<[number, readonly string[], boolean]>([
    [1, ['0 capture'], true],
    [3, ['0 capture', '2 write', '4 captured'], false],
    [5, ['0 capture', '2 write', '4 captured'], false],
  ])('interrupts the reading, but not what follows, when everybody leaves at frame %i', (at, expected, aborted) =>
    marbles(({ cold, flush, scheduler }) => {
      const { reader, log, steps, signals } = journalOf(() => scheduler.now(), {
        capture: () => cold('--(r|)', { r: rows }),
        write: () => cold('--|'),
        captured: () => cold('--|'),
      })
      const context = testContext({ scheduler })
      const subscription = of(ranges.a)
        .pipe(planning(log, context, reader))
        .subscribe()
      scheduler.schedule(() => {
        subscription.unsubscribe()
        expect(isIdle(context.tracker)).toBe(aborted)
      }, at)
      flush()
      expect(steps).toEqual(expected)
      expect(signals).toMatchObject([{ aborted }])
      expect(isIdle(context.tracker)).toBe(true)
    })(),
  )

  it(
    'logs nothing when the rows cannot be read',
    marbles(({ expectObservable, flush, scheduler }) => {
      const { reader, log, session, steps, signals } = journalOf(() => scheduler.now(), {
        capture: () => throwIt('gone'),
      })
      const context = testContext({ scheduler })
      expectObservable(of(ranges.a).pipe(planning(log, context, reader))).toBe('20ms #', {}, 'gone')
      flush()
      expect(steps).toEqual(['0 capture', '10 capture', '20 capture'])
      expect(session.records).toEqual([])
      expect(signals).toMatchObject([{ aborted: true }, { aborted: true }, { aborted: true }])
      expect(new Set(signals).size).toBe(3)
      expect(context.events[0]).toEqual({
        type: 'retry',
        port: 'read of the journaled source',
        batchId: 0,
        attempt: 1,
        delayMs: 10,
        error: 'gone',
      })
    }),
  )

  it(
    'acknowledges nothing that is not durable, and gives out nothing that is not acknowledged',
    marbles(({ expectObservable, flush, scheduler }) => {
      const unlogged = journalOf(() => scheduler.now(), { write: () => throwIt('disk') })
      const unacked = journalOf(() => scheduler.now(), { captured: () => throwIt('gone') })
      const context = testContext({ scheduler })
      const result = ({ log, reader }: typeof unlogged) => of(ranges.a).pipe(planning(log, context, reader))
      expectObservable(result(unlogged)).toBe('#', {}, 'disk')
      expectObservable(result(unacked)).toBe('20ms #', {}, 'gone')
      flush()
      expect(unlogged.steps).toEqual(['0 capture', '0 write'])
      const retry = { type: 'retry', port: 'commit of the journaled source', batchId: 0, delayMs: 10, error: 'gone' }
      expect(context.events).toContainEqual({ ...retry, attempt: 1 })
      expect(typesOf(context)).not.toContain('planned')
      expect(unacked.log.recovered.pending).toMatchObject({ batchId: 0 })
    }),
  )
})

const summarized = map(({ batchId, start, end, partitions }: BatchRun<Position, string>) => ({
  batchId,
  start,
  end,
  partitions,
}))
