import fc from 'fast-check'
import {
  concat,
  EMPTY,
  from,
  map,
  NEVER,
  Observable,
  of,
  range,
  Subject,
  take,
  tap,
  timer,
  VirtualTimeScheduler,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type MapChunksOptions, mapChunks } from '../../operators/map-chunks.ts'
import { Demand } from '../../src/demand.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { OptionError, PortError } from '../../src/errors.ts'
import type { Result } from '../../src/result.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { outcomeOf, throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'
import { withinPartition } from './within-partition.ts'

interface Numbered {
  readonly n: number
}

type Chunk = readonly Numbered[]

const chunk = (n: number): Chunk => [{ n }]
const chunks = { a: chunk(1), b: chunk(2), c: chunk(3), d: chunk(4), e: chunk(5) }
const twice = (rows: Chunk) => rows.map(({ n }) => ({ n: 2 * n }))

describe.each([1, 3])('mapChunks, concurrency %d', (concurrency) => {
  edgeList<Chunk, Chunk>({
    operator: () => mapChunks(twice, { concurrency }),
    source: { a: [{ n: 1 }, { n: 2 }], b: [] },
    result: { a: [{ n: 2 }, { n: 4 }], b: [] },
  })

  it('needs no stack for 20 000 chunks that answer synchronously after one that did not', () => {
    const first$ = new Subject<Chunk>()
    let calls = 0
    const seen: number[] = []
    const result = range(0, 20_000).pipe(
      map(chunk),
      mapChunks((rows) => (calls++ === 0 ? first$ : rows), { concurrency }),
    )
    result.subscribe({ next: ([row]) => seen.push(row?.n ?? -1), error: (error: unknown) => throwIt(error) })
    first$.next(chunk(0))
    first$.complete()
    expect(seen).toHaveLength(20_000)
    expect(seen.every((n, index) => n === index)).toBe(true)
  })

  it(
    'fails with what the function throws, leaves the source and calls it no more',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-b-(ac)|', chunks)
      const subs = '         ^--!'
      const expected = '     -a-#'
      const called: Chunk[] = []
      const project = (rows: Chunk) => {
        called.push(rows)
        return rows === chunks.b ? throwIt('error') : rows
      }
      expectObservable(source.pipe(mapChunks(project, { concurrency }))).toBe(expected, chunks)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )
})

