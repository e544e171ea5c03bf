import { EMPTY, NEVER, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { latestOffset, type OffsetRange } from '../../operators/latest-offset.ts'
import { OffsetError, OffsetRegressionError, PortError } from '../../src/errors.ts'
import { type ReadLimit, readAllAvailable } from '../../src/source.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { type Position, testContext, throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const at = (offset: number): Position => ({ offset })
const range = (from: number, to: number): OffsetRange<Position> => ({ start: at(from), end: at(to) })
const compare = (a: Position, b: Position) => a.offset - b.offset

describe('latestOffset', () => {
  edgeList({
    operator: () => latestOffset({ latestOffset: ({ offset }: Position) => at(offset + 10) }),
    source: { a: at(0), b: at(10) },
    result: { a: range(0, 10), b: range(10, 20) },
  })

  it(
    'asks for one start after the other, and gives the ranges in their order',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('     (ab|)', { a: at(0), b: at(5) })
      const subs = '            (^!)'
      const first = cold('      --x|', { x: at(5) })
      const firstSubs = '       ^--!'
      const second = cold('        -y|', { y: at(7) })
      const secondSubs = '      ---^-!'
      const expected = '        ---r-(s|)'
      const reader = { latestOffset: (start: Position) => (start.offset === 0 ? first : second) }
      expectObservable(source.pipe(latestOffset(reader))).toBe(expected, { r: range(0, 5), s: range(5, 7) })
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
    }),
  )

  it(
    'cancels the question when it is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('     a-----|', { a: at(0) })
      const subs = '            ^--!'
      const answer = cold('     ------x|', { x: at(5) })
      const answerSubs = '      ^--!'
      const unsubscribe = '     ---!'
      const expected = '        ----'
      expectObservable(source.pipe(latestOffset({ latestOffset: () => answer })), unsubscribe).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(answer.subscriptions).toBe(answerSubs)
    }),
  )

  it(
    'waits for an answer that never comes',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('     -a-|', { a: at(0) })
      const subs = '            ^--!'
      const expected = '        ------'
      expectObservable(source.pipe(latestOffset<Position>({ latestOffset: () => NEVER }))).toBe(expected)
      expectSubscriptions(source.subscriptions).toBe(subs)
    }),
  )

  it(
    "repeats a question that failed by the run's retry policy, then fails with its last error",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('     a-|', { a: at(0) })
      const subs = '            ^-!'
      const answer = cold('     --#')
      const answerSubs = [
        '                       ^-!',
        '                       ------------^-!',
        '                       ------------------------^-!',
      ]
      const expected = '        --------------------------#'
      const context = testContext()
      expectObservable(source.pipe(latestOffset({ latestOffset: () => answer }, readAllAvailable, context))).toBe(
        expected,
      )
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(answer.subscriptions).toBe(answerSubs)
    }),
  )

  it('asks exactly once for each start, with the limit it was given', () => {
    const asked: unknown[] = []
    const reader = {
      compare,
      latestOffset: (start: Position, limit: ReadLimit) => {
        asked.push([start, limit])
        return at(start.offset + 1)
      },
    }
    const limit = { maxRows: 5, maxBytes: 6, maxFiles: 7 }
    const { values } = outcomeNow(of(at(0), at(3)).pipe(latestOffset(reader, limit)))
    expect(values).toEqual([range(0, 1), range(3, 4)])
    expect(asked).toEqual([
      [at(0), limit],
      [at(3), limit],
    ])
  })

  it('sets no limit by default', () => {
    const limits: ReadLimit[] = []
    const reader = {
      latestOffset: (start: Position, limit: ReadLimit) => {
        limits.push(limit)
        return start
      },
    }
    outcomeNow(of(at(0)).pipe(latestOffset(reader)))
    expect(limits).toEqual([{ maxRows: Infinity, maxBytes: Infinity, maxFiles: Infinity }])
  })

  it('calls as a method of the reader', () => {
    class Reader {
      readonly step = 2
      latestOffset(start: Position): Position {
        return at(start.offset + this.step)
      }
      compare(a: Position, b: Position): number {
        return (a.offset - b.offset) * this.step
      }
    }
    expect(outcomeNow(of(at(0)).pipe(latestOffset(new Reader())))).toEqual({ values: [range(0, 2)] })
  })

  it('gives nothing when the answer equals the start, and does not compare then', () => {
    const reader = { latestOffset: () => at(3), compare: () => throwIt(new Error('compared')) }
    expect(outcomeNow(of(at(3)).pipe(latestOffset(reader)))).toEqual({ values: [] })
  })

  it('takes offsets as equal when only the order of their keys differs, at every level', () => {
    const start = { shard: { a: 1, b: 2 }, time: 'noon' }
    const answer = { time: 'noon', shard: { b: 2, a: 1 } }
    expect(outcomeNow(of(start).pipe(latestOffset({ latestOffset: () => answer })))).toEqual({ values: [] })
  })

  it('takes a number and its text as different', () => {
    const reader = { latestOffset: () => ({ id: '1' }) }
    const { values } = outcomeNow(of({ id: 1 }).pipe(latestOffset<{ id: number | string }>(reader)))
    expect(values).toEqual([{ start: { id: 1 }, end: { id: '1' } }])
  })

  it('refuses an answer before the start, and names both', () => {
    const { values, error } = outcomeNow(of(at(5)).pipe(latestOffset({ latestOffset: () => at(4), compare })))
    expect(values).toEqual([])
    expect(error).toBeInstanceOf(OffsetRegressionError)
    expect(error).toHaveProperty('message', 'latestOffset went back from {"offset":5} to {"offset":4}')
  })

  it('takes an answer that has the rank of the start and another text as a range', () => {
    const reader = { latestOffset: () => ({ offset: 5, epoch: 2 }), compare }
    const { values } = outcomeNow(of({ offset: 5 }).pipe(latestOffset<Position>(reader)))
    expect(values).toEqual([{ start: { offset: 5 }, end: { offset: 5, epoch: 2 } }])
  })

  it('can tell no regression without compare', () => {
    expect(outcomeNow(of(at(5)).pipe(latestOffset({ latestOffset: () => at(4) })))).toEqual({ values: [range(5, 4)] })
  })

  it.each([
    ['a float', { offset: 0.5 }, /offset must be a safe integer, and it is 0.5/],
    ['an unsafe integer', { offset: 2 ** 53 }, /offset must be a safe integer/],
    ['NaN', { offset: Number.NaN }, /offset must be a safe integer, and it is NaN/],
    ['null inside', { offset: null }, /offset must be an integer.*null/],
    ['an array inside', { offset: [1] }, /offset must be an integer.*an array/],
    ['a Date inside', { offset: new Date(0) }, /offset must be a plain object.*Date/],
    ['null', null, /an offset is an object.*null/],
    ['nothing', undefined, /an offset is an object.*undefined/],
    ['a number', 5, /an offset is an object.*number/],
  ])('refuses %s as an answer, without asking again', (_, answer, message) => {
    let asked = 0
    const reader = {
      latestOffset: (): Position => {
        asked++
        return answer as unknown as Position
      },
    }
    const { error } = outcomeNow(of(at(0)).pipe(latestOffset(reader)))
    expect(error).toBeInstanceOf(OffsetError)
    expect(error).toHaveProperty('message', expect.stringMatching(message))
    expect(error).toHaveProperty('message', expect.stringMatching(/^latestOffset: /))
    expect(asked).toBe(1)
  })

  it('names the start when that is no offset', () => {
    const { error } = outcomeNow(of(at(1.5)).pipe(latestOffset({ latestOffset: () => at(2) })))
    expect(error).toBeInstanceOf(OffsetError)
    expect(error).toHaveProperty('message', expect.stringMatching(/^start: offset must be a safe integer/))
  })

  it.each([
    ['no', EMPTY],
    ['a second', of(at(1), at(2))],
  ])('fails when the source answers with %s value', (_, answer) => {
    const { error } = outcomeNow(of(at(0)).pipe(latestOffset({ latestOffset: () => answer })))
    expect(error).toBeInstanceOf(PortError)
  })

  it('fails with what latestOffset throws, and with what compare throws', () => {
    const broken = Object.assign(new Error('broken'), { retryable: false })
    const thrower = () => throwIt(broken)
    expect(outcomeNow(of(at(0)).pipe(latestOffset<Position>({ latestOffset: thrower }))).error).toBe(broken)
    const reader = { latestOffset: () => at(1), compare: thrower }
    expect(outcomeNow(of(at(0)).pipe(latestOffset(reader))).error).toBe(broken)
    expect(outcomeNow(of(at(0)).pipe(latestOffset<Position>({ latestOffset: () => throwError(thrower) }))).error).toBe(
      broken,
    )
  })

  it(
    'tells how long the answer took, once for each start, also when nothing is new',
    marbles(({ cold, expectObservable, flush }) => {
      const source = cold('     a----b|', { a: at(0), b: at(5) })
      const answer = cold('     ---x|', { x: at(5) })
      const expected = '        ----r----|'
      const context = testContext()
      const reader = { latestOffset: () => answer }
      expectObservable(source.pipe(latestOffset(reader, readAllAvailable, context))).toBe(expected, { r: range(0, 5) })
      flush()
      const event = { type: 'phase', phase: 'latestOffset', durationMs: 4 }
      expect(context.events).toEqual([event, event])
    }),
  )
})
