import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BudgetLimit,
  type BudgetOptions,
  type BudgetTicket,
  requestBudget,
} from '../../../../src/connectors/rest/http/budget.ts'
import { OptionError } from '../../../../src/errors.ts'
import { ManualScheduler } from '../../../support/schedulers.ts'

const none: BudgetLimit[] = []

/** A budget, and what it let through when, in order. */
function watched(options: BudgetOptions, scheduler = new ManualScheduler()) {
  const budget = requestBudget({ margin: 0, ...options, scheduler })
  const passed: {
    readonly name: string
    readonly at: number
    readonly weight: number
    readonly ticket: BudgetTicket
  }[] = []
  const ask = (name: string, weight = 1, signal?: AbortSignal): Promise<void> =>
    budget.take(weight, signal).then((ticket) => {
      passed.push({ name, at: scheduler.now(), weight, ticket })
    })
  return { scheduler, ask, budget, passed, names: () => passed.map(({ name }) => name) }
}

describe('no window ever holds more than its limit', () => {
  const limit = fc.record({ requests: fc.integer({ min: 1, max: 12 }), per: fc.integer({ min: 1, max: 400 }) })
  const arrival = fc.record({
    gap: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 300 })),
    weight: fc.integer({ min: 1, max: 12 }),
    leavesAfter: fc.option(fc.integer({ min: 0, max: 500 }), { freq: 6, nil: undefined }),
  })

  it('whatever is asked for when, by whatever weights, and whoever leaves; all others get through, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(limit, { minLength: 1, maxLength: 3 }),
        fc.array(arrival, { minLength: 1, maxLength: 40 }),
        async (limits, arrivals) => {
          const { scheduler, ask, passed, names } = watched({ limits })
          const largest = Math.min(...limits.map(({ requests }) => requests))
          const stayed: string[] = []
          const asked: Promise<unknown>[] = []
          for (const [index, { gap, weight, leavesAfter }] of arrivals.entries()) {
            await scheduler.advance(gap)
            const abort = new AbortController()
            if (leavesAfter === undefined) stayed.push(String(index))
            else scheduler.schedule(() => abort.abort(), leavesAfter)
            asked.push(ask(String(index), Math.min(weight, largest), abort.signal).catch(() => {}))
          }
          await scheduler.advance(1_000_000)
          await Promise.all(asked)
          expect(names().filter((name) => stayed.includes(name))).toEqual(stayed)
          expect(names().toSorted((a, b) => Number(a) - Number(b))).toEqual(names())
          for (const { requests, per } of limits) {
            for (const { at: from } of passed) {
              const inWindow = passed.filter(({ at }) => at >= from && at < from + Number(per))
              expect(inWindow.reduce((sum, { weight }) => sum + weight, 0)).toBeLessThanOrEqual(requests)
            }
          }
          expect(scheduler.size).toBe(0)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('and none is left unused', async () => {
    const { scheduler, ask, passed } = watched({
      limits: [
        { requests: 3, per: 100 },
        { requests: 5, per: 1_000 },
      ],
    })
    const all = Promise.all(Array.from({ length: 11 }, (_, index) => ask(String(index))))
    await scheduler.advance(5_000)
    await all
    expect(passed.map(({ at }) => at)).toEqual([0, 0, 0, 100, 100, 1_000, 1_000, 1_000, 1_100, 1_100, 2_000])
  })

  it('a margin makes windows longer', async () => {
    const { scheduler, ask, passed } = watched({ requests: 1, per: '1 second', margin: '50 milliseconds' })
    const both = Promise.all([ask('a'), ask('b')])
    await scheduler.advance(5_000)
    await both
    expect(passed.map(({ at }) => at)).toEqual([0, 1_050])
  })
})

