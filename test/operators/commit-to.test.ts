import { defer, EMPTY, mergeMap, NEVER, type Observable, of, throwError, timer } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type CommittableReader, type CommittableWriter, commitTo } from '../../operators/commit-to.ts'
import type { PartitionMessage } from '../../operators/write-to.ts'
import { CheckpointWriteError, CommitInDoubtError, PortError, PostgresError } from '../../src/errors.ts'
import { QueryLog } from '../../src/query-log.ts'
import type { Result } from '../../src/result.ts'
import { type MarblesContext, marbles } from '../../src/testing/marbles.ts'
import { batchOf, isIdle, outcomeOf, type Position, plan, sessionOf, testContext, throwIt } from './a-run.ts'

type Step = 'begin' | 'hold' | 'commit' | 'abort' | 'done' | 'source' | 'release'
/** What each step answers with; what has no answer here is done at once. */
type Answers = Partial<Record<Step, () => Result<unknown>>>
interface SceneOptions {
  readonly partitions?: readonly string[]
  readonly acked?: boolean
  /** The queue is asked whether it still holds the batch. */
  readonly holds?: boolean
}

const partitions = ['p0', 'p1', 'p2']
/** Messages of the partitions, by letter. */
const messages: Record<string, PartitionMessage<string>> = {
  a: { partitionId: 0, message: 'A' },
  b: { partitionId: 1, message: 'B' },
  c: { partitionId: 2, message: 'C' },
}

/** A batch about to end, with ports that note the time of each call. */
function scene({ scheduler }: Pick<MarblesContext, 'scheduler'>, answers: Answers = {}, options: SceneOptions = {}) {
  const steps: string[] = []
  const take = (step: Step, detail: string): Result<unknown> => {
    steps.push(`${scheduler.now()} ${step}${detail === '' ? '' : ` ${detail}`}`)
    return answers[step]?.()
  }
  const context = testContext({ scheduler })
  const batch = batchOf(context, options.partitions ?? partitions)
  const session = sessionOf({
    recovered: { pending: batch.planned },
    write: (records) => take('done', records.map((record) => ('done' in record ? record.outcome : 'other')).join()),
  })
  const log = new QueryLog(session)
  const list = (given: readonly (string | undefined)[]) => given.map((message) => message ?? '-').join('')
  const writer = {
    begin: () => (take('begin', '') ?? 'write') as Result<'write' | 'committed'>,
    commit: (given: readonly string[]) => take('commit', list(given)),
    abort: (given: readonly (string | undefined)[]) => take('abort', list(given)),
  }
  const commit = ({ offset }: Position) => take('source', `${offset}`)
  const release = (start: Position, end: Position) => take('release', `${start.offset} ${end.offset}`)
  const hold = (start: Position, end: Position) => take('hold', `${start.offset} ${end.offset}`)
  const queue = { kind: 'acked', commit, release, ...(options.holds === true ? { hold } : {}) } as const
  const reader: CommittableReader<Position> = options.acked === true || options.holds === true ? queue : { commit }
  const ending = commitTo<Position, string, string>(writer, log, reader, batch)
  return { steps, context, batch, session, log, ending, end: { x: batch } }
}

const typesOf = (events: readonly { readonly type: string }[]) => events.map(({ type }) => type)
const committed = (at: number, then = at, last = then) => [
  `${at} commit ABC`,
  `${then} done committed`,
  `${last} source 10`,
]

