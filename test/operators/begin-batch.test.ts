import { EMPTY, map, NEVER, of, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { beginBatch } from '../../operators/begin-batch.ts'
import type { Batch } from '../../src/batch.ts'
import type { BatchRun } from '../../src/batch-run.ts'
import { PortError } from '../../src/errors.ts'
import type { Result } from '../../src/result.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { batchOf, outcomeOf, type Position, plan, testContext, throwIt } from './a-run.ts'
import { edgeList } from './edge-list.ts'

type Answer = 'write' | 'committed'
const answers = { w: 'write', c: 'committed' } as const
const beginning = (begin: (batch: Batch) => Result<Answer>) => beginBatch<Position, string>({ begin })

describe('beginBatch', () => {
  const [a, b] = [batchOf(testContext()), batchOf(testContext())]
  edgeList({ operator: () => beginning(() => 'write'), source: { a, b }, result: { a, b } })

  it(
    'lets batches pass in order, each after the sink has answered, and marks those that the sink holds',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const slow = cold<Answer>('  ----(w|)', answers)
      const fast = cold<Answer>('  -(c|)', answers)
      const source = cold('       -ab|')
      const slowSubs = '          -^---!'
      const fastSubs = '          -----^!'
      const expected = '          -----a(b|)'
      const context = testContext()
      const batches = { a: batchOf(context), b: batchOf(context) }
      const asked = [slow, fast]
      const result = source.pipe(
        map((name) => batches[name as 'a' | 'b']),
        beginning(() => asked.shift() ?? 'write'),
      )
      expectObservable(result).toBe(expected, batches)
      expectSubscriptions(slow.subscriptions).toBe(slowSubs)
      expectSubscriptions(fast.subscriptions).toBe(fastSubs)
      flush()
      expect(batches).toMatchObject({ a: { committed: false }, b: { committed: true } })
      expect(context.events).toEqual([{ type: 'skipped', batchId: 0 }])
    }),
  )

  it(
    'passes on an empty source, silence and an error',
    marbles(({ cold, expectObservable }) => {
      const begin = beginning(() => 'write')
      expectObservable(EMPTY.pipe(begin)).toBe('|')
      expectObservable(NEVER.pipe(begin)).toBe('-')
      expectObservable(cold<BatchRun<Position, string>>('-#').pipe(begin)).toBe('-#')
    }),
  )

  it(
    'lets every batch pass where the sink has no begin',
    marbles(({ expectObservable }) => {
      const batch = batchOf(testContext())
      expectObservable(of(batch).pipe(beginBatch({}))).toBe('(a|)', { a: batch })
    }),
  )

  it('gives the sink the plain record, and calls it as its method, anew for each subscription', async () => {
    const sink = {
      asked: [] as Batch[],
      begin(batch: Batch): Answer {
        this.asked.push(batch)
        return 'write'
      },
    }
    const batch = batchOf(testContext())
    const result = of(batch).pipe(beginBatch<Position, string>(sink))
    expect(await outcomeOf(result)).toEqual({ values: [batch] })
    expect(await outcomeOf(result)).toEqual({ values: [batch] })
    expect(sink.asked).toEqual([plan(), plan()])
  })

  it(
    'asks again when the sink fails, after a while, and fails with its last error',
    marbles(({ cold, expectObservable, expectSubscriptions, flush, scheduler }) => {
      const begin = cold<Answer>('-#', {}, 'down')
      const subs = ['             ^!', '-----------^!', '----------------------^!']
      const expected = '          -----------------------#'
      const context = testContext({ scheduler })
      expectObservable(of(batchOf(context)).pipe(beginning(() => begin))).toBe(expected, {}, 'down')
      expectSubscriptions(begin.subscriptions).toBe(subs)
      flush()
      expect(context.events).toEqual([
        { type: 'retry', port: 'begin', batchId: 0, attempt: 1, delayMs: 10, error: 'down' },
        { type: 'retry', port: 'begin', batchId: 0, attempt: 2, delayMs: 10, error: 'down' },
      ])
    }),
  )

  it(
    'reaches the sink when nobody listens any more, also while it waits to ask again',
    marbles(({ cold, expectObservable, expectSubscriptions, scheduler }) => {
      const pending = cold<Answer>('-----(w|)', answers)
      const failing = cold<Answer>('-#')
      const unsub = '              ^--!'
      expectObservable(of(batchOf(testContext())).pipe(beginning(() => pending)), unsub).toBe('---')
      expectObservable(of(batchOf(testContext({ scheduler }))).pipe(beginning(() => failing)), unsub).toBe('---')
      expectSubscriptions(pending.subscriptions).toBe(unsub)
      expectSubscriptions(failing.subscriptions).toBe('^!')
    }),
  )

  it(
    'fails when begin throws',
    marbles(({ expectObservable, scheduler }) => {
      const batch = batchOf(testContext({ scheduler }))
      expectObservable(of(batch).pipe(beginning(() => throwIt('down')))).toBe('20ms #', {}, 'down')
      expectObservable(of(batch).pipe(beginning(() => throwError(() => 'down')))).toBe('20ms #', {}, 'down')
    }),
  )

  it.each([[undefined], ['skip'], [true], [null]])('fails when the sink answers with %j', async (answer) => {
    const batch = batchOf(testContext())
    const outcome = await outcomeOf(of(batch).pipe(beginning(() => answer as unknown as Answer)))
    expect(outcome).toEqual({ values: [], error: expect.any(PortError) })
    expect(outcome).toMatchObject({ error: { message: expect.stringContaining(String(answer)) } })
    expect(batch.committed).toBe(false)
  })
})
