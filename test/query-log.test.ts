import { Observable, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Recovered } from '../src/checkpoint/checkpoint.ts'
import { memoryCheckpoint } from '../src/checkpoint/memory.ts'
import { CheckpointLockedError, CheckpointWriteError } from '../src/errors.ts'
import { QueryLog } from '../src/query-log.ts'
import type { Result } from '../src/result.ts'
import { marbles } from '../src/testing/marbles.ts'
import { outcomeOf, plan, sessionOf, throwIt } from './operators/a-run.ts'

const initial = { offset: 0 }
const first = plan(['p0'], 0)
const second = plan([], 1)

describe('where a query stands in its log', () => {
  it.each<[string, Recovered, number, object | undefined]>([
    ['nothing', {}, 0, undefined],
    ['an initial offset', { initial }, 0, initial],
    ['a finished batch', { initial, done: first }, 1, first.end],
    ['a finished batch of Spark', { done: second }, 2, second.end],
    ['a planned batch', { initial, done: first, pending: second }, 2, second.end],
    ['a planned first batch', { initial, pending: first }, 1, first.end],
  ])('after %s', (_what, recovered, nextBatchId, position) => {
    const log = new QueryLog(sessionOf({ recovered }))
    expect(log).toMatchObject({ nextBatchId, broken: false, queryId: 'q' })
    expect(log.position).toEqual(position)
    expect(log.recovered).toEqual(recovered)
  })

  it('moves with each record, once that is written', async () => {
    const session = sessionOf()
    const log = new QueryLog(session)
    const steps: [Observable<undefined>, Recovered, number][] = [
      [log.initial(initial), { initial }, 0],
      [log.plan(first, [Uint8Array.of(7)]), { initial, pending: first }, 1],
      [log.done(first, 'committed'), { initial, done: first }, 1],
      [log.plan(second), { initial, done: first, pending: second }, 2],
      [log.done(second, 'abandoned'), { initial, done: second }, 2],
    ]
    for (const [write, recovered, nextBatchId] of steps) {
      expect(await outcomeOf(write)).toEqual({ values: [undefined] })
      expect(log.recovered).toEqual(recovered)
      expect(log.nextBatchId).toBe(nextBatchId)
    }
    expect(session.records).toEqual([
      { initial },
      { journal: 0, rows: Uint8Array.of(7) },
      { plan: first },
      { done: 0, outcome: 'committed' },
      { plan: second },
      { done: 1, outcome: 'abandoned' },
    ])
  })

  it('is after each record what opening the checkpoint again finds', () => {
    const checkpoint = memoryCheckpoint()
    const open = () => logOf(QueryLog.open(checkpoint, ['source']))
    const { queryId } = closed(open())
    const [one, two] = [
      { ...first, queryId },
      { ...second, queryId },
    ]
    const writes: ((log: QueryLog) => Observable<undefined>)[] = [
      (log) => log.initial(initial),
      (log) => log.plan(one),
      (log) => log.done(one, 'committed'),
      (log) => log.plan(two),
      (log) => log.done(two, 'abandoned'),
    ]
    const openAfter = (log: QueryLog) => {
      closed(log)
      return open()
    }
    for (const write of writes) {
      const log = open()
      write(log).subscribe()
      const again = closed(openAfter(log))
      expect(again.recovered).toEqual(log.recovered)
      expect([again.nextBatchId, again.position]).toEqual([log.nextBatchId, log.position])
    }
  })

  it('forgets that Spark planned a batch when it is planned', () => {
    const unplanned = { batchId: 1, start: second.start, end: second.end }
    const log = new QueryLog(sessionOf({ recovered: { initial, done: first, unplanned } }))
    log.plan(second).subscribe()
    expect(log.recovered).toEqual({ initial, done: first, pending: second })
  })

  it('does not write before it is subscribed to, and puts journal and plan into one write', () => {
    const writes: unknown[] = []
    const log = new QueryLog(sessionOf({ write: (records) => writes.push(records) }))
    const plans = log.plan(first, [Uint8Array.of(1), Uint8Array.of(2)])
    expect(writes).toEqual([])
    plans.subscribe()
    expect(writes).toEqual([
      [{ journal: 0, rows: Uint8Array.of(1) }, { journal: 0, rows: Uint8Array.of(2) }, { plan: first }],
    ])
  })
})

