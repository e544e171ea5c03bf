import { EMPTY, NEVER, Observable, type Observer, of, Subject, Subscription, throwError } from 'rxjs'
import * as rxjs6 from 'rxjs6'
import * as rxjs6Operators from 'rxjs6/operators'
import { describe, expect, it } from 'vitest'
import { followedBy, innerOf, subscribeWithin } from '../src/subscribe-within.ts'
import { marbles } from '../src/testing/marbles.ts'
import { throwIt } from './operators/a-run.ts'
import { edgeListOfPassing } from './operators/edge-list.ts'
import { outcomeNow } from './operators/outcome-now.ts'

const silent = { error: () => {} }

describe('subscribeWithin', () => {
  it('ends a source that still emits synchronously when the subscriber leaves', () => {
    const subscriber = new Subscription()
    let emitted = 0
    const endless = new Observable<number>((inner) => {
      while (!inner.closed && emitted < 1_000) inner.next(++emitted)
    })
    const seen: number[] = []
    subscribeWithin(subscriber, endless, {
      ...silent,
      next: (value) => {
        seen.push(value)
        if (value === 3) subscriber.unsubscribe()
      },
    })
    expect(seen).toEqual([1, 2, 3])
    expect(emitted).toBe(3)
  })

  it('does not begin for a subscriber that has left', () => {
    const left = new Subscription()
    left.unsubscribe()
    let began = false
    const source = new Observable<never>(() => {
      began = true
    })
    expect(subscribeWithin(left, source, silent).closed).toBe(true)
    expect(began).toBe(false)
  })

  it.each([
    ['completes', EMPTY],
    ['fails', throwError(() => 'down')],
  ])('leaves nothing with the subscriber when the source %s', (_how, end) => {
    const subscriber = new Subscription()
    for (let at = 0; at < 10; at++) subscribeWithin(subscriber, end, { error: () => {} })
    const { _finalizers: left } = subscriber as unknown as { readonly _finalizers: readonly unknown[] | null }
    expect(left ?? []).toEqual([])
  })

  it('tells, of what is added to it, after the source has torn down', () => {
    const order: string[] = []
    const source = new Observable<never>((inner) => {
      inner.add(() => order.push('torn down'))
      queueMicrotask(() => inner.complete())
    })
    return new Promise<void>((resolve) => {
      subscribeWithin(new Subscription(), source, { ...silent, complete: () => order.push('complete') }).add(() => {
        expect(order).toEqual(['complete', 'torn down'])
        resolve()
      })
    })
  })

  it('tells its own observer of what that threw at a value, and leaves the source', () => {
    const errors: unknown[] = []
    const source = new Subject<number>()
    subscribeWithin(new Subscription(), source, {
      next: (value) => throwIt(`no ${value}`),
      error: (error: unknown) => errors.push(error),
    })
    source.next(1)
    source.next(2)
    expect(errors).toEqual(['no 1'])
    expect(source.observed).toBe(false)
  })

  it('tells its observer of a source that can not be subscribed to', () => {
    const errors: unknown[] = []
    const closed = new Subject<never>()
    closed.unsubscribe()
    const error = (what: unknown): void => void errors.push(what)
    expect(subscribeWithin(new Subscription(), closed, { error }).closed).toBe(true)
    expect(errors).toMatchObject([{ name: 'ObjectUnsubscribedError' }])
  })

  it('tells its own observer of what that threw at the end', () => {
    const errors: unknown[] = []
    const error = (what: unknown): void => void errors.push(what)
    subscribeWithin(new Subscription(), EMPTY, { complete: () => throwIt('no end'), error })
    expect(errors).toEqual(['no end'])
  })

  it('takes nothing after it was left, of a source that goes on', () => {
    const seen: unknown[] = []
    const note = (what: unknown): void => void seen.push(what)
    let rude: Observer<number> | undefined
    const source = new Observable<number>((inner) => {
      rude = inner
    })
    subscribeWithin(new Subscription(), source, {
      next: note,
      error: note,
      complete: () => note('complete'),
    }).unsubscribe()
    rude?.next(1)
    rude?.error('late')
    rude?.complete()
    expect(seen).toEqual([])
  })

  it('serves Observables of RxJS 6, which call it by an object that inherits from it', async () => {
    const later = rxjs6.timer(1).pipe(rxjs6Operators.map(() => 'later'))
    for (const [source, expected] of [
      [rxjs6.of(1, 2), [1, 2, 'complete', 'torn down']],
      [later, ['later', 'complete', 'torn down']],
      [rxjs6.throwError('down'), ['down', 'torn down']],
    ] as const) {
      const seen: unknown[] = []
      await new Promise<void>((resolve) => {
        const note = (what: unknown): void => void seen.push(what)
        const foreign = innerOf<unknown>(() => source as unknown as Observable<unknown>)
        subscribeWithin(new Subscription(), foreign, {
          next: note,
          error: note,
          complete: () => note('complete'),
        }).add(() => {
          note('torn down')
          resolve()
        })
      })
      expect(seen).toEqual(expected)
    }
  })

  it('takes nothing after an end, of a source that goes on', () => {
    const seen: unknown[] = []
    const source = new Observable<number>((inner) => {
      inner.complete()
      inner.next(1)
      inner.error('late')
      inner.complete()
    })
    const note = (what: unknown): void => void seen.push(what)
    subscribeWithin(new Subscription(), source, { next: note, error: note, complete: () => note('complete') })
    expect(seen).toEqual(['complete'])
  })

  it('is handed to the source as it is: a wrapper would be torn down later than the source emits', () => {
    let given: unknown
    const source = new Observable<never>((inner) => {
      given = inner
    })
    expect(subscribeWithin(new Subscription(), source, silent)).toBe(given)
  })
})

describe('innerOf', () => {
  it('is what was made, or fails with what making it threw', () => {
    expect(outcomeNow(innerOf(() => [1, 2]))).toEqual({ values: [1, 2] })
    expect(outcomeNow(innerOf(() => throwIt('down')))).toEqual({ values: [], error: 'down' })
  })
})

describe('followedBy', () => {
  edgeListOfPassing(() => followedBy<string>(() => EMPTY), { a: 'a', b: 'b' })

  it(
    'makes what follows when the source has completed',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const next = cold('        -b|')
      const nextSubs = '      --^-!'
      const source = cold('   a-|')
      const expected = '      a--b|'
      expectObservable(source.pipe(followedBy(() => next))).toBe(expected)
      expectSubscriptions(next.subscriptions).toBe(nextSubs)
    }),
  )

  it('fails with the source, and with what making it throws', () => {
    let made = false
    const failing = throwError(() => 'down').pipe(
      followedBy(() => {
        made = true
        return NEVER
      }),
    )
    expect(outcomeNow(failing)).toEqual({ values: [], error: 'down' })
    expect(made).toBe(false)
    expect(outcomeNow(of(1).pipe(followedBy(() => throwIt('none'))))).toEqual({ values: [1], error: 'none' })
  })

  it(
    'leaves what follows when nobody listens any more',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const next = cold<string>('----')
      expectObservable(EMPTY.pipe(followedBy(() => next)), '^-!').toBe('---')
      expectSubscriptions(next.subscriptions).toBe('^-!')
    }),
  )
})