describe('who waits', () => {
  it('may leave, and gives the place to the next one', async () => {
    const { scheduler, ask, names } = watched({ requests: 4, per: 100 })
    const abort = new AbortController()
    await ask('first', 2)
    const heavy = ask('heavy', 4, abort.signal)
    const light = ask('light', 1)
    await scheduler.advance(10)
    expect(names()).toEqual(['first'])
    abort.abort(new Error('enough'))
    await expect(heavy).rejects.toThrow('enough')
    await light
    expect(names()).toEqual(['first', 'light'])
    expect(scheduler.size).toBe(0)
  })

  it('doesn’t get past whoever came before, though there would be room', async () => {
    const { scheduler, ask, passed } = watched({ requests: 4, per: 100 })
    const all = Promise.all([ask('a', 3), ask('b', 3), ask('c', 1)])
    await scheduler.advance(1_000)
    await all
    expect(passed.map(({ name, at }) => [name, at])).toEqual([
      ['a', 0],
      ['b', 100],
      ['c', 100],
    ])
  })

  it('is told at once when the signal was aborted before', async () => {
    const { ask, names } = watched({ requests: 4, per: 100 })
    await expect(ask('a', 1, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    expect(names()).toEqual([])
  })

  it.each([5, 0, -1, Number.NaN])('in vain, with a weight of %d, is an error', async (weight) => {
    const { ask } = watched({ requests: 4, per: 100 })
    await expect(ask('a', weight)).rejects.toThrow(OptionError)
  })
})

describe('what a server says', () => {
  const remaining = (left: number, seconds: number) => ({ ratelimit: `remaining=${left}, reset=${seconds}` })

  it('tightens the budget, until the reset', async () => {
    const { scheduler, ask, passed } = watched({ requests: 100, per: 1_000 })
    await ask('a')
    passed[0]?.ticket.answered(200, remaining(2, 10))
    const all = Promise.all(['b', 'c', 'd', 'e'].map((name) => ask(name)))
    await scheduler.advance(20_000)
    await all
    expect(passed.map(({ name, at }) => [name, at])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 0],
      ['d', 10_000],
      ['e', 10_000],
    ])
  })

  it('is all there is without limits', async () => {
    const { scheduler, ask, passed } = watched({ limits: none })
    await Promise.all(['a', 'b'].map((name) => ask(name)))
    passed[1]?.ticket.answered(200, remaining(1, 5))
    const late = ask('c')
    await scheduler.advance(4_999)
    expect(passed).toHaveLength(2) // a is under way, and maybe not counted yet
    await scheduler.advance(1)
    await late
  })

  it('counts what is under way as not yet seen by the server', async () => {
    const { scheduler, ask, names, passed } = watched({ limits: none })
    await Promise.all(['a', 'b', 'c'].map((name) => ask(name)))
    passed[0]?.ticket.answered(200, remaining(3, 10))
    void ask('d')
    void ask('e')
    await scheduler.advance(0)
    expect(names()).toEqual(['a', 'b', 'c', 'd'])
    passed[1]?.ticket.unanswered()
    await scheduler.advance(0)
    expect(names()).toEqual(['a', 'b', 'c', 'd']) // it may have been counted
    passed[2]?.ticket.answered(200, remaining(2, 10))
    await scheduler.advance(0)
    expect(names()).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  it('last counts: more, too', async () => {
    const { scheduler, ask, names, passed } = watched({ limits: none })
    await Promise.all(['a', 'b'].map((name) => ask(name)))
    passed[0]?.ticket.answered(200, remaining(1, 100))
    const waiting = ask('c')
    await scheduler.advance(1_000)
    expect(names()).toEqual(['a', 'b'])
    passed[1]?.ticket.answered(200, remaining(1, 100))
    await waiting
    expect(names()).toEqual(['a', 'b', 'c'])
  })

  it('of several policies all hold', async () => {
    const { scheduler, ask, passed } = watched({ limits: none })
    await ask('a')
    passed[0]?.ticket.answered(200, { ratelimit: '"day";r=2;t=100, "burst";r=1;t=1' })
    const all = Promise.all(['b', 'c', 'd'].map((name) => ask(name)))
    await scheduler.advance(200_000)
    await all
    expect(passed.map(({ at }) => at)).toEqual([0, 0, 1_000, 100_000])
  })

  it('may be read by a function, or not at all', async () => {
    const own = watched({ limits: none, quotas: (headers) => [{ remaining: Number(headers.left), resetMs: 500 }] })
    const deaf = watched({ limits: none, quotas: false })
    for (const { ask, passed } of [own, deaf]) {
      await ask('a')
      passed[0]?.ticket.answered(200, { left: '0', ...remaining(0, 9) })
      void ask('b')
    }
    await own.scheduler.advance(0)
    await deaf.scheduler.advance(0)
    expect([own.names(), deaf.names()]).toEqual([['a'], ['a', 'b']])
    await own.scheduler.advance(500)
    expect(own.names()).toEqual(['a', 'b'])
  })

  it.each([429, 503])('with %d and Retry-After pauses everybody until then', async (status) => {
    const { scheduler, ask, passed } = watched({ requests: 100, per: 1_000 })
    await Promise.all(['a', 'b'].map((name) => ask(name)))
    passed[0]?.ticket.answered(status, { 'retry-after': '7' })
    passed[1]?.ticket.answered(status, { 'retry-after': '3' })
    const all = Promise.all(['c', 'd'].map((name) => ask(name)))
    await scheduler.advance(10_000)
    await all
    expect(passed.map(({ at }) => at)).toEqual([0, 0, 7_000, 7_000])
  })

  it.each<[string, number, Record<string, string>]>([
    ['a Retry-After of a year', 429, { 'retry-after': '31536000' }],
    ['a Retry-After beyond numbers', 503, { 'retry-after': '9'.repeat(400) }],
    ['a quota that ends next year', 200, { 'ratelimit-remaining': '0', 'ratelimit-reset': '31536000' }],
  ])('%s holds nobody up for longer than "maxPause", an hour', async (_, status, headers) => {
    for (const [maxPause, most] of [
      [undefined, 3_600_000],
      ['1 minute', 60_000],
    ] as const) {
      const { scheduler, ask, passed } = watched({ limits: none, ...(maxPause && { maxPause }) })
      await ask('a')
      passed[0]?.ticket.answered(status, headers)
      const next = ask('b')
      await scheduler.advance(most - 1)
      expect(passed).toHaveLength(1)
      await scheduler.advance(1)
      await next
      expect(scheduler.size).toBe(0)
    }
  })

  it('with another status pauses nobody', async () => {
    const { ask, passed } = watched({ requests: 100, per: 1_000 })
    await ask('a')
    passed[0]?.ticket.answered(202, { 'retry-after': '7' })
    await ask('b')
    expect(passed).toHaveLength(2)
  })
})

it.each<[string, number, Record<string, string>]>([
  ['a pause', 429, { 'retry-after': '2' }],
  ['a quota', 200, { ratelimit: 'remaining=0, reset=2' }],
  ['a window', 200, {}],
])('a clock that is set back makes nobody wait for an hour that is over: %s', async (_name, status, headers) => {
  const scheduler = new ManualScheduler(10_000_000)
  const { ask, passed } = watched({ requests: 1, per: 2_000 }, scheduler)
  await ask('a')
  passed[0]?.ticket.answered(status, headers)
  scheduler.set(10_000_000 - 3_600_000)
  const waiting = ask('b')
  await scheduler.advance(2_000)
  await waiting
  expect(passed.map(({ at }) => at)).toEqual([10_000_000, 6_402_000])
})

it('a ticket counts once, whatever is said of it how often', async () => {
  const { scheduler, ask, passed, names } = watched({ limits: none })
  await Promise.all(['a', 'b'].map((name) => ask(name)))
  passed[0]?.ticket.answered(200, {})
  passed[0]?.ticket.unanswered()
  passed[1]?.ticket.answered(200, { ratelimit: 'remaining=0, reset=5' })
  void ask('c')
  await scheduler.advance(0)
  expect(names()).toEqual(['a', 'b'])
})

it('a signal is forgotten with the wait', async () => {
  const { scheduler, ask } = watched({ requests: 1, per: 100 })
  const { signal } = new AbortController()
  const both = Promise.all([ask('a', 1, signal), ask('b', 1, signal)])
  await scheduler.advance(100)
  await both
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it.each<[string, unknown]>([
  ['nothing', {}],
  ['requests without a time', { requests: 3 }],
  ['a time without requests', { per: 3 }],
  ['no requests', { requests: 0, per: 3 }],
  ['no time', { requests: 3, per: 0 }],
  ['both forms', { requests: 3, per: 3, limits: [] }],
  ['a limit without a time', { limits: [{ requests: 3 }] }],
  ['an unknown option', { requests: 3, per: 3, burst: 3 }],
  ['a bad margin', { requests: 3, per: 3, margin: -1 }],
])('%s is refused', (_name, options) => {
  expect(() => requestBudget(options as BudgetOptions)).toThrow(OptionError)
})
