import { catchError, of, tap, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { watchProgress } from '../../operators/watch-progress.ts'
import { PartitionStalledError } from '../../src/errors.ts'
import { type MarblesContext, marbles } from '../../src/testing/marbles.ts'
import { Watchdog } from '../../src/watchdog.ts'
import { attemptIn, testContext } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'

/** Each value is a chunk that came. A stall shows as `S`. */
function watched({ cold, scheduler }: MarblesContext, source: string, watchdog = dog()) {
  const context = testContext({ scheduler })
  const attempt = attemptIn(context)
  const values = cold(source)
  const result = values.pipe(
    tap(() => attempt.clock.look()),
    tap(() => attempt.read(1)),
    watchProgress<string>(attempt, watchdog),
    catchError((error: unknown) => of(error instanceof PartitionStalledError ? 'S' : 'E')),
  )
  return { context, attempt, values, result }
}

const dog = () => new Watchdog({ afterMs: 5, factor: 2 })

describe('watchProgress', () => {
  describe('whose time stands still', () => {
    edgeListOfPassing<string>(
      () => watchProgress(attemptIn(testContext({ scheduler: new VirtualTimeScheduler() })), dog()),
      { a: 'a', b: 'b' },
    )
  })
  describe('without a watchdog', () => {
    edgeListOfPassing<string>(() => watchProgress(attemptIn(testContext()), undefined), { a: 'a', b: 'b' })
  })

  it.each([
    ['nothing ever comes', '-----------', '-----(S|)', '^----!'],
    ['something comes in time', '--a--b--c-|', '--a--b--c-|', '^---------!'],
    ['nothing more comes', '--a--------', '--a----(S|)', '^------!'],
    ['a slow source is as it always was', '---a-----b|', '---a-----b|', '^---------!'],
    ['the source fails', '--a-#', '--a-(E|)', '^---!'],
  ])('%s', (_what, source, expected, subs) =>
    marbles((helpers) => {
      const { values, result } = watched(helpers, source)
      helpers.expectObservable(result).toBe(expected)
      helpers.expectSubscriptions(values.subscriptions).toBe(subs)
    })(),
  )

  it(
    'tells what it saw before it fails',
    marbles((helpers) => {
      const { context, result } = watched(helpers, '--a------')
      helpers.expectObservable(result).toBe('      --a----(S|)')
      helpers.flush()
      expect(context.events).toEqual([
        expect.objectContaining({ type: 'watchdog', partitionId: 0, idleMs: 5, limitMs: 5 }),
      ])
      expect(context.events[0]).toMatchObject({ figures: { rowsRead: 1, lastReadAt: 2 } })
    }),
  )

  it(
    'counts bytes that are reported as a move',
    marbles((helpers) => {
      const { attempt, result } = watched(helpers, '---------a|')
      helpers.cold('---x').subscribe(() => attempt.readContext().report({ bytes: 10 }))
      helpers.expectObservable(result).toBe('---------a|')
    }),
  )

  it(
    'leaves those alone that wait on purpose, and begins to count when they go on',
    marbles((helpers) => {
      const { attempt, result } = watched(helpers, '-------------')
      attempt.clock.reading(true)
      attempt.readContext().report({ bytes: 0, waiting: 'quota' })
      helpers.cold('------x').subscribe(() => attempt.readContext().report({ bytes: 0, waiting: 'nothing' }))
      helpers.expectObservable(result).toBe('-----------(S|)')
    }),
  )

  it(
    'knows from the attempts before what is usual',
    marbles((helpers) => {
      const watchdog = dog()
      watchdog.learn({ chunksRead: 2, startedAt: 100, lastReadAt: 108 })
      const { result } = watched(helpers, '----------', watchdog)
      helpers.expectObservable(result).toBe('   --------(S|)')
    }),
  )

  it(
    'ends its timer with the subscription',
    marbles((helpers) => {
      const { context, result } = watched(helpers, '-------')
      helpers.expectObservable(result, '--!').toBe('---')
      helpers.flush()
      expect(context.events).toEqual([])
    }),
  )
})