describe('a batch whose partitions are all written', () => {
  it(
    'is committed by the sink, then logged as done, then committed by the source, with the messages by slot',
    marbles((m) => {
      const answers = { commit: () => m.cold('--|'), done: () => m.cold('---|'), source: () => m.cold('-|') }
      const { ending, steps, end, context } = scene(m, answers)
      const source = m.cold('-c-ab|', messages)
      const sub = '          ^----!'
      // commit                   --|
      // done                       ---|
      // source                        -|
      const expected = '     -----------(x|)'
      m.expectObservable(source.pipe(ending)).toBe(expected, end)
      m.expectSubscriptions(source.subscriptions).toBe(sub)
      m.flush()
      expect(steps).toEqual(committed(5, 7, 10))
      expect(typesOf(context.events).filter((type) => type !== 'phase')).toEqual([
        'sink-committed',
        'done',
        'source-committed',
      ])
      expect(isIdle(context.tracker)).toBe(true)
    }),
  )

  it(
    'is ended synchronously where the ports are',
    marbles((m) => {
      const { ending, steps, end } = scene(m, {}, { partitions: ['p0'] })
      m.expectObservable(of(messages.a as PartitionMessage<string>).pipe(ending)).toBe('(x|)', end)
      m.flush()
      expect(steps).toEqual(['0 commit A', '0 done committed', '0 source 10'])
    }),
  )

  it(
    'commits without partitions too',
    marbles((m) => {
      const { ending, steps, end } = scene(m, {}, { partitions: [] })
      m.expectObservable(EMPTY.pipe(ending)).toBe('(x|)', end)
      m.flush()
      expect(steps).toEqual(['0 commit', '0 done committed', '0 source 10'])
    }),
  )

  const ports = {
    acked: { kind: 'acked', commit: () => undefined, release: () => undefined },
    replayable: {},
    'told of commits': { commit: () => undefined },
  } as const
  it.each<[keyof typeof ports, CommittableWriter<string>['guarantee'], 'may wait' | 'is synced']>([
    ['acked', 'transactional', 'may wait'],
    ['acked', { idempotent: 'position' }, 'may wait'],
    ['acked', 'append', 'may wait'],
    ['replayable', 'transactional', 'may wait'],
    ['replayable', { idempotent: 'key' }, 'is synced'],
    ['replayable', 'append', 'is synced'],
    ['replayable', undefined, 'is synced'],
    ['told of commits', 'transactional', 'is synced'],
  ])('of a source that is %s, in a sink that is %s: done %s', async (source, guarantee, expected) => {
    for (const plansAtOnce of [false, true]) {
      const syncs: unknown[] = []
      const batch = batchOf(testContext(), ['p0'])
      const log = new QueryLog(sessionOf({ write: (_, how) => syncs.push(how?.sync) }))
      log.plansAtOnce = plansAtOnce
      const writer = { commit: () => undefined, ...(guarantee !== undefined && { guarantee }) }
      const part = of(messages.a as PartitionMessage<string>)
      await outcomeOf(part.pipe(commitTo<Position, string, string>(writer, log, ports[source], batch)))
      expect(log.recovered).toMatchObject({ done: batch.planned })
      const isHeld = plansAtOnce && source === 'replayable' && expected === 'may wait'
      expect(syncs).toEqual(isHeld ? [] : [expected === 'is synced'])
      log.flush().subscribe()
      expect(syncs).toEqual([expected === 'is synced'])
    }
  })

  it('takes undefined for a message', async () => {
    const given: unknown[] = []
    const batch = batchOf(testContext(), ['p0', 'p1'])
    const writer = { commit: (all: readonly undefined[]) => given.push(...all) }
    const voids = of({ partitionId: 1, message: undefined }, { partitionId: 0, message: undefined })
    const outcome = await outcomeOf(
      voids.pipe(commitTo<Position, string, undefined>(writer, new QueryLog(sessionOf()), {}, batch)),
    )
    expect(outcome).toEqual({ values: [batch] })
    expect(given).toEqual([undefined, undefined])
  })

  it('gives sink and source their records, and calls them as their methods', async () => {
    const calls: unknown[] = []
    class Port {
      readonly calls = calls
      commit(...given: unknown[]) {
        this.calls.push(given)
      }
      abort(...given: unknown[]) {
        this.calls.push(given)
      }
    }
    const batch = () => batchOf(testContext(), ['p0'])
    const ended = (source: Observable<PartitionMessage<string>>) =>
      outcomeOf(
        source.pipe(commitTo<Position, string, string>(new Port(), new QueryLog(sessionOf()), new Port(), batch())),
      )
    await ended(of(messages.a as PartitionMessage<string>))
    expect(calls).toEqual([[['A'], plan()], [{ offset: 10 }]])
    calls.length = 0
    expect(await ended(throwError(() => 'gone'))).toEqual({ values: [], error: 'gone' })
    expect(calls).toEqual([[[undefined], plan()]])
  })

  it(
    'starts clean when it is subscribed to again',
    marbles((m) => {
      const { ending, steps } = scene(m)
      const parts = [m.cold('a-b#', messages), m.cold('a-c|', messages), m.cold('cba|', messages)]
      const part = defer(() => parts.shift() ?? EMPTY)
      const again = part.pipe(ending)
      for (const at of [0, 10, 20]) m.scheduler.schedule(() => void again.subscribe({ error: () => {} }), at)
      m.flush()
      expect(steps.slice(0, 3)).toEqual(['3 abort AB-', '13 abort A-C', '23 commit ABC'])
    }),
  )

  it(
    'is neither written nor committed again by a sink that holds it; log and source follow',
    marbles((m) => {
      const { ending, steps, batch, end } = scene(m)
      batch.committed = true
      m.expectObservable(EMPTY.pipe(ending)).toBe('(x|)', end)
      m.flush()
      expect(steps).toEqual(['0 done committed', '0 source 10'])
    }),
  )

  it(
    'does without commit of a source that has none',
    marbles((m) => {
      const batch = batchOf(testContext())
      const session = sessionOf()
      const result = m.cold('a|', messages).pipe(commitTo({ commit: () => 0 }, new QueryLog(session), {}, batch))
      m.expectObservable(result).toBe('-(x|)', { x: batch })
      m.flush()
      expect(session.records).toEqual([{ done: 0, outcome: 'committed' }])
    }),
  )
})