describe('mapChunks', () => {
  it(
    'works on one chunk after the other by default',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (ab)-|', chunks)
      const subs = '         ^----!'
      const a = cold('       ---a|', chunks)
      const aSubs = '        ^---!'
      const b = cold('           -b|', chunks)
      const bSubs = '        ----^-!'
      const expected = '     ----a-(b|)'
      const answers = new Map<Chunk, Observable<Chunk>>([
        [chunks.a, a],
        [chunks.b, b],
      ])
      expectObservable(source.pipe(mapChunks((rows) => answers.get(rows) ?? EMPTY))).toBe(expected, chunks)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(a.subscriptions).toBe(aSubs)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
    }),
  )

  it(
    'works on so many side by side, and keeps their order whatever finishes first',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (abcde|)', chunks)
      const subs = '         (^!)'
      const a = cold('       -----a|', chunks)
      const aSubs = '        ^-----!'
      const b = cold('       ---b|', chunks)
      const bSubs = '        ^---!'
      const c = cold('       --c|', chunks)
      const cSubs = '        ^--!'
      const d = cold('             -------d|', chunks)
      const dSubs = '        ------^-------!'
      const e = cold('             e|', chunks)
      const eSubs = '        ------^!'
      const expected = '     ------(abc)---(de|)'
      const answers = [a, b, c, d, e]
      const result = source.pipe(mapChunks(([row]) => answers[(row?.n ?? 0) - 1] ?? EMPTY, { concurrency: 3 }))
      expectObservable(result).toBe(expected, chunks)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(a.subscriptions).toBe(aSubs)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
      expectSubscriptions(c.subscriptions).toBe(cSubs)
      expectSubscriptions(d.subscriptions).toBe(dSubs)
      expectSubscriptions(e.subscriptions).toBe(eSubs)
    }),
  )

  it('keeps the order for any durations and any concurrency', () => {
    const durations = fc.array(fc.nat(5), { maxLength: 12 })
    const property = fc.property(durations, fc.integer({ min: 1, max: 4 }), (list, concurrency) => {
      const scheduler = new VirtualTimeScheduler()
      const seen: number[] = []
      const [working, most] = [new Set<number>(), { count: 0 }]
      const project = ([row]: Chunk) => {
        const index = row?.n ?? -1
        working.add(index)
        most.count = Math.max(most.count, working.size)
        const ms = list[index] ?? 0
        const done = ms === 0 ? of(0) : timer(ms, scheduler)
        return done.pipe(
          map(() => chunk(index)),
          tap({ complete: () => working.delete(index) }),
        )
      }
      from(list.map((_, index) => chunk(index)))
        .pipe(mapChunks(project, { concurrency }))
        .subscribe({ next: ([row]) => seen.push(row?.n ?? -1), complete: () => seen.push(-1) })
      scheduler.flush()
      expect(seen).toEqual([...list.keys(), -1])
      expect(most.count).toBeLessThanOrEqual(concurrency)
    })
    fc.assert(property, { numRuns: 200 })
  })

  it(
    'unsubscribes from everything it is working on',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (abcd)---', chunks)
      const subs = '         ^----!'
      const answer = cold('  --------x|', { x: chunks.a })
      const answerSubs = new Array(3).fill('^----!')
      const unsubscribe = '  -----!'
      const expected = '     ------'
      expectObservable(source.pipe(mapChunks(() => answer, { concurrency: 3 })), unsubscribe).toBe(expected, chunks)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(answer.subscriptions).toBe(answerSubs)
    }),
  )

  it('calls the function no more when its subscriber leaves at a chunk', () => {
    const answer$ = new Subject<Chunk>()
    const called: Chunk[] = []
    const project = (rows: Chunk) => {
      called.push(rows)
      return answer$
    }
    const seen: Chunk[] = []
    concat(of(chunks.a, chunks.b), NEVER)
      .pipe(mapChunks(project), take(1))
      .subscribe((rows) => seen.push(rows))
    answer$.next(chunks.c)
    answer$.complete()
    expect(seen).toEqual([chunks.c])
    expect(called).toEqual([chunks.a])
  })

  it(
    'fails with the first answer that fails, and leaves the others and the source',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (abc)----d|', chunks)
      const subs = '         ^--!'
      const a = cold('       ------a|', chunks)
      const aSubs = '        ^--!'
      const b = cold<Chunk>('---#')
      const bSubs = '        ^--!'
      const expected = '     ---#'
      const answers: Observable<Chunk>[] = [a, b]
      const project = () => answers.shift() ?? throwIt('called a third time')
      expectObservable(source.pipe(mapChunks(project, { concurrency: 2 }))).toBe(expected, chunks)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(a.subscriptions).toBe(aSubs)
      expectSubscriptions(b.subscriptions).toBe(bSubs)
    }),
  )

  it(
    'fails with the source, and leaves what it is working on',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  a--#', chunks)
      const subs = '         ^--!'
      const answer = cold('  -----x|', { x: chunks.a })
      const answerSubs = '   ^--!'
      const expected = '     ---#'
      expectObservable(source.pipe(mapChunks(() => answer))).toBe(expected, chunks)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(answer.subscriptions).toBe(answerSubs)
    }),
  )

  it(
    'waits for an answer that never comes',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (ab|)', chunks)
      const subs = '         (^!)'
      const expected = '     -----'
      const project = (rows: Chunk): Observable<Chunk> => (rows === chunks.a ? NEVER : of(rows))
      expectObservable(source.pipe(mapChunks(project, { concurrency: 3 }))).toBe(expected, chunks)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it('takes promises, and fails with the reason of one that is rejected', async () => {
    const source = of(chunk(1), chunk(2), chunk(3))
    const project = async (rows: Chunk) => (rows[0]?.n === 3 ? throwIt('rejected') : twice(rows))
    const outcome = await outcomeOf(source.pipe(mapChunks(project, { concurrency: 3 })))
    expect(outcome).toEqual({ values: [chunk(2), chunk(4)], error: 'rejected' })
  })

  it.each<[string, Result<unknown>]>([
    ['nothing', undefined],
    ['a row', { n: 1 }],
    ['no value', EMPTY],
    ['two chunks', of(chunk(1), chunk(2))],
  ])('fails when the function answers with %s', (_, answer) => {
    const outcome = outcomeNow(of(chunk(1)).pipe(mapChunks(() => answer as Result<Chunk>)))
    expect(outcome).toEqual({ values: [], error: expect.any(PortError) })
    expect(outcome.error).toHaveProperty('message', expect.stringMatching(/\bmapChunks\b/))
  })

  it('is known to be deterministic', () => {
    expect(isDeterministic(mapChunks(twice))).toBe(true)
  })

  it.each<[MapChunksOptions, RegExp]>([
    [{ concurrency: 0 }, /option "concurrency" must be a positive integer, and it is 0/],
    [{ concurrency: Infinity }, /option "concurrency" .* it is Infinity/],
    [{ concurency: 2 } as MapChunksOptions, /unknown option "concurency"; did you mean "concurrency"/],
  ])('refuses %o when it is made', (options, message) => {
    expect(() => mapChunks(twice, options)).toThrow(OptionError)
    expect(() => mapChunks(twice, options)).toThrow(message)
  })
})