describe('an entry that is held', () => {
  const done = { done: 0, outcome: 'committed' }
  const held = (options: Parameters<typeof sessionOf>[0] = {}) => {
    const writes: unknown[] = []
    const write: NonNullable<typeof options>['write'] = (records, how) => {
      writes.push([...records, ...(how?.sync === false ? ['unsynced'] : [])])
      return options.write?.(records, how)
    }
    const log = new QueryLog(sessionOf({ recovered: { initial, pending: first }, ...options, write }))
    log.hold(first, 'committed')
    return { log, writes }
  }

  it('counts at once, and is written with the next plan, before it', () => {
    const { log, writes } = held()
    expect(log).toMatchObject({ holds: true, nextBatchId: 1, recovered: { initial, done: first }, position: first.end })
    expect(writes).toEqual([])
    log.plan(second, [Uint8Array.of(1)]).subscribe()
    expect(writes).toEqual([[done, { journal: 1, rows: Uint8Array.of(1) }, { plan: second }]])
    expect(log).toMatchObject({ holds: false, recovered: { initial, done: first, pending: second } })
  })

  it('is written by flush, once, and needs no sync', async () => {
    const { log, writes } = held()
    expect(await outcomeOf(log.flush())).toEqual({ values: [] })
    expect(await outcomeOf(log.flush())).toEqual({ values: [] })
    expect(writes).toEqual([[done, 'unsynced']])
    expect(log.recovered).toEqual({ initial, done: first })
  })

  it('is written before the log is closed', async () => {
    const order: string[] = []
    const write = () => {
      order.push('write')
    }
    const close = () => {
      order.push('close')
    }
    expect(await outcomeOf(held({ write, close }).log.close())).toEqual({ values: [undefined] })
    expect(order).toEqual(['write', 'close'])
  })

  it('does not keep the log open when it can not be written', async () => {
    let closed = 0
    const { log } = held({ write: () => Promise.reject('disk'), close: () => ++closed })
    expect(await outcomeOf(log.close())).toEqual({ values: [], error: 'disk' })
    expect(closed).toBe(1)
    expect(log.broken).toBe(true)
  })

  it(
    'is waited for by what is written after it, and by the closing',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const write = cold('      ---|')
      const writeSubs = ['      ^--!', '   ---^--!']
      const close = cold('            -|')
      const closeSubs = '       ------^!'
      const { log } = held({ write: () => write, close: () => close })
      expectObservable(log.flush()).toBe('  ---|')
      expectObservable(log.plan(second)).toBe('------(u|)', { u: undefined })
      expectObservable(log.close()).toBe('-------(u|)', { u: undefined })
      expectSubscriptions(write.subscriptions).toBe(writeSubs)
      expectSubscriptions(close.subscriptions).toBe(closeSubs)
    }),
  )

  it('is lost with a log that fails', async () => {
    const { log } = held({ write: () => Promise.reject('disk') })
    expect(await outcomeOf(log.flush())).toEqual({ values: [], error: 'disk' })
    expect(await outcomeOf(log.plan(second))).toMatchObject({ error: expect.any(CheckpointWriteError) })
  })
})

