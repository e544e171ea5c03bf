import fc from 'fast-check'
import {
  concat,
  concatMap,
  delay,
  from,
  map,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  subscribeOn,
  timer,
  VirtualTimeScheduler,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type ThrottleRowsOptions, throttleRows } from '../../operators/throttle-rows.ts'
import { Demand } from '../../src/demand.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { OptionError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { throwIt } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { withinPartition } from './within-partition.ts'

interface Numbered {
  readonly n: number
}

/** Rows first, first + 1, … */
const rows = (count: number, first = 0): readonly Numbered[] =>
  Array.from({ length: count }, (_, index) => ({ n: first + index }))
const numbers = (chunk: readonly Numbered[]) => chunk.map(({ n }) => n)

describe('throttleRows', () => {
  edgeListOfPassing<readonly Numbered[]>(() => throttleRows({ rows: 1000, per: 1 }), { a: rows(3), b: rows(2) })

  it(
    'cuts chunks where the window is full, and goes on when there is room',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (A|)', { A: rows(5) })
      const subs = '         (^!)'
      const expected = '     b---c---(d|)'
      const throttled = source.pipe(throttleRows({ rows: 2, per: 4 }))
      expectObservable(throttled).toBe(expected, { b: rows(2), c: rows(2, 2), d: rows(1, 4) })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'fills up a window with the next chunk, and keeps chunks that fit as they are',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const chunks = { A: rows(3), B: rows(3, 3), C: rows(2, 6) }
      const source = cold('  AB--------------C|', chunks)
      const subs = '         ^----------------!'
      const expected = '     Ab---c----------C|'
      const throttled = source.pipe(throttleRows({ rows: 4, per: 5 }))
      expectObservable(throttled).toBe(expected, { ...chunks, b: rows(1, 3), c: rows(2, 4) })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    'has a moving window: rows count until exactly so much time has passed',
    marbles(({ cold, expectObservable }) => {
      const chunks = { a: rows(1), b: rows(1, 1), c: rows(1, 2), d: rows(1, 3), e: rows(1, 4) }
      const source = cold('  a-bcde|', chunks)
      const expected = '     a-b--c-d--(e|)'
      expectObservable(source.pipe(throttleRows({ rows: 2, per: 5 }))).toBe(expected, chunks)
    }),
  )

  it(
    'spreads rows with a smaller burst, without going above the limit where it divides unevenly',
    marbles(({ cold, expectObservable }) => {
      const source = cold('  (A|)', { A: rows(8) })
      // 2 of 6 a 12: every 4; of 5 a 15 by 2: 2, 2 and 1 within 15.
      const even = '         a---b---c---(d|)'
      const uneven = '       a-----b-----c--d--e--(f|)'
      const pieces = { a: rows(2), b: rows(2, 2), c: rows(2, 4), d: rows(2, 6) }
      expectObservable(source.pipe(throttleRows({ rows: 6, per: 12, burst: 2 }))).toBe(even, pieces)
      const odd = { ...pieces, c: rows(1, 4), d: rows(1, 5), e: rows(1, 6), f: rows(1, 7) }
      expectObservable(source.pipe(throttleRows({ rows: 5, per: 15, burst: 2 }))).toBe(uneven, odd)
    }),
  )

  it(
    'is one limit for all it is applied to: they take turns, first come, first served',
    marbles(({ cold, expectObservable }) => {
      const throttle = throttleRows<Numbered>({ rows: 2, per: 3 })
      const one = cold('     (A|)', { A: rows(5) })
      const other = cold('   -(B|)', { B: rows(3, 10) })
      expectObservable(one.pipe(throttle)).toBe('  a--b-----(e|)', { a: rows(2), b: rows(2, 2), e: rows(1, 4) })
      expectObservable(other.pipe(throttle)).toBe('------c--(d|)', { c: rows(2, 10), d: rows(1, 12) })
    }),
  )

  it(
    'leaves the queue, and its turn to others, when it is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const throttle = throttleRows<Numbered>({ rows: 2, per: 4 })
      const one = cold('     A-----', { A: rows(6) })
      const oneSubs = '      ^-!'
      const unsubscribe = '  --!'
      const other = cold('   -(B|)', { B: rows(2, 10) })
      expectObservable(one.pipe(throttle), unsubscribe).toBe('a--', { a: rows(2) })
      expectObservable(other.pipe(throttle)).toBe('----(B|)', { B: rows(2, 10) })
      expectSubscriptions(one.subscriptions).toBe(oneSubs)
    }),
  )

  it(
    'passes chunks without rows in their place',
    marbles(({ cold, expectObservable }) => {
      const chunks = { A: rows(2), z: rows(0), B: rows(1, 2) }
      const source = cold('  zAz-B-z----|', chunks)
      const expected = '     zAz---(Bz)-|'
      // The window is full until 1 + 5; what came meanwhile goes on then.
      expectObservable(source.pipe(throttleRows({ rows: 2, per: 5 }))).toBe(expected, chunks)
    }),
  )

  it(
    'fails with the source at once, whatever waits',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  A-#', { A: rows(3) })
      const subs = '         ^-!'
      const expected = '     a-#'
      expectObservable(source.pipe(throttleRows({ rows: 1, per: 100 }))).toBe(expected, { a: rows(1) })
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('leaves no timer behind', () => {
    const scheduler = new VirtualTimeScheduler()
    const throttle = throttleRows<Numbered>({ rows: 1, per: 1000, scheduler })
    const [one, other] = [rows(10), rows(5, 10)].map((chunk) => concat(of(chunk), NEVER).pipe(throttle).subscribe())
    expect(scheduler.actions).toHaveLength(1)
    one?.unsubscribe()
    expect(scheduler.actions).toHaveLength(1)
    other?.unsubscribe()
    scheduler.flush()
    expect(scheduler.now()).toBe(0)
  })

  it('takes no chunk apart into bits because the window frees up in bits', () => {
    const scheduler = new VirtualTimeScheduler()
    const sizes: number[] = []
    const bits = range(0, 100).pipe(concatMap((n) => of(rows(1, n)).pipe(delay(10, scheduler))))
    concat(bits, of(rows(1000, 100)))
      .pipe(throttleRows({ rows: 100, per: 1000, scheduler }))
      .subscribe((chunk) => sizes.push(chunk.length))
    scheduler.maxFrames = 1_000_000
    scheduler.flush()
    const pieces = sizes.slice(100)
    expect(Math.min(...pieces)).toBeGreaterThanOrEqual(10)
    expect(pieces.reduce((sum, size) => sum + size, 0)).toBe(1000)
    expect(scheduler.now()).toBeLessThanOrEqual(11_000)
  })

  it('holds its limit when the clock is set back, and goes on a window later at the latest', () => {
    const scheduler = new VirtualTimeScheduler()
    let setBackMs = 0
    const clock = new Proxy(scheduler, {
      get: (target, name) => {
        if (name === 'now') return () => target.now() - setBackMs
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const at: number[] = []
    const source = concat(of(rows(2)), timer(10, scheduler).pipe(map(() => rows(1, 2))))
    timer(1_000, scheduler)
      .pipe(
        concatMap(() => source),
        throttleRows({ rows: 2, per: 100, scheduler: clock }),
      )
      .subscribe(() => at.push(scheduler.now()))
    timer(1_005, scheduler).subscribe(() => {
      setBackMs = 900
    })
    scheduler.flush()
    expect(at).toEqual([1_000, 1_110])
  })

  it('for any chunks of any partitions: no window holds more, all rows pass in order, and no time is wasted', () => {
    const partition = fc.array(fc.record({ after: fc.nat(40), count: fc.nat(30) }), { maxLength: 8 })
    const limits = fc.record({ rows: fc.integer({ min: 1, max: 40 }), per: fc.integer({ min: 1, max: 50 }) })
    const property = fc.property(
      fc.array(partition, { minLength: 1, maxLength: 3 }),
      limits,
      fc.option(fc.integer({ min: 1, max: 40 })),
      (partitions, limit, wanted) => {
        const burst = Math.min(limit.rows, wanted ?? limit.rows)
        const scheduler = new VirtualTimeScheduler()
        scheduler.maxFrames = 1_000_000
        const throttle = throttleRows<Numbered>({ ...limit, burst, scheduler })
        const passed: { at: number; count: number }[] = []
        const seen = partitions.map(() => [] as number[])
        let arrived = 0
        partitions.forEach((chunks, index) => {
          let first = 0
          const source = from(chunks).pipe(
            concatMap(({ after, count }) =>
              timer(after, scheduler).pipe(
                map(() => {
                  arrived = scheduler.now()
                  first += count
                  return rows(count, first - count)
                }),
              ),
            ),
          )
          source.pipe(throttle).subscribe({
            next: (chunk) => {
              passed.push({ at: scheduler.now(), count: chunk.length })
              seen[index]?.push(...numbers(chunk))
            },
            error: throwIt,
            complete: () => seen[index]?.push(-1),
          })
        })
        scheduler.flush()
        const within = (end: number, length: number) =>
          passed.reduce((sum, { at, count }) => (at <= end && at > end - length ? sum + count : sum), 0)
        for (const { at } of passed) {
          expect(within(at, limit.per)).toBeLessThanOrEqual(limit.rows)
          expect(within(at, (limit.per * burst) / limit.rows)).toBeLessThanOrEqual(burst)
        }
        const total = partitions.map((chunks) => chunks.reduce((sum, { count }) => sum + count, 0))
        expect(seen).toEqual(total.map((count) => [...new Array(count).keys(), -1]))
        if (burst < limit.rows) return
        const all = total.reduce((sum, count) => sum + count, 0)
        const windows = Math.ceil(all / limit.rows) + 1
        expect(scheduler.now()).toBeLessThanOrEqual(arrived + windows * limit.per)
      },
    )
    fc.assert(property, { numRuns: 300 })
  })

  it('needs no stack for 20 000 chunks', () => {
    let seen = 0
    range(0, 20_000)
      .pipe(
        map((n) => rows(1, n)),
        throttleRows({ rows: 1_000_000, per: 1 }),
      )
      .subscribe(([row]) => expect(row?.n).toBe(seen++))
    expect(seen).toBe(20_000)
  })

  it.each([0, 1])('needs no stack when each chunk that has passed leads to the next one, of %d rows', (size) => {
    const source$ = new Subject<readonly Numbered[]>()
    let seen = 0
    source$.pipe(throttleRows({ rows: 1_000_000, per: 1 })).subscribe(() => {
      if (++seen < 20_000) source$.next(rows(size))
    })
    source$.next(rows(size))
    expect(seen).toBe(20_000)
  })

  it('is known to be deterministic', () => {
    expect(isDeterministic(throttleRows({ rows: 1, per: 1 }))).toBe(true)
  })

  it.each<[ThrottleRowsOptions, RegExp]>([
    [{ per: 1 } as ThrottleRowsOptions, /option "rows" is missing; it must be a positive integer/],
    [{ rows: 1 } as ThrottleRowsOptions, /option "per" is missing/],
    [{ rows: 0, per: 1 }, /option "rows" must be a positive integer, and it is 0/],
    [{ rows: 1, per: '0 seconds' }, /option "per" must be more than 0/],
    [{ rows: 5, per: 1, burst: 6 }, /option "burst" must not be more than "rows", 5, and it is 6/],
    [{ rows: 5, per: 1, bust: 6 } as ThrottleRowsOptions, /unknown option "bust"; did you mean "burst"/],
  ])('refuses %o when it is made', (options, message) => {
    expect(() => throttleRows(options)).toThrow(OptionError)
    expect(() => throttleRows(options)).toThrow(message)
  })
})

describe('throttleRows, within a partition', () => {
  it('counts a chunk as unwritten until the last of it has passed', () => {
    const scheduler = new VirtualTimeScheduler()
    const demand = new Demand(8)
    const source$ = new Subject<readonly Numbered[]>()
    const during: number[] = []
    source$
      .pipe(withinPartition({ demand }, throttleRows<Numbered>({ rows: 2, per: 10, scheduler })))
      .subscribe(() => during.push(demand.chunks))
    source$.next(rows(3))
    source$.next(rows(1))
    expect(demand.chunks).toBe(2)
    scheduler.flush()
    expect(during).toEqual([1, 2, 1])
    expect(demand.chunks).toBe(0)
  })

  it.each([0, 1])(
    'makes a reader wait, and lets it go on in order and without deep stacks, chunks of %d rows',
    (size) => {
      const scheduler = new VirtualTimeScheduler()
      scheduler.maxFrames = 1_000_000
      const demand = new Demand(2)
      let seen = 0
      let asked = 0
      let mostAhead = 0
      const reader = new Observable<readonly Numbered[]>((subscriber) => {
        const ask = (): void => {
          while (demand.hasRoom && asked < 20_000) {
            mostAhead = Math.max(mostAhead, asked - seen)
            subscriber.next(rows(size, asked++))
          }
          if (asked < 20_000) demand.onRoom(ask)
        }
        ask()
      })
      reader
        .pipe(withinPartition({ demand }, throttleRows<Numbered>({ rows: 5_000, per: 10, scheduler })))
        .subscribe((chunk) => expect(numbers(chunk)).toEqual(numbers(rows(size, seen++))))
      expect([seen, asked]).toEqual(size === 0 ? [20_000, 20_000] : [5_000, 5_002])
      scheduler.flush()
      expect(seen).toBe(20_000)
      expect(mostAhead).toBeLessThan(2)
    },
  )

  it('takes turns without deep stacks', () => {
    const scheduler = new VirtualTimeScheduler()
    const throttle = throttleRows<Numbered>({ rows: 20_000, per: 10, scheduler })
    of(rows(20_000)).pipe(throttle).subscribe()
    const order: string[] = []
    for (const name of ['a', 'b']) {
      const demand = new Demand(2)
      from(new Array(10_000).fill(rows(1)))
        .pipe(withinPartition({ demand }, throttle))
        .subscribe(() => order.push(name))
    }
    scheduler.flush()
    expect(order).toEqual(Array.from({ length: 20_000 }, (_, index) => (index % 2 === 0 ? 'a' : 'b')))
  })

  it('counts in the partition that it is applied in when it is subscribed to later', () => {
    const scheduler = new VirtualTimeScheduler()
    const demand = new Demand(2)
    const later = (source: Observable<readonly Numbered[]>) =>
      throttleRows<Numbered>({ rows: 1, per: 10, scheduler })(source).pipe(subscribeOn(scheduler))
    of(rows(2)).pipe(withinPartition({ demand }, later)).subscribe()
    scheduler.maxFrames = 5
    scheduler.flush()
    expect(demand.chunks).toBe(1)
  })

  it('counts in the partition that it is subscribed to in, not in another one', () => {
    const [one, other] = [new Demand(2), new Demand(2)]
    const scheduler = new VirtualTimeScheduler()
    const operator = throttleRows<Numbered>({ rows: 1, per: 10, scheduler })
    of(rows(2))
      .pipe(withinPartition({ demand: one }, operator))
      .subscribe()
    of(rows(1), rows(1))
      .pipe(withinPartition({ demand: other }, operator))
      .subscribe()
    of(rows(1)).pipe(operator).subscribe()
    expect([one.chunks, other.chunks]).toEqual([1, 2])
  })
})