describe('mapChunks, within a partition', () => {
  it('counts a chunk as unwritten until it was passed on, whether it is worked on or waits for its turn or its place', () => {
    const demand = new Demand(8)
    const source$ = new Subject<Chunk>()
    const answers = [new Subject<Chunk>(), new Subject<Chunk>(), new Subject<Chunk>()]
    const during: number[] = []
    const project = ([row]: Chunk) => answers[row?.n ?? 0] ?? EMPTY
    source$
      .pipe(withinPartition({ demand }, mapChunks<Numbered, Numbered>(project, { concurrency: 2 })))
      .subscribe(() => during.push(demand.chunks))
    const answer = (n: number) => {
      answers[n]?.next(chunk(n))
      answers[n]?.complete()
      return demand.chunks
    }
    for (const n of [0, 1, 2]) source$.next(chunk(n))
    expect(demand.chunks).toBe(3)
    expect(answer(1)).toBe(3)
    expect(answer(0)).toBe(1)
    expect(answer(2)).toBe(0)
    expect(during).toEqual([3, 2, 1])
  })

  it('lets a reader that waits for room go on, in order and without deep stacks', () => {
    const demand = new Demand(2)
    const seen: number[] = []
    let asked = 0
    let mostAhead = 0
    const reader = new Observable<Chunk>((subscriber) => {
      const ask = (): void => {
        while (demand.hasRoom && asked < 20_000) {
          mostAhead = Math.max(mostAhead, asked - seen.length)
          subscriber.next(chunk(asked++))
        }
        if (asked < 20_000) demand.onRoom(ask)
      }
      ask()
    })
    const first$ = new Subject<Chunk>()
    const project = (rows: Chunk): Observable<Chunk> => (rows[0]?.n === 0 ? first$ : of(rows))
    reader
      .pipe(withinPartition({ demand }, mapChunks<Numbered, Numbered>(project, { concurrency: 2 })))
      .subscribe(([row]) => seen.push(row?.n ?? -1))
    expect(asked).toBe(2)
    first$.next(chunk(0))
    first$.complete()
    expect(seen).toEqual([...new Array(20_000).keys()])
    expect(mostAhead).toBeLessThan(2)
  })

  it('counts in the partition that it is subscribed to in, not in another one', () => {
    const [one, other] = [new Demand(2), new Demand(2)]
    const operator = mapChunks<Numbered, Numbered>(() => NEVER)
    of(chunk(1))
      .pipe(withinPartition({ demand: one }, operator))
      .subscribe()
    from([chunk(2), chunk(3)])
      .pipe(withinPartition({ demand: other }, operator))
      .subscribe()
    of(chunk(4)).pipe(operator).subscribe()
    expect([one.chunks, other.chunks]).toEqual([1, 2])
  })
})
