import fc from 'fast-check'
import {
  concat,
  concatMap,
  defer,
  NEVER,
  Observable,
  of,
  retry,
  Subject,
  take,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type CircuitBreakerOptions, circuitBreaker } from '../../operators/circuit-breaker.ts'
import { isDeterministic } from '../../src/deterministic.ts'
import { CircuitOpenError, OptionError } from '../../src/errors.ts'
import { marbles } from '../../src/testing/marbles.ts'
import { throwIt } from './a-run.ts'
import { edgeListOfPassing } from './edge-list.ts'
import { outcomeNow } from './outcome-now.ts'

const broken = new Error('the other side is down')
const states = { c: 'closed', o: 'open', h: 'half-open' } as const
const open = (retryAfter: number) =>
  new CircuitOpenError(`the circuit is open: no call is made for another ${retryAfter} ms`, { retryAfter })
const halfOpen = new CircuitOpenError(
  'the circuit is half-open: no other call is made until the one that probes has ended',
)

describe.each(['fail', 'wait'] as const)('circuitBreaker, when open: %s', (whenOpen) => {
  edgeListOfPassing(() => circuitBreaker({ whenOpen }), { a: 1, b: 2 })

  it(
    'opens after so many failures in a row, and a success begins the count anew',
    marbles(({ cold, expectObservable }) => {
      const breaker = circuitBreaker({ failures: 2, whenOpen })
      expectObservable(breaker.state$).toBe('                  c----o', states)
      expectObservable(cold(' --#', {}, broken).pipe(breaker)).toBe('--#', {}, broken)
      expectObservable(cold(' ---a|').pipe(breaker)).toBe('         ---a|')
      expectObservable(cold(' -----#', {}, broken).pipe(breaker)).toBe('-----#', {}, broken)
      expectObservable(cold(' ----#', {}, broken).pipe(breaker), '^').toBe('----#', {}, broken)
    }),
  )

  it(
    'lets exactly one call through after a while; it closes the circuit when it completes',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen })
      const failing = cold('  -#', {}, broken)
      const probe = cold('            ---a|')
      const probeSubs = '     ------^---!'
      expectObservable(breaker.state$).toBe('co----h---c', states)
      expectObservable(failing.pipe(breaker)).toBe('-#', {}, broken)
      expectObservable(probe.pipe(breaker), '------^').toBe('---------a|')
      expectSubscriptions(probe.subscriptions).toBe(probeSubs)
    }),
  )

  it(
    'opens again when the probe fails',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen })
      expectObservable(breaker.state$).toBe('co----h-o----h-o', states)
      expectObservable(cold(' -#', {}, broken).pipe(breaker)).toBe('-#', {}, broken)
      const probe = cold('    --#', {}, broken)
      const probeSubs = ['    ------^-!', '    -------------^-!']
      expectObservable(probe.pipe(breaker), '------^').toBe('--------#', {}, broken)
      expectObservable(probe.pipe(breaker), '-------------^').toBe('---------------#', {}, broken)
      expectSubscriptions(probe.subscriptions).toBe(probeSubs)
    }),
  )

  it(
    'lets the next call probe when a probe is unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen })
      const first = cold('           ---a|')
      const firstSubs = '     ------^-!'
      const second = cold('            -b|')
      const secondSubs = '    ---------^-!'
      expectObservable(breaker.state$).toBe('co----h-oh-c', states)
      expectObservable(cold(' -#', {}, broken).pipe(breaker)).toBe('-#', {}, broken)
      expectObservable(first.pipe(breaker), '------^-!').toBe('--------')
      expectObservable(second.pipe(breaker), '---------^').toBe('----------b|')
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
    }),
  )

  it(
    'takes a call that is left after a value for one that ended well',
    marbles(({ cold, expectObservable }) => {
      const breaker = circuitBreaker({ failures: 2, openFor: 5, whenOpen })
      expectObservable(breaker.state$).toBe('c---o----h-c', states)
      expectObservable(cold(' #', {}, broken).pipe(breaker)).toBe('#', {}, broken)
      expectObservable(cold(' -a-').pipe(breaker, take(1))).toBe('-(a|)')
      for (const late of ['---#', '----#'])
        expectObservable(cold(late, {}, broken).pipe(breaker)).toBe(late, {}, broken)
      expectObservable(cold('--a-').pipe(breaker, take(1)), '---------^').toBe('-----------(a|)')
    }),
  )

  it(
    'takes an error that is no failure for a sign of life: it begins the count anew, and closes the circuit',
    marbles(({ cold, expectObservable }) => {
      const refused = Object.assign(new Error('not this row'), { retryable: false })
      const breaker = circuitBreaker({ failures: 2, openFor: 5, whenOpen })
      expectObservable(breaker.state$).toBe('c--o----h-c', states)
      for (const [call, error] of [
        ['#', broken],
        ['-#', refused],
        ['--#', broken],
        ['---#', broken],
      ] as const)
        expectObservable(cold(call, {}, error).pipe(breaker)).toBe(call, {}, error)
      expectObservable(cold('--#', {}, refused).pipe(breaker), '--------^').toBe('----------#', {}, refused)
    }),
  )

  it(
    'hears no more of calls that began before the circuit last changed',
    marbles(({ cold, expectObservable }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen })
      expectObservable(breaker.state$).toBe('co----h--c', states)
      expectObservable(cold(' -#', {}, broken).pipe(breaker)).toBe('-#', {}, broken)
      // A late failure would make it stay open for longer, a late success would close it; one more would open it again.
      for (const late of ['---#', '----|', '-------#', '----------#'])
        expectObservable(cold(late, {}, broken).pipe(breaker)).toBe(late, {}, broken)
      expectObservable(cold('---|').pipe(breaker), '------^').toBe('---------|')
    }),
  )

  it('fails with what isFailure throws, and counts it as a failure', () => {
    const breaker = circuitBreaker({ failures: 1, whenOpen, isFailure: () => throwIt('confused') })
    const seen: string[] = []
    breaker.state$.subscribe((state) => seen.push(state))
    expect(outcomeNow(throwError(() => broken).pipe(breaker))).toEqual({ values: [], error: 'confused' })
    expect(seen).toEqual(['closed', 'open'])
  })

  it('asks isFailure of every error', () => {
    const asked: unknown[] = []
    const isFailure = (error: unknown) => asked.push(error) > 1
    const breaker = circuitBreaker({ failures: 1, whenOpen, isFailure })
    outcomeNow(throwError(() => 'a').pipe(breaker))
    outcomeNow(throwError(() => 'b').pipe(breaker))
    expect(asked).toEqual(['a', 'b'])
    let state = ''
    breaker.state$.subscribe((now) => {
      state = now
    })
    expect(state).toBe('open')
  })

  it('shares its state among all it is applied to, and with no other breaker', () => {
    const breaker = circuitBreaker({ failures: 1, whenOpen })
    outcomeNow(throwError(() => broken).pipe(breaker))
    let calls = 0
    const call = defer(() => of(++calls))
    call.pipe(breaker).subscribe({ error: () => undefined })
    expect(calls).toBe(0)
    call.pipe(circuitBreaker({ failures: 1, whenOpen })).subscribe()
    expect(calls).toBe(1)
  })

  it('is open no longer than said when the clock is set back', () => {
    const scheduler = new VirtualTimeScheduler()
    let setBackMs = 0
    const clock = new Proxy(scheduler, {
      get: (target, name) => {
        if (name === 'now') return () => target.now() - setBackMs
        const value = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const breaker = circuitBreaker({ failures: 1, openFor: 100, whenOpen, scheduler: clock })
    const at: number[] = []
    const call = defer(() => {
      at.push(scheduler.now())
      return of(1)
    })
    timer(1_000, scheduler)
      .pipe(concatMap(() => throwError(() => broken).pipe(breaker)))
      .subscribe({ error: () => undefined })
    timer(1_010, scheduler).subscribe(() => {
      setBackMs = 900
      call
        .pipe(breaker, retry({ delay: (error: CircuitOpenError) => timer(error.retryAfter ?? 1, scheduler) }))
        .subscribe()
    })
    scheduler.flush()
    expect(at).toEqual([1_110])
  })
})

describe('circuitBreaker', () => {
  it(
    'refuses calls while it is open with the time that is left, and while a call probes without one',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5 })
      const call = cold('     ---a|')
      const callSubs = '      ------^---!'
      expectObservable(cold(' -#', {}, broken).pipe(breaker)).toBe('-#', {}, broken)
      expectObservable(call.pipe(breaker), '--^').toBe('--#', {}, open(4))
      expectObservable(call.pipe(breaker), '-----^').toBe('-----#', {}, open(1))
      expectObservable(call.pipe(breaker), '------^').toBe('---------a|')
      expectObservable(call.pipe(breaker), '-------^').toBe('-------#', {}, halfOpen)
      expectSubscriptions(call.subscriptions).toBe(callSubs)
    }),
  )

  it('refuses with an error that is worth a repeat, after the time left', () => {
    expect(open(4)).toMatchObject({ retryable: true, retryAfter: 4, code: 'SLUICE_CIRCUIT_OPEN' })
    expect(halfOpen).toMatchObject({ retryable: true, retryAfter: undefined })
  })

  it('opens after five failures and for half a minute unless told otherwise', () => {
    const scheduler = new VirtualTimeScheduler()
    const breaker = circuitBreaker({ scheduler })
    const seen: [number, string][] = []
    breaker.state$.subscribe((state) => seen.push([scheduler.now(), state]))
    const failing = throwError(() => broken).pipe(breaker)
    for (let times = 0; times < 4; times++) outcomeNow(failing)
    expect(seen).toEqual([[0, 'closed']])
    outcomeNow(failing)
    timer(29_999, scheduler).subscribe(() => expect(outcomeNow(failing).error).toEqual(open(1)))
    timer(30_000, scheduler).subscribe(() => expect(outcomeNow(failing).error).toBe(broken))
    scheduler.flush()
    expect(seen).toEqual([
      [0, 'closed'],
      [0, 'open'],
      [30_000, 'half-open'],
      [30_000, 'open'],
    ])
  })

  it('has no timer while nobody waits', () => {
    const scheduler = new VirtualTimeScheduler()
    const breaker = circuitBreaker({ failures: 1, whenOpen: 'wait', scheduler })
    outcomeNow(throwError(() => broken).pipe(breaker))
    expect(scheduler.actions).toHaveLength(0)
    const waiting = of(1).pipe(breaker).subscribe()
    expect(scheduler.actions).toHaveLength(1)
    waiting.unsubscribe()
    scheduler.flush()
    expect(scheduler.now()).toBe(0)
  })

  it('is known to be deterministic', () => {
    expect(isDeterministic(circuitBreaker())).toBe(true)
  })

  it.each<[CircuitBreakerOptions, RegExp]>([
    [{ failures: 0 }, /option "failures" must be a positive integer, and it is 0/],
    [{ openFor: 0 }, /option "openFor" must be more than 0/],
    [{ whenOpen: 'queue' as 'wait' }, /option "whenOpen" must be one of "fail", "wait", and it is "queue"/],
    [{ isFailure: true as never }, /option "isFailure" must be a function/],
    [{ failure: 2 } as CircuitBreakerOptions, /unknown option "failure"; did you mean "failures"/],
  ])('refuses %o when it is made', (options, message) => {
    expect(() => circuitBreaker(options)).toThrow(OptionError)
    expect(() => circuitBreaker(options)).toThrow(message)
  })
})