describe('a queue that is asked whether it still holds the batch', () => {
  const holds = { holds: true }

  it(
    'is asked once all partitions are written, before the sink commits',
    marbles((m) => {
      const { ending, steps, end, context } = scene(m, { hold: () => m.cold('--|') }, holds)
      const source = m.cold('-c-ab|', messages)
      const sub = '          ^----!'
      // hold                     --|
      const expected = '     -------(x|)'
      m.expectObservable(source.pipe(ending)).toBe(expected, end)
      m.expectSubscriptions(source.subscriptions).toBe(sub)
      m.flush()
      expect(steps).toEqual(['5 hold 0 10', ...committed(7)])
      expect(isIdle(context.tracker)).toBe(true)
    }),
  )

  it.each<[string, () => Result<unknown>, string, number]>([
    ['says no', () => throwIt('gone'), '-#', 1],
    ['says no after a while', () => timer(2, 1).pipe(mergeMap(() => throwError(() => 'gone'))), '---#', 3],
  ])('and %s: the sink aborts and never commits, the batch is released and abandoned', (_what, hold, expected, at) =>
    marbles((m) => {
      const { ending, steps, log, context } = scene(m, { hold }, holds)
      m.expectObservable(m.cold('(abc)-|', messages).pipe(ending)).toBe(`-----${expected}`, {}, 'gone')
      m.flush()
      const t = 5 + at
      expect(steps).toEqual(['6 hold 0 10', `${t} abort ABC`, `${t} release 0 10`, `${t} done abandoned`])
      expect(log.recovered.pending).toBeUndefined()
      expect(typesOf(context.events)).not.toContain('retry')
      expect(isIdle(context.tracker)).toBe(true)
    })(),
  )

  it(
    'and gives no answer before everybody leaves: that is an abort like any other',
    marbles((m) => {
      const { ending, steps, context } = scene(m, { hold: () => NEVER }, holds)
      m.expectObservable(m.cold('(abc|)', messages).pipe(ending), '--^--!').toBe('-----')
      m.flush()
      expect(steps).toEqual(['2 hold 0 10', '5 abort ABC', '5 release 0 10', '5 done abandoned'])
      expect(isIdle(context.tracker)).toBe(true)
    }),
  )

  it(
    'is not asked about a batch that has failed, nor about one that the sink holds already',
    marbles((m) => {
      const failed = scene(m, {}, holds)
      m.expectObservable(m.cold('-a#', messages).pipe(failed.ending)).toBe('--#')
      const had = scene(m, {}, holds)
      had.batch.committed = true
      m.expectObservable(EMPTY.pipe(had.ending)).toBe('(x|)', had.end)
      m.flush()
      expect(failed.steps).toEqual(['2 abort A--', '2 release 0 10', '2 done abandoned'])
      expect(had.steps).toEqual(['0 done committed', '0 source 10'])
    }),
  )

  it('is asked as its method', async () => {
    class Queue {
      readonly kind = 'acked'
      readonly asked: unknown[] = []
      hold(...given: unknown[]) {
        this.asked.push(given)
      }
      commit() {}
      release() {}
    }
    const queue = new Queue()
    const batch = batchOf(testContext(), ['p0'])
    await outcomeOf(
      of(messages.a as PartitionMessage<string>).pipe(
        commitTo<Position, string, string>({ commit: () => 0 }, new QueryLog(sessionOf()), queue, batch),
      ),
    )
    expect(queue.asked).toEqual([[{ offset: 0 }, { offset: 10 }]])
  })
})

