import { concat, EMPTY, NEVER, Observable, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { attemptPartition } from '../../operators/attempt-partition.ts'
import { readPartition } from '../../operators/read-partition.ts'
import { writeTo } from '../../operators/write-to.ts'
import type { Attempt, PartitionTask } from '../../src/batch-run.ts'
import { OperatorError, PostgresError, QueryError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { batchOf, chunks, outcomeOf, type Row, type TestContext, testContext, throwIt } from './a-run.ts'

function taskIn(context: TestContext): PartitionTask<string> {
  const [task] = batchOf(context).tasks
  if (task === undefined) throw new Error('the batch has no task')
  return task
}
const typesOf = ({ events }: TestContext) => events.map(({ type }) => type)
const place = { batchId: 0, partitionId: 0, partition: '0' }

describe('attemptPartition', () => {
  it(
    'gives what the attempt gives, and tells of its begin and end',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const context = testContext({ scheduler })
      const run = cold(' --a--|')
      const sub = '      ^----!'
      const expected = ' --a--|'
      const given: Attempt<string>[] = []
      const result = attemptPartition(taskIn(context), (attempt) => {
        given.push(attempt)
        attempt.rowsRead = 5
        return run
      })
      expectObservable(result).toBe(expected)
      expectSubscriptions(run.subscriptions).toBe(sub)
      flush()
      expect(given).toMatchObject([{ number: 0, task: { partition: 'p0' } }])
      expect(context.events).toMatchObject([
        { type: 'partition-started', ...place, attempt: 0 },
        { type: 'partition-finished', ...place, attempt: 0, rowsRead: 5, durationMs: 5 },
      ])
    }),
  )

  it(
    'stamps its begin and its end with the time at which they were',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const stamps: (number | undefined)[] = []
      const context = testContext({ scheduler, emit: (_event, at) => stamps.push(at) })
      expectObservable(
        attemptPartition(taskIn(context), () => cold('-----|')),
        '--^',
      ).toBe('--  -----|')
      flush()
      expect(stamps).toEqual([2, 7])
    }),
  )

  it(
    'passes on an empty run and silence',
    marbles(({ expectObservable }) => {
      expectObservable(attemptPartition(taskIn(testContext()), () => EMPTY)).toBe('|')
      expectObservable(attemptPartition(taskIn(testContext()), () => NEVER)).toBe('-')
    }),
  )

  it('makes no further attempt when the whole batch must be written again', async () => {
    const lost = new QueryError('partition', { query: 'q' }, new PostgresError('gone', { restartsBatch: true }))
    let attempts = 0
    const run = attemptPartition(taskIn(testContext()), () => {
      attempts++
      return throwError(() => lost)
    })
    expect(await outcomeOf(run)).toEqual({ values: [], error: lost })
    expect(attempts).toBe(1)
  })

  it(
    'makes a fresh attempt after each failure, and fails with the error of the last',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const context = testContext({ scheduler })
      const run = cold(' --#', {}, 'down')
      const subs = ['    ^-!', '10ms --^-!', '20ms ----^-!']
      const expected = ' 20ms ------#'
      const given: Attempt<string>[] = []
      const result = attemptPartition(taskIn(context), (attempt) => {
        given.push(attempt)
        return run
      })
      expectObservable(result).toBe(expected, {}, 'down')
      expectSubscriptions(run.subscriptions).toBe(subs)
      flush()
      expect(given.map(({ number }) => number)).toEqual([0, 1, 2])
      expect(new Set(given.map(({ controller }) => controller)).size).toBe(3)
      expect(new Set(given.map(({ demand }) => demand)).size).toBe(3)
      const failed = ['partition-started', 'partition-failed']
      expect(typesOf(context)).toEqual([...failed, 'retry', ...failed, 'retry', ...failed])
      expect(context.events[2]).toMatchObject({
        type: 'retry',
        port: 'partition',
        batchId: 0,
        partitionId: 0,
        error: 'down',
      })
    }),
  )

  it(
    'recovers, with the figures of the last attempt only',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const context = testContext({ scheduler })
      const runs = [cold('-#'), cold('-a|')]
      const result = attemptPartition(taskIn(context), (attempt) => {
        attempt.rowsRead += 3
        return runs.shift() ?? NEVER
      })
      expectObservable(result).toBe('10ms --a|')
      flush()
      expect(context.events.at(-1)).toMatchObject({
        type: 'partition-finished',
        attempt: 1,
        rowsRead: 3,
        durationMs: 2,
      })
    }),
  )

  it('does not try again what cannot be helped', async () => {
    const context = testContext()
    const error = new OperatorError('a part')
    const outcome = await outcomeOf(attemptPartition(taskIn(context), () => throwError(() => error)))
    expect(outcome).toEqual({ values: [], error })
    expect(typesOf(context)).toEqual(['partition-started', 'partition-failed'])
  })

  it(
    'takes a run that cannot be built for an attempt that failed',
    marbles(({ expectObservable, scheduler }) => {
      const attempts: number[] = []
      const result = attemptPartition(taskIn(testContext({ scheduler })), ({ number }) => {
        attempts.push(number)
        return number === 2 ? of('built') : throwIt('down')
      })
      expectObservable(result).toBe('20ms (a|)', { a: 'built' })
    }),
  )

  it(
    'ends the attempt, or the wait for the next one, when nobody listens any more',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const running = cold('-----|')
      const failing = cold('-#')
      const unsub = '       ^--!'
      const signals: AbortSignal[] = []
      const attempt = (run: Observable<string>) =>
        attemptPartition(taskIn(testContext({ scheduler })), ({ controller }) => {
          signals.push(controller.signal)
          return run
        })
      expectObservable(attempt(running), unsub).toBe('---')
      expectObservable(attempt(failing), unsub).toBe('---')
      expectSubscriptions(running.subscriptions).toBe(unsub)
      expectSubscriptions(failing.subscriptions).toBe('^!')
      flush()
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    }),
  )

  it.each<[string, Observable<string>, boolean]>([
    ['completes', of('a'), false],
    ['fails', throwError(() => new OperatorError('a part')), true],
  ])('aborts the signal only of an attempt that was over early: one that %s', async (_what, run, aborted) => {
    const signals: AbortSignal[] = []
    const outcome = outcomeOf(
      attemptPartition(taskIn(testContext()), ({ controller }) => {
        signals.push(controller.signal)
        return run
      }),
    )
    await outcome
    expect(signals).toMatchObject([{ aborted }])
  })

  it(
    'reads and writes the partition from its beginning, after the older attempt has discarded',
    marbles(({ cold, expectObservable, flush, scheduler }) => {
      const calls: string[] = []
      const reads = [cold('-a-#', chunks), cold('-a-b|', chunks)]
      const read = () => reads.shift() ?? NEVER
      const writer = {
        open: () => {
          const rows: Row[] = []
          calls.push(`${scheduler.now()} open`)
          return {
            write: (more: readonly Row[]) => rows.push(...more),
            finish: () => rows.length,
            discard: () =>
              concat(
                cold('----|'),
                new Observable<never>((subscriber) => {
                  calls.push(`${scheduler.now()} discarded`)
                  subscriber.complete()
                }),
              ),
          }
        },
      }
      const result = attemptPartition(taskIn(testContext({ scheduler })), (attempt) =>
        readPartition<string, Row>({ read }, attempt).pipe(writeTo<Row, number>(writer, attempt)),
      )
      expectObservable(result).toBe('21ms (a|)', { a: { partitionId: 0, message: 3 } })
      flush()
      expect(calls).toEqual(['0 open', '7 discarded', '17 open'])
    }),
  )
})