describe('circuitBreaker, calls that wait', () => {
  it(
    'go on in their order, the first of them as the probe',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen: 'wait' })
      const call = cold('     -a|')
      const callSubs = ['     ------^-!', '--------^-!', '--------^-!', '---------^-!']
      expectObservable(cold(' -#', {}, broken).pipe(breaker)).toBe('-#', {}, broken)
      expectObservable(call.pipe(breaker), '--^').toBe('   -------a|')
      expectObservable(call.pipe(breaker), '---^').toBe('  ---------a|')
      expectObservable(call.pipe(breaker), '-------^').toBe('---------a|')
      expectObservable(call.pipe(breaker), '---------^').toBe('----------a|')
      expectSubscriptions(call.subscriptions).toBe(callSubs)
    }),
  )

  it(
    'probe one after the other while the other side is down, each once a period',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen: 'wait' })
      const first = cold('    -#', {}, broken)
      const firstSubs = '     ------^!'
      const second = cold('   -#', {}, broken)
      const secondSubs = '    ------------^!'
      const third = cold('    -c|')
      const thirdSubs = '     ------------------^-!'
      expectObservable(breaker.state$).toBe('co----ho----ho----h-c', states)
      expectObservable(cold(' -#', {}, broken).pipe(breaker)).toBe('-#', {}, broken)
      expectObservable(first.pipe(breaker), '--^').toBe('-------#', {}, broken)
      expectObservable(second.pipe(breaker), '--^').toBe('-------------#', {}, broken)
      expectObservable(third.pipe(breaker), '--^').toBe('-------------------c|')
      expectSubscriptions(first.subscriptions).toBe(firstSubs)
      expectSubscriptions(second.subscriptions).toBe(secondSubs)
      expectSubscriptions(third.subscriptions).toBe(thirdSubs)
    }),
  )

  it(
    'leave the queue when they are unsubscribed from',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen: 'wait' })
      const left = cold('     -a|')
      const stayed = cold('   -b|')
      const stayedSubs = '    ------^-!'
      expectObservable(cold(' -#', {}, broken).pipe(breaker)).toBe('-#', {}, broken)
      expectObservable(left.pipe(breaker), '--^-!').toBe('----')
      expectObservable(stayed.pipe(breaker), '---^').toBe('-------b|')
      expectSubscriptions(left.subscriptions).toBe([])
      expectSubscriptions(stayed.subscriptions).toBe(stayedSubs)
    }),
  )

  it('are not overtaken by a call that comes while they are released', () => {
    const scheduler = new VirtualTimeScheduler()
    const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen: 'wait', scheduler })
    outcomeNow(throwError(() => broken).pipe(breaker))
    const order: string[] = []
    const call = (name: string) => defer(() => of(order.push(name))).pipe(breaker)
    concat(call('probe'), call('after the probe')).subscribe()
    call('second').subscribe()
    call('third').subscribe()
    scheduler.flush()
    expect(order).toEqual(['probe', 'second', 'third', 'after the probe'])
  })

  it('need no stack, however many', () => {
    const probe$ = new Subject<never>()
    const scheduler = new VirtualTimeScheduler()
    const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen: 'wait', scheduler })
    outcomeNow(throwError(() => broken).pipe(breaker))
    probe$.pipe(breaker).subscribe()
    let ended = 0
    for (let n = 0; n < 20_000; n++)
      of(n)
        .pipe(breaker)
        .subscribe({ complete: () => ended++ })
    scheduler.flush()
    expect(ended).toBe(0)
    probe$.complete()
    expect(ended).toBe(20_000)
  })

  it('wait for a probe that never ends', () => {
    const scheduler = new VirtualTimeScheduler()
    const breaker = circuitBreaker({ failures: 1, openFor: 5, whenOpen: 'wait', scheduler })
    outcomeNow(throwError(() => broken).pipe(breaker))
    const probe = NEVER.pipe(breaker).subscribe()
    let values = 0
    of(1)
      .pipe(breaker)
      .subscribe(() => values++)
    scheduler.flush()
    expect(values).toBe(0)
    probe.unsubscribe()
    expect(values).toBe(1)
  })

  it('with any calls: never two at once while it isn’t closed, none in the pause, all made in the end, in order', () => {
    const call = fc.record({
      at: fc.nat(60),
      takes: fc.nat(8),
      fails: fc.boolean(),
      leavesAfter: fc.option(fc.nat(30)),
    })
    const property = fc.property(
      fc.array(call, { maxLength: 25 }),
      fc.integer({ min: 1, max: 3 }),
      (calls, failures) => {
        const scheduler = new VirtualTimeScheduler()
        const breaker = circuitBreaker({ failures, openFor: 10, whenOpen: 'wait', scheduler })
        let state = ''
        let probing = 0
        let openedAt = 0
        breaker.state$.subscribe((now) => {
          if (now === 'open' && probing === 0) openedAt = scheduler.now()
          state = now
        })
        const asked: number[] = []
        const begun: number[] = []
        const left = new Set<number>()
        calls.forEach(({ at, takes, fails, leavesAfter }, n) => {
          const work = new Observable<never>((subscriber) => {
            begun.push(n)
            const probe = state === 'half-open'
            expect(state).not.toBe('open')
            if (probe) {
              expect(++probing).toBe(1)
              expect(scheduler.now() - openedAt).toBeGreaterThanOrEqual(10)
            }
            const done = timer(takes, scheduler).subscribe(() => {
              if (probe) {
                probing--
                if (fails) openedAt = scheduler.now()
              }
              if (fails) subscriber.error(broken)
              else subscriber.complete()
            })
            return () => {
              if (probe && !done.closed) probing--
              done.unsubscribe()
            }
          })
          timer(at, scheduler).subscribe(() => {
            asked.push(n)
            const running = work.pipe(breaker).subscribe({ error: () => undefined })
            if (leavesAfter === null) return
            timer(leavesAfter, scheduler).subscribe(() => {
              if (!begun.includes(n)) left.add(n)
              running.unsubscribe()
            })
          })
        })
        scheduler.maxFrames = 100_000
        scheduler.flush()
        expect(begun).toEqual(asked.filter((n) => !left.has(n)))
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})