describe('a write that takes its time', () => {
  it(
    'moves the state only when it is done',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const log = new QueryLog(sessionOf({ write: () => cold('---|') }))
      expectObservable(log.initial(initial)).toBe('---(u|)', { u: undefined })
      scheduler.schedule(() => expect(log.position).toBeUndefined(), 2)
      flush()
      expect(log.position).toEqual(initial)
    }),
  )

  it(
    'runs to its end, whoever listens, and is then part of the state',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const write = cold('----|')
      const log = new QueryLog(sessionOf({ write: () => write }))
      expectObservable(log.initial(initial), '^-!').toBe('--')
      expectSubscriptions(write.subscriptions).toBe('^---!')
      flush()
      expect(log.position).toEqual(initial)
    }),
  )

  it.each(['|', '#'])('delays the closing until it ends with %s', (end) =>
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const write = cold(`----${end}`)
      const close = cold('    --|')
      const closeSubs = ' ----^-!'
      const expected = '  ------(u|)'
      const log = new QueryLog(sessionOf({ write: () => write, close: () => close }))
      log.initial(initial).subscribe({ error: () => {} })
      expectObservable(log.close()).toBe(expected, { u: undefined })
      expectSubscriptions(close.subscriptions).toBe(closeSubs)
    })(),
  )
})

describe('a write that fails', () => {
  it.each<[string, () => Result<unknown>]>([
    ['throws', () => throwIt('disk')],
    ['rejects', () => Promise.reject('disk')],
    ['fails', () => throwError(() => 'disk')],
  ])('leaves the state as it was, and breaks the log: it %s', async (_how, write) => {
    const session = sessionOf({ recovered: { initial }, write })
    const log = new QueryLog(session)
    expect(await outcomeOf(log.plan(first))).toEqual({ values: [], error: 'disk' })
    expect(log.broken).toBe(true)
    expect(log.recovered).toEqual({ initial })
    for (const later of [log.plan(first), log.done(first, 'committed'), log.initial(initial)]) {
      const outcome = await outcomeOf(later)
      expect(outcome).toEqual({ values: [], error: expect.any(CheckpointWriteError) })
      expect(outcome).toMatchObject({ error: { cause: 'disk' } })
    }
    expect(session.records).toHaveLength(1)
    expect(await outcomeOf(log.close())).toEqual({ values: [undefined] })
  })

  it('breaks the log whatever it failed with', async () => {
    const log = new QueryLog(sessionOf({ write: () => Promise.reject() }))
    await outcomeOf(log.initial(initial))
    expect(log.broken).toBe(true)
    expect(await outcomeOf(log.initial(initial))).toMatchObject({ error: expect.any(CheckpointWriteError) })
  })

  it('breaks the log also when nobody listens any more', () => {
    let fail: ((error: unknown) => void) | undefined
    const write = () =>
      new Observable<never>((subscriber) => {
        fail = (error) => subscriber.error(error)
      })
    const log = new QueryLog(sessionOf({ write }))
    log.initial(initial).subscribe().unsubscribe()
    expect(log.broken).toBe(false)
    fail?.('disk')
    expect(log.broken).toBe(true)
  })
})

describe('opening and closing', () => {
  it('opens the checkpoint on subscription, with the names of the sources', async () => {
    const asked: unknown[] = []
    const session = sessionOf({ recovered: { initial } })
    const opened = QueryLog.open(
      {
        open: (query) => {
          asked.push(query)
          return of(session)
        },
      },
      ['a', 'b'],
    )
    expect(asked).toEqual([])
    const { values } = await outcomeOf(opened)
    expect(asked).toEqual([{ sources: ['a', 'b'] }])
    expect(values[0]?.session).toBe(session)
    expect(values[0]?.position).toEqual(initial)
  })

  it('frees the lease', () => {
    const checkpoint = memoryCheckpoint()
    const open = () => logOf(QueryLog.open(checkpoint, ['source']))
    const log = open()
    expect(open).toThrow(CheckpointLockedError)
    closed(log)
    expect(open).not.toThrow()
  })
})

/** Of an opening that is synchronous. */
function logOf(opening: Observable<QueryLog>): QueryLog {
  let log: QueryLog | undefined
  let failure: unknown
  opening.subscribe({
    next: (opened) => {
      log = opened
    },
    error: (error: unknown) => {
      failure = error
    },
  })
  if (log === undefined) throw failure
  return log
}

function closed(log: QueryLog): QueryLog {
  log.close().subscribe()
  return log
}