describe('once the commit has begun', () => {
  it.each([1, 2, 3, 4, 5, 7])(
    'leaving at frame %i cuts nothing: all steps follow, and the tracker waits for them',
    (at) =>
      marbles((m) => {
        const slow = () => timer(2)
        const { ending, steps, context, session } = scene(m, { commit: slow, done: slow, source: slow })
        const seen: string[] = []
        const subscription = m
          .cold('(abc|)', messages)
          .pipe(ending)
          .subscribe({
            next: () => seen.push('batch'),
            complete: () => seen.push('complete'),
          })
        m.scheduler.schedule(() => {
          subscription.unsubscribe()
          context.tracker.idle.subscribe({ complete: () => seen.push(`idle at ${m.scheduler.now()}`) })
        }, at)
        m.flush()
        expect(steps).toEqual(committed(0, 2, 4))
        expect(seen).toEqual(at < 6 ? ['idle at 6'] : ['batch', 'complete', `idle at ${at}`])
        expect(session.records).toEqual([{ done: 0, outcome: 'committed' }])
      })(),
  )

  it.each<[Step, readonly string[]]>([
    ['commit', ['0 commit ABC', '11 commit ABC', '22 commit ABC']],
    ['done', ['0 commit ABC', '0 done committed']],
    ['source', ['0 commit ABC', '0 done committed', '0 source 10', '11 source 10', '22 source 10']],
  ])('tells of a %s that fails after everybody has left', (step, expected) =>
    marbles((m) => {
      const { ending, steps, context } = scene(m, { [step]: () => m.cold('-#', {}, 'down') })
      const subscription = m.cold('(abc|)', messages).pipe(ending).subscribe()
      m.scheduler.schedule(() => subscription.unsubscribe(), 0.5)
      m.flush()
      expect(steps).toEqual(expected)
      expect(context.events.at(-1)).toMatchObject({ type: 'warning', message: 'commit of batch 0 failed' })
      expect(isIdle(context.tracker)).toBe(true)
    })(),
  )

  it.each([true, false])('repeats a commit that failed, with the same messages (acked: %s)', (acked) =>
    marbles((m) => {
      const answers = [() => throwIt('down'), () => m.cold('-#', {}, 'down'), () => m.cold('-|')]
      const { ending, steps, end, context } = scene(m, { commit: () => answers.shift()?.() }, { acked })
      m.expectObservable(m.cold('(cab|)', messages).pipe(ending)).toBe('22ms (x|)', end)
      m.flush()
      expect(steps).toEqual(['0 commit ABC', '10 commit ABC', ...committed(21, 22)])
      const retries = context.events.filter(({ type }) => type === 'retry')
      const retry = { type: 'retry', port: 'commit of the sink', batchId: 0, delayMs: 10, error: 'down' }
      expect(retries).toEqual([
        { ...retry, attempt: 1 },
        { ...retry, attempt: 2 },
      ])
    })(),
  )

  it(
    'a commit that fails for good is in doubt: no abort, nothing logged, the batch stays planned',
    marbles((m) => {
      const { ending, steps, log, batch, session } = scene(m, { commit: () => m.cold('-#', {}, 'down') })
      const inDoubt = new CommitInDoubtError('whether the sink holds batch 0 is unknown: down', { cause: 'down' })
      m.expectObservable(m.cold('(abc|)', messages).pipe(ending)).toBe('23ms #', {}, inDoubt)
      m.flush()
      expect(steps).toEqual(['0 commit ABC', '11 commit ABC', '22 commit ABC'])
      expect(session.records).toEqual([])
      expect(log.recovered.pending).toEqual(batch.planned)
    }),
  )

  it(
    'a commit in doubt of a queue: its messages go back, then its batch is closed as abandoned, and then it fails',
    marbles((m) => {
      const answers = { commit: () => throwIt('down'), release: () => m.cold('--|'), done: () => m.cold('---|') }
      const { ending, steps, log, context } = scene(m, answers, { acked: true })
      const inDoubt = new CommitInDoubtError('whether the sink holds batch 0 is unknown: down', { cause: 'down' })
      m.expectObservable(m.cold('(abc|)', messages).pipe(ending)).toBe('25ms #', {}, inDoubt)
      m.flush()
      expect(steps).toEqual(['0 commit ABC', '10 commit ABC', '20 commit ABC', '20 release 0 10', '22 done abandoned'])
      expect(log.recovered.pending).toBeUndefined()
      expect(typesOf(context.events).slice(-3)).toEqual(['released', 'phase', 'done'])
    }),
  )

  it.each([true, false])(
    'an entry that cannot be logged fails the batch, and the source is told nothing (acked: %s)',
    (acked) =>
      marbles((m) => {
        const down = new CheckpointWriteError('disk full')
        const { ending, steps, log } = scene(m, { done: () => throwIt(down) }, { acked })
        m.expectObservable(m.cold('(abc|)', messages).pipe(ending)).toBe('#', {}, down)
        m.flush()
        expect(steps).toEqual(['0 commit ABC', '0 done committed'])
        expect(log.broken).toBe(true)
      })(),
  )

  it(
    'a commit of the source that fails for good fails the batch, which stays done',
    marbles((m) => {
      const { ending, steps, log } = scene(m, { source: () => throwIt('down') })
      m.expectObservable(m.cold('(abc|)', messages).pipe(ending)).toBe('20ms #', {}, 'down')
      m.flush()
      expect(steps).toEqual([...committed(0), '10 source 10', '20 source 10'])
      expect(log.recovered).toMatchObject({ done: { batchId: 0 } })
    }),
  )
})

