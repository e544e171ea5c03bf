import { EMPTY, NEVER, type Observable, of } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { OffsetRange } from '../../operators/latest-offset.ts'
import { planPartitions } from '../../operators/plan-partitions.ts'
import { PortError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { type Position, testContext, throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const range = (from: number, to: number): OffsetRange<Position> => ({ start: { offset: from }, end: { offset: to } })
const ranges = { a: range(0, 2), b: range(2, 3) }
const slices = (start: Position, end: Position): readonly number[] =>
  Array.from({ length: end.offset - start.offset }, (_, index) => start.offset + index)

/** What goes on for an answer of `partitions`. */
const planned = (answer: unknown) =>
  outcomeNow(of(range(0, 1)).pipe(planPartitions({ partitions: () => answer as readonly unknown[] })))

describe('planPartitions', () => {
  edgeList({
    operator: () => planPartitions({ partitions: slices }),
    source: ranges,
    result: { a: { ...ranges.a, partitions: [0, 1] }, b: { ...ranges.b, partitions: [2] } },
  })

  it(
    'plans one range after the other',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (ab|)', ranges)
      const subs = '         (^!)'
      const first = cold('   --x|', { x: ['p'] })
      const firstSubs = '    ^--!'
      const second = cold('     -y|', { y: [] })
      const secondSubs = '   ---^-!'
      const expected = '     ---r-(s|)'
      const reader = { partitions: (start: Position) => (start.offset === 0 ? first : second) }
      const results = { r: { ...ranges.a, partitions: ['p'] }, s: { ...ranges.b, partitions: [] } }
      expectObservable(source.pipe(planPartitions(reader))).toBe(expected, results)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
    }),
  )

  it(
    'cancels the question when it is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  a-----|', ranges)
      const subs = '         ^--!'
      const answer = cold('  ------x|', { x: ['p'] })
      const answerSubs = '   ^--!'
      const unsubscribe = '  ---!'
      const expected = '     ----'
      expectObservable(source.pipe(planPartitions({ partitions: () => answer })), unsubscribe).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(answer.subscriptions).toBe(answerSubs)
    }),
  )

  it(
    'waits for an answer that never comes',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  -a-|', ranges)
      const subs = '         ^--!'
      const expected = '     ------'
      expectObservable(source.pipe(planPartitions<Position, never>({ partitions: () => NEVER }))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    "repeats a question that failed by the run's retry policy, and tells how long the answer took in all",
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  a-|', ranges)
      const subs = '         ^-!'
      const first = cold<string[]>('   --#')
      const firstSubs = '    ^-!'
      const second = cold('              -x|', { x: ['p'] })
      const secondSubs = '   ------------^-!'
      const expected = '     --------------(r|)'
      const context = testContext()
      const answers: Observable<readonly string[]>[] = [first, second]
      const reader = { partitions: () => answers.shift() ?? EMPTY }
      const results = { r: { ...ranges.a, partitions: ['p'] } }
      expectObservable(source.pipe(planPartitions(reader, context))).toBe(expected, results)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
      flush()
      expect(context.events).toEqual([
        { type: 'retry', port: 'partitions', attempt: 1, delayMs: 10, error: 'error' },
        { type: 'phase', phase: 'queryPlanning', durationMs: 14 },
      ])
    }),
  )

  it('asks once for each range, with its start and its end, as a method of the reader', () => {
    class Reader {
      readonly asked: unknown[] = []
      partitions(start: Position, end: Position): readonly string[] {
        this.asked.push([start, end])
        return []
      }
    }
    const reader = new Reader()
    outcomeNow(of(ranges.a, ranges.b).pipe(planPartitions(reader)))
    expect(reader.asked).toEqual([
      [{ offset: 0 }, { offset: 2 }],
      [{ offset: 2 }, { offset: 3 }],
    ])
  })

  it.each([
    ['an object with a gap', { from: 1, to: undefined }, { from: 1 }],
    [
      'a class',
      new (class Slice {
        readonly from = 1
      })(),
      { from: 1 },
    ],
  ])('makes of %s in a partition what the log will give back', (_, partition, logged) => {
    const { values } = planned([partition])
    expect(values).toStrictEqual([{ ...range(0, 1), partitions: [logged] }])
  })

  it.each([
    ['a Date', new Date(0), 'a Date'],
    ['a Map', new Map([['key', 1]]), 'a Map'],
    ['undefined', undefined, 'undefined'],
    ['NaN', Number.NaN, 'NaN'],
    ['Infinity, the end of an open window', Number.POSITIVE_INFINITY, 'Infinity'],
    ['bytes', new Uint8Array([7]), 'a Uint8Array'],
  ])('refuses %s in a partition: a replay would read something else', (_, to, found) => {
    const { error } = planned([{ from: 0, to: 5 }, { nested: [to] }])
    expect(error).toBeInstanceOf(PortError)
    expect(error).toHaveProperty(
      'message',
      expect.stringMatching(`partitions\\[1\\]\\.nested\\[0\\] .* it is ${found}$`),
    )
  })

  it('passes copies on, so that the source can change nothing later', () => {
    const partition = { from: 1 }
    const { values } = planned([partition])
    partition.from = 2
    expect(values).toEqual([{ ...range(0, 1), partitions: [{ from: 1 }] }])
  })

  it.each([
    [
      'a circle',
      () => {
        const partition: { self?: unknown } = {}
        partition.self = partition
        return partition
      },
      /^partitions must be JSON-serialisable: .*circular/i,
    ],
    ['a bigint', () => ({ from: 1n }), /^partitions must be JSON-serialisable: .*BigInt/],
    ['a toJSON that throws', () => ({ toJSON: () => throwIt(new Error('no text')) }), /JSON-serialisable: no text$/],
  ])('refuses %s in a partition, and keeps the cause', (_, make, message) => {
    const { error } = planned([make()])
    expect(error).toBeInstanceOf(PortError)
    expect(error).toHaveProperty('message', expect.stringMatching(message))
    expect(error).toHaveProperty('cause', expect.any(Error))
  })

  it.each([
    ['an object', { 0: 'p', length: 1 }, 'object'],
    ['a text', 'pq', 'string'],
    ['nothing', undefined, 'undefined'],
  ])('refuses %s instead of a list', (_, answer, kind) => {
    const { error } = planned(answer)
    expect(error).toBeInstanceOf(PortError)
    expect(error).toHaveProperty('message', `partitions must answer with an array, and it answered with ${kind}`)
  })

  it('does not ask again when the answer is refused', () => {
    let asked = 0
    const partitions = () => {
      asked++
      return [1n]
    }
    outcomeNow(of(range(0, 1)).pipe(planPartitions({ partitions })))
    expect(asked).toBe(1)
  })

  it('fails with what partitions throws', () => {
    const broken = Object.assign(new Error('broken'), { retryable: false })
    const reader = { partitions: () => throwIt(broken) }
    expect(outcomeNow(of(range(0, 1)).pipe(planPartitions(reader))).error).toBe(broken)
  })
})
