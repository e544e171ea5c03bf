import { NEVER, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { reportLag } from '../../operators/report-lag.ts'
import type { QueryEventBody } from '../../src/events.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { type Position, throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const planned = (batchId: number, end: object = { offset: 10 * batchId + 10 }): QueryEventBody => ({
  type: 'planned',
  batchId,
  start: { offset: 10 * batchId },
  end,
  partitions: 1,
  replay: false,
})
const lag = (batchId: number, offset: number, rows: number): QueryEventBody => ({
  type: 'lag',
  batchId,
  sources: [{ source: 'numbers', latestOffset: { offset }, rows }],
})
const distance = (from: Position, to: Position) => to.offset - from.offset
const head = (offset: number) => () => of({ offset })
const events = { p: planned(0), q: planned(1), r: planned(2) }

describe('reportLag', () => {
  edgeList({
    operator: () => reportLag({ reportLatestOffset: head(25), distance }, ['numbers']),
    source: { a: planned(0), b: planned(1) },
    result: { a: lag(0, 25, 15), b: lag(1, 25, 5) },
  })

  it(
    'waits for no answer: it asks again only when the last one has come, and not on when the events have ended',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' p--q-----r---|', events)
      const subs = '        ^------------!'
      const first = cold('  -----x|', { x: { offset: 30 } })
      const firstSubs = '   ^-----!'
      const second = cold('          -------x|', { x: { offset: 30 } })
      const secondSubs = '  ---------^---!'
      const expected = '    ------l------|'
      const heads = [first, second]
      const reader = { reportLatestOffset: () => heads.shift() ?? NEVER, distance }
      const told = source.pipe(reportLag<Position>(reader, ['numbers']))
      expectObservable(told).toBe(expected, { l: lag(0, 30, 20) })
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
    }),
  )

  it(
    'cancels the question when it is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold(' p-----|', events)
      const subs = '        ^--!'
      const asked = cold('  ------x|', { x: { offset: 30 } })
      const askedSubs = '   ^--!'
      const unsubscribe = ' ---!'
      const told = source.pipe(reportLag<Position>({ reportLatestOffset: () => asked, distance }, ['numbers']))
      expectObservable(told, unsubscribe).toBe('----')
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(asked.subscriptions).toBe(askedSubs)
    }),
  )

  const toldBy = (reader: Parameters<typeof reportLag<Position>>[0], ...given: readonly QueryEventBody[]) =>
    outcomeNow(of(...given).pipe(reportLag(reader, ['numbers'])))

  it('looks at plans only, and at nothing without a head', () => {
    expect(toldBy({ distance }, planned(0))).toEqual({ values: [] })
    expect(toldBy({ reportLatestOffset: head(9), distance }, { type: 'triggered' }, { type: 'idle' }).values).toEqual(
      [],
    )
  })

  it('does not ask for a head that would have to be counted up to: finding it may mean to read all rows', () => {
    let asked = 0
    const reportLatestOffset = () => {
      asked++
      return { offset: 25 }
    }
    expect([toldBy({ reportLatestOffset }, planned(0)), asked]).toEqual([{ values: [] }, 0])
  })

  it('counts no less than nothing when the head went back, and shows that it did', () => {
    expect(toldBy({ reportLatestOffset: head(4), distance }, planned(0)).values).toEqual([lag(0, 4, 0)])
  })

  it('keeps a copy of the head, which the source may go on changing', () => {
    const own = { offset: 25 }
    const [event] = toldBy({ reportLatestOffset: () => of(own), distance }, planned(0)).values
    own.offset = 99
    expect(event).toEqual(lag(0, 25, 15))
  })

  const broken = new Error('no answer')
  it.each([
    ['throws', { reportLatestOffset: () => throwIt(broken), distance }],
    ['fails', { reportLatestOffset: () => throwError(() => broken), distance }],
    ['can not count', { reportLatestOffset: head(25), distance: () => throwIt(broken) }],
  ])('warns when the source %s, and goes on', (_, reader) => {
    const warning = (batchId: number) => ({
      type: 'warning',
      message: `the lag of batch ${batchId} is not known`,
      error: broken,
    })
    expect(toldBy(reader, planned(0), planned(1))).toEqual({ values: [warning(0), warning(1)] })
  })

  it.each([
    ['a head that is no offset', { reportLatestOffset: () => 25 as unknown as Position, distance }, 'SLUICE_OFFSET'],
    ['a distance that is no number', { reportLatestOffset: head(25), distance: () => Number.NaN }, 'SLUICE_PORT'],
  ])('warns of %s', (_, reader, code) => {
    expect(toldBy(reader, planned(0)).values).toMatchObject([{ type: 'warning', error: { code } }])
  })

  it('tells of each source of a union by itself', () => {
    const end = { eu: { offset: 2 }, us: { offset: 5 } }
    const union = {
      reportLatestOffset: () => of({ eu: { offset: 3 }, us: { offset: 9 } }),
      distance: (a: typeof end, b: typeof end) => b.eu.offset - a.eu.offset + b.us.offset - a.us.offset,
    }
    const { values } = outcomeNow(of(planned(0, end)).pipe(reportLag(union, ['eu', 'us'])))
    expect(values).toMatchObject([
      {
        sources: [
          { source: 'eu', latestOffset: { offset: 3 }, rows: 1 },
          { source: 'us', latestOffset: { offset: 9 }, rows: 4 },
        ],
      },
    ])
  })

  it('tells the lag of each partition of each source of a union, though one name begins like another', () => {
    const end = { eu: { offset: 2 }, 'eu/west': { offset: 5 } }
    const union = {
      reportLatestOffset: () => of({ eu: { offset: 3 }, 'eu/west': { offset: 9 } }),
      distance: () => 0,
      distances: () => ({ 'eu/oslo': 1, 'eu/west/a': 3, 'eu/west': 1 }),
    }
    const { values } = outcomeNow(of(planned(0, end)).pipe(reportLag(union, ['eu', 'eu/west'])))
    expect(values).toMatchObject([
      {
        sources: [
          { source: 'eu', rows: 1, partitions: { 'eu/oslo': 1 } },
          { source: 'eu/west', latestOffset: { offset: 9 }, rows: 4, partitions: { 'eu/west/a': 3, 'eu/west': 1 } },
        ],
      },
    ])
  })

  it('tells the lag of each partition, where the source can count them', () => {
    const distances = () => of({ oslo: 3, bergen: -2 })
    const { values } = outcomeNow(
      of(planned(0)).pipe(reportLag({ reportLatestOffset: head(25), distance, distances }, ['numbers'])),
    )
    expect(values).toEqual([
      {
        type: 'lag',
        batchId: 0,
        sources: [{ source: 'numbers', latestOffset: { offset: 25 }, rows: 3, partitions: { oslo: 3, bergen: 0 } }],
      },
    ])
  })

  it('warns when one of them is no number', () => {
    const distances = () => of({ oslo: Number.NaN })
    const { values } = outcomeNow(
      of(planned(0)).pipe(reportLag({ reportLatestOffset: head(25), distance, distances }, ['numbers'])),
    )
    expect(values).toMatchObject([{ type: 'warning', error: { code: 'SLUICE_PORT' } }])
  })
})