describe('a batch that fails before its commit', () => {
  it(
    'aborts after its attempts have settled, with undefined in the slots that have no message, and then fails',
    marbles((m) => {
      const { ending, steps, batch, context, session } = scene(m, { abort: () => m.cold('--|') })
      const settled = batch.tracker.begin()
      m.scheduler.schedule(() => settled(), 7)
      const source = m.cold('-c-a-#', messages)
      const sub = '          ^----!'
      // abort                      --|
      const expected = '     ---------#'
      m.expectObservable(source.pipe(ending)).toBe(expected)
      m.expectSubscriptions(source.subscriptions).toBe(sub)
      m.flush()
      expect(steps).toEqual(['7 abort A-C'])
      expect(session.records).toEqual([])
      expect(isIdle(context.tracker)).toBe(true)
    }),
  )

  it(
    'gives a queue its messages back, and closes the batch as abandoned',
    marbles((m) => {
      const answers = { abort: () => m.cold('--|'), release: () => m.cold('---|'), done: () => m.cold('-|') }
      const { ending, steps, log } = scene(m, answers, { acked: true })
      m.expectObservable(m.cold('-b#', messages).pipe(ending)).toBe('--------#')
      m.flush()
      expect(steps).toEqual(['2 abort -B-', '4 release 0 10', '7 done abandoned'])
      expect(log.recovered).toMatchObject({ done: { batchId: 0 } })
    }),
  )

  it.each<[string, Answers, readonly string[], string]>([
    ['abort', { abort: () => throwIt('worse') }, ['abort of the sink failed for batch 0'], '20ms #'],
    ['release', { release: () => throwIt('worse') }, ['release of the source failed for batch 0'], '20ms #'],
    ['log', { done: () => throwIt('worse') }, ['abort of batch 0 failed'], '#'],
    [
      'abort and release',
      { abort: () => throwIt('worse'), release: () => throwIt('worse') },
      ['abort of the sink failed for batch 0', 'release of the source failed for batch 0'],
      '40ms #',
    ],
  ])(
    'fails with what went wrong first, and tells of what went wrong besides: %s',
    (_what, answers, warnings, expected) =>
      marbles((m) => {
        const { ending, steps, context } = scene(m, answers, { acked: true })
        m.expectObservable(throwError(() => 'first').pipe(ending)).toBe(expected, {}, 'first')
        m.flush()
        const calls = steps.map((step) => step.replace(/^\d+ /, ''))
        expect([...new Set(calls)]).toEqual(['abort ---', 'release 0 10', 'done abandoned'])
        const told = context.events.flatMap((event) => (event.type === 'warning' ? [event] : []))
        expect(told.map(({ message }) => message)).toEqual(warnings)
        expect(told.every(({ error }) => error === 'worse')).toBe(true)
        expect(isIdle(context.tracker)).toBe(true)
      })(),
  )

  it(
    'does without abort of a sink that has none',
    marbles((m) => {
      const batch = batchOf(testContext())
      const ending = commitTo<Position, string, string>(
        { commit: () => throwIt('never') },
        new QueryLog(sessionOf()),
        {},
        batch,
      )
      m.expectObservable(m.cold<PartitionMessage<string>>('-#').pipe(ending)).toBe('-#')
    }),
  )

  it(
    'does not abort what the sink holds already',
    marbles((m) => {
      const { ending, steps, batch } = scene(m)
      batch.committed = true
      m.expectObservable(throwError(() => 'error').pipe(ending)).toBe('#')
      m.flush()
      expect(steps).toEqual([])
    }),
  )

  it.each([true, false])(
    'fails when partitions gave no message: it would commit a part of the batch (acked: %s)',
    (acked) =>
      marbles((m) => {
        const { ending, steps } = scene(m, {}, { acked })
        const error = new PortError('2 of 3 partitions gave no message')
        m.expectObservable(m.cold('b|', messages).pipe(ending)).toBe('-#', {}, error)
        m.flush()
        expect(steps).toEqual(acked ? ['1 abort -B-', '1 release 0 10', '1 done abandoned'] : ['1 abort -B-'])
      })(),
  )

  it(
    'aborts after its attempts have settled, when nobody listens any more',
    marbles((m) => {
      const { ending, steps, batch, context } = scene(m, { abort: () => m.cold('--|') }, { acked: true })
      const settled = batch.tracker.begin()
      const source = m.cold('-b---', messages)
      const unsub = '        ^--!'
      m.scheduler.schedule(() => settled(), 6)
      m.expectObservable(source.pipe(ending), unsub).toBe('---')
      m.expectSubscriptions(source.subscriptions).toBe(unsub)
      const idleAt: number[] = []
      m.scheduler.schedule(() => context.tracker.idle.subscribe({ complete: () => idleAt.push(m.scheduler.now()) }), 4)
      m.flush()
      expect(steps).toEqual(['6 abort -B-', '8 release 0 10', '8 done abandoned'])
      expect(idleAt).toEqual([8])
    }),
  )

  it.each([1, 3, 5])('goes on with an abort that has begun, when everybody leaves at frame %i', (at) =>
    marbles((m) => {
      const slow = () => timer(2)
      const { ending, steps, context } = scene(m, { abort: slow, release: slow, done: slow }, { acked: true })
      const subscription = throwError(() => 'error')
        .pipe(ending)
        .subscribe({ error: () => steps.push('error') })
      m.scheduler.schedule(() => subscription.unsubscribe(), at)
      m.flush()
      expect(steps).toEqual(['0 abort ---', '2 release 0 10', '4 done abandoned'])
      expect(isIdle(context.tracker)).toBe(true)
    })(),
  )

  it(
    'tells of an abort that cannot be logged after everybody has left',
    marbles((m) => {
      const { ending, context } = scene(m, { done: () => m.cold('-#', {}, 'disk') }, { acked: true })
      NEVER.pipe(ending).subscribe().unsubscribe()
      m.flush()
      expect(context.events.at(-1)).toEqual({ type: 'warning', message: 'abort of batch 0 failed', error: 'disk' })
      expect(isIdle(context.tracker)).toBe(true)
    }),
  )

  it(
    'aborts once, and nothing that was committed',
    marbles((m) => {
      const { ending, steps } = scene(m)
      const failed = throwError(() => 'error')
        .pipe(ending)
        .subscribe({ error: () => {} })
      failed.unsubscribe()
      expect(steps).toEqual(['0 abort ---'])
      const done = scene(m)
      m.cold('(abc|)', messages).pipe(done.ending).subscribe()
      m.flush()
      expect(done.steps).toEqual(committed(0))
    }),
  )
})

