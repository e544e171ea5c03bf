import { NEVER, of, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type HoldBackOptions, holdBack } from '../../operators/hold-back.ts'
import type { OffsetRange } from '../../operators/latest-offset.ts'
import { OptionError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { type Position, testContext, throwIt } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const rows = (count: number): OffsetRange<Position> => ({ start: { offset: 0 }, end: { offset: count } })
const distance = (from: Position, to: Position) => to.offset - from.offset
const ranges = { a: rows(3), b: rows(4), f: rows(1), g: rows(2) }

/** Lets three rows pass, or what has waited for ten milliseconds. */
const limits = (onHeld: HoldBackOptions['onHeld'] = () => {}): HoldBackOptions => ({
  minRows: 3,
  maxDelayMs: 10,
  onHeld,
})

describe('holdBack', () => {
  edgeListOfPassing(() => holdBack({ distance }, limits(), testContext()), ranges)

  it(
    'swallows ranges of fewer rows, and passes what holds enough or has waited long enough since the first of them',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const source = cold('  f-g-a-f----g----f-f|', ranges)
      const subs = '         ^------------------!'
      const expected = '     ----a-----------f--|'
      const held: number[] = []
      const passed = source.pipe(
        holdBack(
          { distance },
          limits((leftMs) => held.push(leftMs)),
          testContext(),
        ),
      )
      expectObservable(passed).toBe(expected, ranges)
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(held).toEqual([10, 8, 10, 5, 10])
    }),
  )

  it(
    'counts by the source, one range after the other',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  (ab|)', ranges)
      const subs = '         (^!)'
      const first = cold('   --x|', { x: 3 })
      const firstSubs = '    ^--!'
      const second = cold('     ---y|', { y: 4 })
      const secondSubs = '   ---^---!'
      const expected = '     ---a---(b|)'
      const counts = [first, second]
      const reader = { distance: () => counts.shift() ?? NEVER }
      expectObservable(source.pipe(holdBack(reader, limits(), testContext()))).toBe(expected, ranges)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
    }),
  )

  it(
    'cancels the count when it is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  a-----|', ranges)
      const subs = '         ^--!'
      const count = cold('   ------x|', { x: 3 })
      const countSubs = '    ^--!'
      const unsubscribe = '  ---!'
      const expected = '     ----'
      const held = source.pipe(holdBack<Position>({ distance: () => count }, limits(), testContext()))
      expectObservable(held, unsubscribe).toBe(expected, ranges)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(count.subscriptions).toBe(countSubs)
    }),
  )

  it(
    "repeats a count that failed by the run's retry policy, then fails with its last error",
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('  a|', ranges)
      const subs = '         ^!'
      const count = cold<number>('   --#')
      const countSubs = [
        '                    ^-!',
        '                    ------------^-!',
        '                    ------------------------^-!',
      ]
      const expected = '     --------------------------#'
      const held = source.pipe(holdBack<Position>({ distance: () => count }, limits(), testContext()))
      expectObservable(held).toBe(expected, ranges)
      expectSubscriptions(source.subscriptions).toBe(subs)
      expectSubscriptions(count.subscriptions).toBe(countSubs)
    }),
  )

  it('remembers over subscriptions since when something has waited, to the millisecond', () => {
    const ask = asker()
    expect(ask(5, rows(1))).toEqual({ heldFor: 10 })
    expect(ask(14, rows(2))).toEqual({ heldFor: 1 })
    expect(ask(15, rows(2))).toEqual('passed')
  })

  it('waits anew for what comes after a range that passed, by number or by time', () => {
    const ask = asker()
    expect(ask(0, rows(1))).toEqual({ heldFor: 10 })
    expect(ask(4, rows(3))).toEqual('passed')
    expect(ask(6, rows(1))).toEqual({ heldFor: 10 })
    expect(ask(16, rows(1))).toEqual('passed')
    expect(ask(17, rows(1))).toEqual({ heldFor: 10 })
  })

  it('lets nothing wait with a delay of 0', () => {
    expect(asker({ maxDelayMs: 0 })(0, rows(1))).toEqual('passed')
  })

  it('keeps two operators apart', () => {
    const [one, other] = [asker(), asker()]
    expect(one(0, rows(1))).toEqual({ heldFor: 10 })
    expect(other(7, rows(1))).toEqual({ heldFor: 10 })
  })

  it('counts each range once, from its start to its end', () => {
    const counted: unknown[] = []
    const reader = {
      distance: (from: Position, to: Position) => {
        counted.push([from, to])
        return 3
      },
    }
    outcomeNow(of(rows(1), rows(2)).pipe(holdBack(reader, limits(), testContext())))
    expect(counted).toEqual([
      [{ offset: 0 }, { offset: 1 }],
      [{ offset: 0 }, { offset: 2 }],
    ])
  })

  it('calls distance as a method of the reader', () => {
    class Reader {
      readonly rowsPerStep = 3
      distance(from: Position, to: Position): number {
        return (to.offset - from.offset) * this.rowsPerStep
      }
    }
    expect(outcomeNow(of(rows(1)).pipe(holdBack(new Reader(), limits(), testContext())))).toEqual({ values: [rows(1)] })
  })

  it('fails with what distance throws, and with what onHeld throws', () => {
    const broken = Object.assign(new Error('broken'), { retryable: false })
    const thrower = () => throwIt(broken)
    const source = of(rows(1))
    expect(outcomeNow(source.pipe(holdBack({ distance: thrower }, limits(), testContext()))).error).toBe(broken)
    expect(outcomeNow(source.pipe(holdBack({ distance }, limits(thrower), testContext()))).error).toBe(broken)
  })

  it('refuses a reader that cannot count, when it is made', () => {
    expect(() => holdBack({}, limits(), testContext())).toThrow(OptionError)
    expect(() => holdBack({}, limits(), testContext())).toThrow(/minRows.* needs a source with distance/)
  })
})

/** Asks one and the same operator again and again, each time in a subscription of its own. */
function asker(options: Partial<HoldBackOptions> = {}) {
  const scheduler = new VirtualTimeScheduler()
  let heldFor: number | undefined
  const onHeld = (leftMs: number) => {
    heldFor = leftMs
  }
  const operator = holdBack({ distance }, { ...limits(onHeld), ...options }, testContext({ scheduler }))
  return (atMs: number, range: OffsetRange<Position>) => {
    scheduler.frame = atMs
    heldFor = undefined
    const { values } = outcomeNow(of(range).pipe(operator))
    if (values.length > 0) expect([values, heldFor]).toEqual([[range], undefined])
    return values.length > 0 ? 'passed' : { heldFor }
  }
}
