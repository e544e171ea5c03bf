import { defer, EMPTY, Observable, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { restartBatch } from '../../operators/restart-batch.ts'
import { PostgresError } from '../../src/errors.ts'
import type { Result } from '../../src/result.ts'
import { defaultRetryPolicy } from '../../src/retry.ts'
import { type MarblesContext, marbles } from '../../src/testing/marbles.ts'
import { batchOf, type TestContext, testContext } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const lost = new PostgresError('the transaction is gone', { restartsBatch: true })

/** Three attempts, 10 ms between them. `steps` has the frame of each call. */
function scene({ scheduler }: MarblesContext, begin: () => Result<'write' | 'committed'> = () => 'write') {
  const steps: string[] = []
  const at = (what: string): void => {
    steps.push(`${scheduler.now()} ${what}`)
  }
  const context: TestContext = testContext({ scheduler })
  const writer = {
    begin: () => {
      at('begin')
      return begin()
    },
  }
  const giveUp = defer(() => {
    at('give up')
    return EMPTY
  })
  return { steps, context, operator: restartBatch<string, object, string>(writer, batchOf(context), giveUp) }
}

/** One Observable for each subscription. */
function inTurn(...runs: readonly Observable<string>[]): Observable<string> {
  let run = 0
  return defer(() => runs[run++] as Observable<string>)
}

describe('restartBatch', () => {
  edgeListOfPassing<string>(() => restartBatch({}, batchOf(testContext()), EMPTY), { a: 'a', b: 'b' })

  it(
    'begins again and subscribes again after what the sink has lost',
    marbles((m) => {
      const { operator, steps } = scene(m)
      const [first, second] = [m.cold('-#', {}, lost), m.cold('--x|')]
      m.expectObservable(inTurn(first, second).pipe(operator)).toBe('- 10ms --x|')
      m.expectSubscriptions(second.subscriptions).toBe('       - 10ms ^--!')
      m.flush()
      expect(steps).toEqual(['11 begin'])
    }),
  )

  it('lets go of what failed before it begins again', () => {
    const steps: string[] = []
    const run = (name: string, end: Observable<string>): Observable<string> =>
      new Observable((subscriber) => {
        steps.push(name)
        subscriber.add(() => steps.push(`${name} torn down`))
        end.subscribe(subscriber)
      })
    const retry = { ...defaultRetryPolicy, retryAfter: () => 0 }
    const operator = restartBatch<string, object, string>({}, batchOf(testContext({ retry })), EMPTY)
    const runs = [
      run(
        'first',
        throwError(() => lost),
      ),
      run('second', EMPTY),
    ]
    expect(outcomeNow(inTurn(...runs).pipe(operator))).toEqual({ values: [] })
    expect(steps).toEqual(['first', 'first torn down', 'second', 'second torn down'])
  })

  it(
    'lets any other error pass, also of a later run, without giving up twice',
    marbles((m) => {
      const { operator, steps } = scene(m)
      m.expectObservable(inTurn(m.cold('-#', {}, lost), m.cold('-#')).pipe(operator)).toBe('- 10ms -#')
      m.flush()
      expect(steps).toEqual(['11 begin'])
    }),
  )

  it(
    'gives up once, after the last attempt',
    marbles((m) => {
      const { operator, steps } = scene(m)
      m.expectObservable(m.cold('#', {}, lost).pipe(operator)).toBe('20ms #', {}, lost)
      m.flush()
      expect(steps).toEqual(['10 begin', '20 begin', '20 give up'])
    }),
  )

  it(
    'gives up when the sink can not begin again',
    marbles((m) => {
      const broken = Object.assign(new Error('no'), { retryable: false })
      const { operator, steps } = scene(m, () => {
        throw broken
      })
      m.expectObservable(m.cold('#', {}, lost).pipe(operator)).toBe('10ms #', {}, broken)
      m.flush()
      expect(steps).toEqual(['10 begin', '10 give up'])
    }),
  )

  it.each([
    ['between two runs', '-----!', '-', ['5 give up']],
    ['while the sink begins again', '------------!', '-', ['10 begin', '12 give up']],
  ] as const)('gives up when nobody listens any more %s', (_when, unsubscribe, expected, calls) =>
    marbles((m) => {
      const { operator, steps } = scene(m, () => m.cold<'write'>('-----(w|)', { w: 'write' }) as never)
      m.expectObservable(m.cold('#', {}, lost).pipe(operator), unsubscribe).toBe(expected)
      m.flush()
      expect(steps).toEqual(calls)
    })(),
  )

  it(
    'has nothing to give up while the source is under way, whose own tear-down it is',
    marbles((m) => {
      const { operator, steps } = scene(m)
      m.expectObservable(inTurn(m.cold('#', {}, lost), m.cold('------')).pipe(operator), '---------------!').toBe('-')
      m.flush()
      expect(steps).toEqual(['10 begin'])
    }),
  )

  it(
    'starts clean for each subscription',
    marbles((m) => {
      const { operator, steps } = scene(m)
      const result = throwError(() => lost).pipe(operator)
      m.expectObservable(result).toBe('20ms #', {}, lost)
      m.expectObservable(result).toBe('20ms #', {}, lost)
      m.flush()
      expect(steps.filter((step) => step.endsWith('give up'))).toHaveLength(2)
    }),
  )
})
