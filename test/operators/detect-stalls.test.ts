import { asyncScheduler, from } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { detectStalls } from '../../operators/detect-stalls.ts'
import type { QueryEventBody } from '../../src/events.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { attemptIn, testContext } from './a-run.ts'
import { outcomeNow } from './outcome-now.ts'

const place = (partitionId: number) => ({ batchId: 0, partitionId, partition: `p${partitionId}`, attempt: 0 })
const live = attemptIn(testContext()).liveFigures
const { chunksRead, rowsRead, bytesRead, rowsWritten, bytesWritten } = live
const { rowsDropped, rowsFiltered, rowsDeduplicated, rowsLate, durationMs } = live
const read = { chunksRead, rowsRead, bytesRead, rowsFiltered, rowsDeduplicated, rowsLate }
const figures = { ...read, rowsWritten, bytesWritten, rowsDropped, durationMs }
/** `a` to `d`: partition 0; `s` to `u`: partition 1. */
const events: Record<string, QueryEventBody> = {
  a: { type: 'partition-started', ...place(0), figures: () => live },
  b: { type: 'partition-progress', ...place(0), rows: 1 },
  c: { type: 'partition-finished', ...place(0), ...figures },
  d: { type: 'partition-failed', ...place(0), error: new Error('once') },
  s: { type: 'partition-started', ...place(1), figures: () => live },
  t: { type: 'partition-progress', ...place(1), rows: 1 },
  u: { type: 'partition-finished', ...place(1), ...figures },
  p: { type: 'planned', batchId: 1, start: {}, end: {}, partitions: 2, replay: false },
  i: { type: 'idle' },
  x: { type: 'phase', phase: 'addBatch', durationMs: 1 },
}
const stalls = {
  A: { type: 'stall', ...place(0), idleMs: 5 },
  S: { type: 'stall', ...place(1), idleMs: 5 },
} as const

describe('detectStalls', () => {
  it.each([
    //                             a stall is told after 5 ms
    ['tells of a partition from which nothing came', 'a--------|', '-----A---|'],
    ['counts from the last chunk', '                  a---b--------|', '---------A---|'],
    ['tells once for each silence', '                 a-------b--b------------|', '-----A----------A-------|'],
    ['is silent once it has ended', '                 a--c------|', '----------|'],
    ['is silent while it waits to be tried again', '  a--d-------a------|', '----------------A-|'],
    ['tells of each by itself', '                     a--s----t------t---t|', '-----A-------S------|'],
    ['tells of several at once', '                    (as)-----|', '-----(AS)|'],
    ['forgets those that were left', '                a-p--------|', '-----------|'],
    ['forgets them when nothing is to do', '          a-i--------|', '-----------|'],
    ['is not misled by other events', '               a--x-------|', '-----A-----|'],
    ['ends with the events', '                        a--|', '---|'],
    ['is silent where nothing is read', '             ------|', '------|'],
    ['fails with the events', '                       a--#', '---#'],
  ])('%s', (_, marblesOfEvents, expected) =>
    marbles(({ cold, expectObservable, expectSubscriptions, scheduler }) => {
      const source = cold(marblesOfEvents.trim(), events)
      expectObservable(source.pipe(detectStalls(5, scheduler))).toBe(expected, stalls)
      const end = marblesOfEvents.trim().search(/[|#]/)
      expectSubscriptions(source.subscriptions).toBe(`^${'-'.repeat(end - 1)}!`)
    })(),
  )

  it(
    'counts from when an event says that it was',
    marbles(({ cold, expectObservable, scheduler }) => {
      const early = { ...(events.a as QueryEventBody), at: 0 }
      expectObservable(cold('--a------|', { a: early }).pipe(detectStalls(5, scheduler))).toBe('-----A---|', stalls)
    }),
  )

  it(
    'watches on after it was unsubscribed from, for whoever subscribes next, from the beginning',
    marbles(({ cold, expectObservable, expectSubscriptions, scheduler }) => {
      const source = cold('  a-------', events)
      const told = source.pipe(detectStalls(5, scheduler))
      const unsubscribe = '  ---!'
      const again = '        ----^-------!'
      expectObservable(told, unsubscribe).toBe('----')
      expectObservable(told, again).toBe('---------A---', stalls)
      expectSubscriptions(source.subscriptions).toBe(['^--!', '----^-------!'])
    }),
  )

  it(
    'sets one timer, however many partitions and chunks there are',
    marbles(({ cold, scheduler, flush }) => {
      let timers = 0
      const counting = {
        now: () => scheduler.now(),
        schedule: ((...args: Parameters<typeof scheduler.schedule>) => {
          timers++
          return scheduler.schedule(...args)
        }) as typeof scheduler.schedule,
      }
      cold('(as)btbtbtbtbtbt(cu)|', events).pipe(detectStalls(8, counting)).subscribe()
      flush()
      expect(timers).toBe(3) // set at 0, 8 and 14
    }),
  )

  it.each([
    ['everything has ended, the one that runs is the last', 'a--c', undefined, 100],
    ['nobody listens any more, none is left', 'a', 3, 3],
  ] as const)('when %s', (_, marblesOfEvents, until, over) =>
    marbles(({ cold, scheduler, flush }) => {
      const stalls = cold(marblesOfEvents, events).pipe(detectStalls(100, scheduler)).subscribe()
      if (until !== undefined) scheduler.schedule(() => stalls.unsubscribe(), until)
      flush()
      expect(scheduler.now()).toBe(over)
    })(),
  )

  it('never tells of anything after Infinity, and sets no timer for it', () => {
    const scheduler = { now: () => 0, schedule: () => expect.fail('a timer was set') }
    const started = [events.a as QueryEventBody, events.s as QueryEventBody]
    expect(outcomeNow(from(started).pipe(detectStalls(Infinity, scheduler)))).toEqual({ values: [] })
  })

  it('lets a source of events that ends at once end', () => {
    const started = [events.a as QueryEventBody]
    expect(outcomeNow(from(started).pipe(detectStalls(60_000, asyncScheduler)))).toEqual({ values: [] })
  })
})
