import { EMPTY, from, Observable, of, Subject, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { type Answer, asking, concatAnswers, inOrder, whenAnswered } from '../src/answer.ts'
import { marbles } from '../src/testing/marbles.ts'
import { throwIt } from './operators/a-run.ts'
import { edgeList } from './operators/edge-list.ts'
import { outcomeNow } from './operators/outcome-now.ts'

const outcomeOf = <T>(answer: Answer<T>) => outcomeNow(asking(() => answer))

describe('asking', () => {
  it('asks on subscription, and anew on each', () => {
    let asked = 0
    const answers = asking(() => ++asked)
    expect(asked).toBe(0)
    expect([outcomeNow(answers), outcomeNow(answers)]).toEqual([{ values: [1] }, { values: [2] }])
  })

  it.each<[string, Answer<unknown>, unknown]>([
    ['undefined', undefined, { values: [undefined] }],
    ['a list, as one value', [1, 2], { values: [[1, 2]] }],
    ['an Observable', of(1), { values: [1] }],
    ['one that fails', throwError(() => 'down'), { values: [], error: 'down' }],
  ])('passes %s on', (_what, answer, expected) => {
    expect(outcomeNow(asking(() => answer))).toEqual(expected)
  })

  it('fails with what asking throws', () => {
    expect(outcomeNow(asking(() => throwIt('down')))).toEqual({ values: [], error: 'down' })
  })
})

describe('whenAnswered', () => {
  it('is as synchronous as the answer', () => {
    expect(whenAnswered(2, (value) => value * 2)).toBe(4)
    const later = whenAnswered(of(2), (value) => value * 2)
    expect(later).toBeInstanceOf(Observable)
    expect(outcomeOf(later)).toEqual({ values: [4] })
  })
})

describe('inOrder', () => {
  const run = (answers: readonly Answer<unknown>[]) => {
    const taken: number[] = []
    const steps = answers.map((answer, at) => () => {
      taken.push(at)
      return answer
    })
    return { answer: inOrder(steps), taken }
  }

  it('takes all steps at once where each is answered at once', () => {
    expect(run([1, undefined, 'x'])).toEqual({ answer: undefined, taken: [0, 1, 2] })
    expect(run([])).toEqual({ answer: undefined, taken: [] })
  })

  it(
    'waits for each, and begins none before',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const [first, second] = [cold('--a|'), cold('-|')]
      const { answer, taken } = run([1, first, 2, second, 3])
      expect(taken).toEqual([0, 1])
      expectObservable(asking(() => answer)).toBe('----(u|)', { u: undefined })
      expectSubscriptions(first.subscriptions).toBe('^--!')
      expectSubscriptions(second.subscriptions).toBe('---^!')
    }),
  )

  it('ends with the first that fails', () => {
    const { answer, taken } = run([EMPTY, throwError(() => 'down'), 1])
    expect(outcomeOf(answer)).toEqual({ values: [], error: 'down' })
    expect(taken).toEqual([0, 1])
  })
})

describe('concatAnswers', () => {
  edgeList<string, string>({
    operator: () => concatAnswers((value) => value.toUpperCase()),
    source: { a: 'a', b: 'b' },
    result: { a: 'A', b: 'B' },
  })

  it(
    'takes one value after the other, in order, whether their answers are there or not',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const slow = cold('  ---x|')
      const slowSubs = '   -^---!'
      const source = cold('-abc|', { a: slow, b: 'y', c: undefined })
      const expected = '   ----x(y|)'
      expectObservable(source.pipe(concatAnswers((answer: Answer<string | undefined>) => answer))).toBe(expected)
      expectSubscriptions(slow.subscriptions).toBe(slowSubs)
    }),
  )

  it('passes no undefined on, from an Observable neither', () => {
    const answers = from<Answer<number | undefined>[]>([undefined, of(undefined), 1, of(2), EMPTY])
    expect(outcomeNow(answers.pipe(concatAnswers((answer) => answer)))).toEqual({ values: [1, 2] })
  })

  it(
    'asks nobody while an answer is awaited, and nobody after an error',
    marbles(({ cold, expectObservable, expectSubscriptions, flush }) => {
      const asked: string[] = []
      const slow = cold('   --#')
      const source = cold(' ab-c|')
      const subs = '        ^-!'
      const answers = source.pipe(
        concatAnswers((value) => {
          asked.push(value)
          return value === 'a' ? slow : value
        }),
      )
      expectObservable(answers).toBe('--#')
      expectSubscriptions(source.subscriptions).toBe(subs)
      flush()
      expect(asked).toEqual(['a'])
    }),
  )

  it('keeps the order, and loses nothing, when its result brings further values and the end of the source', () => {
    const source = new Subject<string>()
    const slow = new Subject<string>()
    const seen: string[] = []
    source.pipe(concatAnswers((value): Answer<string> => (value === 'a' ? slow : value))).subscribe({
      next: (value) => {
        seen.push(value)
        if (value !== 'b') return
        source.next('d')
        source.complete()
      },
      complete: () => seen.push('complete'),
    })
    for (const value of ['a', 'b', 'c']) source.next(value)
    slow.complete()
    expect(seen).toEqual(['b', 'c', 'd', 'complete'])
  })

  it('fails with what the projection throws', () => {
    expect(outcomeNow(of(1, 2).pipe(concatAnswers(() => throwIt('down'))))).toEqual({ values: [], error: 'down' })
  })

  it(
    'leaves an answer under way when nobody listens any more',
    marbles(({ cold, expectObservable, expectSubscriptions }) => {
      const slow = cold<number>('----')
      expectObservable(of(0).pipe(concatAnswers(() => slow)), '^-!').toBe('---')
      expectSubscriptions(slow.subscriptions).toBe('^-!')
    }),
  )

  it('needs no stack for any number of answers that come at once behind one that was awaited', async () => {
    const values = Array.from({ length: 100_000 }, (_, at) => at)
    let count = 0
    const first = new Observable<number>((subscriber) => queueMicrotask(() => subscriber.complete()))
    await new Promise<void>((resolve, reject) =>
      new Observable<number>((subscriber) => {
        for (const value of values) subscriber.next(value)
        subscriber.complete()
      })
        .pipe(concatAnswers((value): Answer<number> => (value === 0 ? first : value)))
        .subscribe({ next: () => count++, error: reject, complete: resolve }),
    )
    expect(count).toBe(values.length - 1)
  })
})