describe('a sink that has lost the batch', () => {
  const lost = new PostgresError('the transaction is gone', { restartsBatch: true })

  it(
    'is told to abort, begins the batch again, and gets all partitions once more',
    marbles((m) => {
      const { ending, steps, end, context } = scene(m)
      let run = 0
      const runs = [m.cold('-a-#', messages, lost), m.cold('abc|', messages)]
      const source = defer(() => runs[run++] as Observable<PartitionMessage<string>>)
      const expected = '     --- 10ms ---(x|)'
      m.expectObservable(source.pipe(ending)).toBe(expected, end)
      m.flush()
      expect(steps).toEqual(['3 abort A--', '13 begin', ...committed(16)])
      expect(context.events).toContainEqual({
        type: 'retry',
        port: 'batch',
        batchId: 0,
        attempt: 1,
        delayMs: 10,
        error: lost,
      })
    }),
  )

  it(
    'may find that out at the commit, which is then not repeated and not in doubt',
    marbles((m) => {
      let commits = 0
      const commit = () => (commits++ === 0 ? throwError(() => lost) : undefined)
      const { ending, steps, end } = scene(m, { commit })
      m.expectObservable(m.cold('(abc|)', messages).pipe(ending)).toBe('10ms (x|)', end)
      m.flush()
      expect(steps).toEqual(['0 commit ABC', '10 begin', ...committed(10)])
    }),
  )

  it(
    'is done when beginning again shows that it holds the batch',
    marbles((m) => {
      const { ending, steps, end } = scene(m, { begin: () => 'committed' })
      let run = 0
      const source = defer(() => (run++ === 0 ? m.cold<PartitionMessage<string>>('-#', {}, lost) : EMPTY))
      m.expectObservable(source.pipe(ending)).toBe('- 10ms (x|)', end)
      m.flush()
      expect(steps).toEqual(['1 abort ---', '11 begin', '11 done committed', '11 source 10'])
    }),
  )

  it(
    'fails the batch when no attempt is left; a queue gets its messages back, once',
    marbles((m) => {
      const { ending, steps } = scene(m, {}, { acked: true })
      m.expectObservable(m.cold<PartitionMessage<string>>('#', {}, lost).pipe(ending)).toBe('20ms #', {}, lost)
      m.flush()
      expect(steps).toEqual([
        '0 abort ---',
        '10 begin',
        '10 abort ---',
        '20 begin',
        '20 abort ---',
        '20 release 0 10',
        '20 done abandoned',
      ])
    }),
  )

  it(
    'gives the messages of a queue back when nobody waits for the next attempt any more',
    marbles((m) => {
      const { ending, steps, context } = scene(m, {}, { acked: true })
      m.expectObservable(m.cold<PartitionMessage<string>>('#', {}, lost).pipe(ending), '-----!').toBe('-')
      m.flush()
      expect(steps).toEqual(['0 abort ---', '5 release 0 10', '5 done abandoned'])
      expect(isIdle(context.tracker)).toBe(true)
    }),
  )
})
