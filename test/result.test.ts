import { EMPTY, NEVER, Observable, of, Subject, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { PortError } from '../src/errors.ts'
import { fromCommand, fromResult, type Result, settle } from '../src/result.ts'
import { marbles } from '../src/testing/marbles.ts'
import { outcomeOf, throwIt } from './operators/a-run.ts'

// biome-ignore lint/suspicious/noThenProperty: it is there to be mistaken.
const onlyNamedThen = { then: 'later' }

describe('fromResult', () => {
  it.each<[string, () => Result<unknown>, unknown]>([
    ['a value', () => 5, 5],
    ['undefined', () => undefined, undefined],
    ['null', () => null, null],
    ['an object that only has a property then', () => onlyNamedThen, onlyNamedThen],
    ['a function', () => throwIt, throwIt],
    ['an array', () => [1, 2], [1, 2]],
    ['a promise', () => Promise.resolve(5), 5],
    ['a promise of nothing', () => Promise.resolve(), undefined],
    ['an Observable', () => of(5), 5],
    ['an Observable of undefined', () => of(undefined), undefined],
  ])('emits the one value of %s and completes', async (_kind, call, value) => {
    expect(await outcomeOf(fromResult('port', call))).toEqual({ values: [value] })
  })

  it(
    'takes the value of an Observable at its completion',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const result = cold('--a---|')
      const sub = '        ^-----!'
      const expected = '   ------(a|)'
      expectObservable(fromResult('port', () => result)).toBe(expected)
      expectSubscriptions(result.subscriptions).toBe(sub)
      expectObservable(fromResult('port', () => cold('--a--'))).toBe('-----')
      expectObservable(fromResult('port', () => NEVER)).toBe('-----')
      expectObservable(fromResult('port', () => cold('--a--#'))).toBe('-----#')
    }),
  )

  it('is synchronous where the answer is', () => {
    for (const call of [() => 5, () => of(5)]) {
      const seen: unknown[] = []
      fromResult<number>('port', call).subscribe({
        next: (value) => seen.push(value),
        complete: () => seen.push('complete'),
      })
      expect(seen).toEqual([5, 'complete'])
    }
  })

  it(
    'names the port whose Observable gives no value, or a second one',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const two = cold(' -a-b-c|')
      const sub = '      ^--!'
      const several = new PortError('begin must answer with exactly one value, and its Observable emitted several')
      const none = new PortError('begin must answer with exactly one value, and its Observable emitted none')
      expectObservable(fromResult('begin', () => two)).toBe('---#', {}, several)
      expectSubscriptions(two.subscriptions).toBe(sub)
      expectObservable(fromResult('begin', () => cold('--|'))).toBe('--#', {}, none)
    }),
  )

  it.each<[string, () => Result<unknown>]>([
    ['throws', () => throwIt('broken')],
    ['rejects', () => Promise.reject('broken')],
    ['fails', () => throwError(() => 'broken')],
  ])('fails when the port %s', async (_how, call) => {
    expect(await outcomeOf(fromResult('port', call))).toEqual({ values: [], error: 'broken' })
    expect(await outcomeOf(fromCommand(call))).toEqual({ values: [], error: 'broken' })
  })

  it('calls on subscription, and again on the next', async () => {
    let calls = 0
    const result = fromResult('port', () => ++calls)
    expect(calls).toBe(0)
    expect([await outcomeOf(result), await outcomeOf(result)]).toEqual([{ values: [1] }, { values: [2] }])
  })

  it(
    'leaves the Observable when nobody listens any more',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const result = cold('----a|')
      const unsub = '      ^--!'
      expectObservable(
        fromResult('port', () => result),
        unsub,
      ).toBe('---')
      expectSubscriptions(result.subscriptions).toBe(unsub)
    }),
  )
})

describe('fromCommand', () => {
  it.each<[string, () => Result<unknown>]>([
    ['a value', () => 5],
    ['nothing', () => undefined],
    ['a promise', () => Promise.resolve(5)],
    ['an Observable of one', () => of(5)],
    ['an Observable of none', () => EMPTY],
    ['an Observable of several', () => of(1, 2, 3)],
  ])('emits undefined, once, for %s', async (_kind, call) => {
    expect(await outcomeOf(fromCommand(call))).toEqual({ values: [undefined] })
  })

  it(
    'waits for the end of an Observable',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const command = cold('-a-b-|')
      const expected = '    -----(u|)'
      expectObservable(fromCommand(() => command)).toBe(expected, { u: undefined })
      expectSubscriptions(command.subscriptions).toBe('^----!')
      expectObservable(fromCommand(() => cold('-a-#'))).toBe('---#')
    }),
  )
})

describe('settle', () => {
  function settled(call: () => Result<unknown>) {
    const seen: unknown[] = []
    settle(
      call,
      (value) => seen.push(['done', value]),
      (error) => seen.push(['failed', error]),
    )
    return seen
  }

  it.each<[string, () => Result<unknown>, unknown]>([
    ['a value', () => 5, ['done', 5]],
    ['nothing', () => undefined, ['done', undefined]],
    ['an Observable of one', () => of(5), ['done', 5]],
    ['an Observable of none', () => EMPTY, ['done', undefined]],
    ['an Observable of several', () => of(1, 2), ['done', 2]],
    ['an Observable that fails', () => throwError(() => 'broken'), ['failed', 'broken']],
    [
      'an Observable that fails after a value',
      () =>
        new Observable((subscriber) => {
          subscriber.next(1)
          subscriber.error('broken')
        }),
      ['failed', 'broken'],
    ],
    ['a call that throws', () => throwIt('broken'), ['failed', 'broken']],
  ])('calls back before it returns, and once: %s', (_kind, call, expected) => {
    expect(settled(call)).toEqual([expected])
  })

  it('calls back once for a thenable that does so twice', () => {
    const twice = (end: 'resolve' | 'reject') => ({
      // biome-ignore lint/suspicious/noThenProperty: it is one
      then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
        const call = end === 'resolve' ? resolve : reject
        call(1)
        resolve(2)
        reject(3)
      },
    })
    expect(settled(() => twice('resolve') as never)).toEqual([['done', 1]])
    expect(settled(() => twice('reject') as never)).toEqual([['failed', 1]])
  })

  it.each<[string, () => Result<unknown>, unknown]>([
    ['resolved', () => Promise.resolve(5), ['done', 5]],
    ['rejected', () => Promise.reject('broken'), ['failed', 'broken']],
  ])('calls back once a promise is %s', async (_how, call, expected) => {
    const seen = settled(call)
    expect(seen).toEqual([])
    await Promise.resolve()
    expect(seen).toEqual([expected])
  })

  it('calls back at the completion of an Observable, not at its value', () => {
    const subject = new Subject<number>()
    const seen = settled(() => subject)
    subject.next(1)
    expect(seen).toEqual([])
    subject.complete()
    expect(seen).toEqual([['done', 1]])
  })
})
