import { EMPTY, finalize, type Observable, of, retry, Subject, tap, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type ResourceOptions, usingResource } from '../../operators/using-resource.ts'
import { PortError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { Tracker } from '../../src/tracker.ts'
import { isIdle, throwIt } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

/** A resource that opens and closes at once, with what has been told of it. */
function resource<T>(options: Partial<ResourceOptions<string, T>> & Pick<ResourceOptions<string, T>, 'use'>) {
  const tracker = new Tracker()
  const closeErrors: unknown[] = []
  const used$ = usingResource<string, T>({
    open: () => of('r'),
    close: () => EMPTY,
    tracker,
    onCloseError: (error) => closeErrors.push(error),
    ...options,
  })
  return { used$, tracker, closeErrors }
}

describe('usingResource', () => {
  edgeListOfPassing(() => (source) => resource({ use: () => source }).used$, { a: 'a', b: 'b' })

  it(
    'opens, uses and closes, and completes only then',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const open = cold('    --r|')
      const openSubs = '     ^--!'
      const use = cold('       -a-b|')
      const useSubs = '      --^---!'
      const close = cold('         --x-|')
      const closeSubs = '    ------^---!'
      const expected = '     ---a-b----|'
      const idle = '         ----------|'
      const { used$, tracker } = resource({ open: () => open, use: () => use, close: () => close })
      expectObservable(used$).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(open.subscriptions).toBe(openSubs)
      expectSubscriptions(use.subscriptions).toBe(useSubs)
      expectSubscriptions(close.subscriptions).toBe(closeSubs)
    }),
  )

  it(
    'closes after a use that failed, and fails only then',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const open = cold('    r|')
      const use = cold('     -a-#')
      const useSubs = '      ^--!'
      const close = cold('      --|')
      const closeSubs = '    ---^-!'
      const expected = '     -a---#'
      const idle = '         -----|'
      const { used$, tracker } = resource({ open: () => open, use: () => use, close: () => close })
      expectObservable(used$).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(use.subscriptions).toBe(useSubs)
      expectSubscriptions(close.subscriptions).toBe(closeSubs)
    }),
  )

  it(
    'neither uses nor closes what could not be opened',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const open = cold('    --#')
      const openSubs = '     ^-!'
      const expected = '     --#'
      const idle = '         --|'
      const unused = () => throwIt('called')
      const { used$, tracker } = resource<string>({ open: () => open, use: unused, close: unused })
      expectObservable(used$).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(open.subscriptions).toBe(openSubs)
    }),
  )

  it(
    'closes when it is unsubscribed from, and is open work until it is closed',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const open = cold('    r|')
      const use = cold('     -a-b-c-|')
      const useSubs = '      ^---!'
      const close = cold('       ---|')
      const closeSubs = '    ----^--!'
      const unsubscribe = '  ----!'
      const expected = '     -a-b---'
      const idle = '         -------|'
      const { used$, tracker } = resource({ open: () => open, use: () => use, close: () => close })
      expectObservable(used$, unsubscribe).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(use.subscriptions).toBe(useSubs)
      expectSubscriptions(close.subscriptions).toBe(closeSubs)
    }),
  )

  it(
    'closes unused what was still being opened when it was unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const open = cold('    ----r|')
      const openSubs = '     ^----!'
      const close = cold('       --|')
      const closeSubs = '    ----^-!'
      const unsubscribe = '  --!'
      const expected = '     --'
      const idle = '         ------|'
      const uses: string[] = []
      const use = (opened: string) => {
        uses.push(opened)
        return EMPTY
      }
      const { used$, tracker } = resource<string>({ open: () => open, use, close: () => close })
      expectObservable(used$, unsubscribe).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(open.subscriptions).toBe(openSubs)
      expectSubscriptions(close.subscriptions).toBe(closeSubs)
      flush()
      expect(uses).toEqual([])
    }),
  )

  it(
    'goes on closing when it is unsubscribed from meanwhile, and closes once',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const open = cold('    r|')
      const use = cold('     -a|')
      const useSubs = '      ^-!'
      const close = cold('     ----|')
      const closeSubs = '    --^---!'
      const unsubscribe = '  ---!'
      const expected = '     -a--'
      const idle = '         ------|'
      const { used$, tracker } = resource({ open: () => open, use: () => use, close: () => close })
      expectObservable(used$, unsubscribe).toBe(expected)
      expectObservable(tracker.idle).toBe(idle)
      expectSubscriptions(use.subscriptions).toBe(useSubs)
      expectSubscriptions(close.subscriptions).toBe(closeSubs)
    }),
  )

  it(
    'is open work for as long as the use, or the opening, never ends',
    marbles(({ cold, expectObservable }) => {
      const never = cold('   -a--')
      const expected = '     -a--'
      const idle = '         ----'
      const using = resource({ use: () => never })
      const opening = resource({ open: () => cold('----'), use: () => EMPTY })
      expectObservable(using.used$).toBe(expected)
      expectObservable(using.tracker.idle).toBe(idle)
      expectObservable(opening.used$, '-!').toBe('----')
      expectObservable(opening.tracker.idle).toBe(idle)
    }),
  )

  it(
    'opens anew with each subscription, and closes each resource with its own use',
    marbles(({ cold, expectObservable, flush }) => {
      const use = cold('     -a-|')
      const expected = '     -a-|'
      const later = '        --^'
      const laterExpected = '---a-|'
      const closed: string[] = []
      let opened = 0
      const { used$ } = resource({
        open: () => of(`r${++opened}`),
        use: () => use,
        close: (r) => {
          closed.push(r)
          return EMPTY
        },
      })
      expectObservable(used$).toBe(expected)
      expectObservable(used$, later).toBe(laterExpected)
      flush()
      expect(closed).toEqual(['r1', 'r2'])
    }),
  )

  it.each<[string, Observable<string>]>([
    ['completes', of('a')],
    ['fails', throwError(() => 'failed')],
    ['is left', new Subject()],
  ])('closes after the teardown of a use that %s', (_, use) => {
    const order: string[] = []
    const close = () => {
      order.push('closed')
      return EMPTY
    }
    const { used$ } = resource({ use: () => use.pipe(finalize(() => order.push('torn down'))), close })
    used$.subscribe({ error: () => {} }).unsubscribe()
    expect(order).toEqual(['torn down', 'closed'])
  })

  it('has settled when its subscriber hears of the end, so that it can be opened again at once', () => {
    const idle: boolean[] = []
    let held = false
    const { used$, tracker } = resource<string>({
      open: () => {
        if (held) throwIt('locked')
        held = true
        return of('r')
      },
      use: () => throwError(() => 'failed'),
      close: () => {
        held = false
        return EMPTY
      },
    })
    const tried$ = used$.pipe(tap({ error: () => idle.push(isIdle(tracker)) }), retry(2))
    expect(outcomeNow(tried$)).toEqual({ values: [], error: 'failed' })
    expect(idle).toEqual([true, true, true])
  })

  it.each([
    ['completion', of('a'), { values: ['a'] }],
    ['error', throwError(() => 'failed'), { values: [], error: 'failed' }],
  ])('tells of an error while closing, and keeps the %s of the use', (_, use, outcome) => {
    for (const close of [() => throwError(() => 'not closed'), () => throwIt('not closed')]) {
      const { used$, tracker, closeErrors } = resource<string>({ use: () => use, close })
      expect(outcomeNow(used$)).toEqual(outcome)
      expect(closeErrors).toEqual(['not closed'])
      expect(isIdle(tracker)).toBe(true)
    }
  })

  it('fails with what open throws', () => {
    const { used$, tracker } = resource<string>({ open: () => throwIt('thrown'), use: () => EMPTY })
    expect(outcomeNow(used$)).toEqual({ values: [], error: 'thrown' })
    expect(isIdle(tracker)).toBe(true)
  })

  it('fails when open gives no resource', () => {
    const { used$, tracker } = resource<string>({ open: () => EMPTY, use: () => EMPTY })
    expect(outcomeNow(used$).error).toBeInstanceOf(PortError)
    expect(isIdle(tracker)).toBe(true)
  })

  it('closes when use throws, and fails with that', () => {
    const closed: string[] = []
    const close = (opened: string) => {
      closed.push(opened)
      return EMPTY
    }
    const { used$, tracker } = resource<string>({ use: () => throwIt('thrown'), close })
    expect(outcomeNow(used$)).toEqual({ values: [], error: 'thrown' })
    expect(closed).toEqual(['r'])
    expect(isIdle(tracker)).toBe(true)
  })

  it('opens nothing before it is subscribed to', () => {
    const { tracker } = resource<string>({ open: () => throwIt('opened'), use: () => EMPTY })
    expect(isIdle(tracker)).toBe(true)
  })
})
