import { concat, ignoreElements, isObservable, map, Observable, type OperatorFunction } from 'rxjs'
import { subscribeWithin } from './subscribe-within.ts'

/**
 * What somebody was asked for: there already, or an Observable of it, to be subscribed to once. Most ports answer at once, several of them in each batch,
 * and what is there needs no Observable of its own.
 */
export type Answer<T> = T | Observable<T>

/** What becomes of an answer, as soon as it is there. */
export function whenAnswered<T, R>(answer: Answer<T>, next: (value: T) => R): Answer<R> {
  return isObservable(answer) ? answer.pipe(map(next)) : next(answer)
}

/**
 * As `concatMap`, for answers: one that is there goes on without an Observable of its own, and `undefined` doesn't.
 *
 * @param project called with the value when its turn has come; an error it throws goes to the subscriber.
 */
export function concatAnswers<T, R>(project: (value: T) => Answer<R | undefined>): OperatorFunction<T, R> {
  return (source) =>
    new Observable((subscriber) => {
      const waiting: T[] = []
      let next = 0
      let busy = false
      let looping = false
      let ended = false

      const passOn = (value: R | undefined): void => {
        if (value !== undefined) subscriber.next(value)
      }
      const fail = (error: unknown): void => subscriber.error(error)
      const take = (value: T): void => {
        let answer: Answer<R | undefined>
        try {
          answer = project(value)
        } catch (error) {
          fail(error)
          return
        }
        if (!isObservable(answer)) {
          passOn(answer)
          return
        }
        busy = true
        subscribeWithin(subscriber, answer, {
          next: passOn,
          error: fail,
          complete: () => {
            busy = false
            proceed()
          },
        })
      }
      // In a loop, for a result may bring the next values, or the end.
      const proceed = (): void => {
        if (looping) return
        looping = true
        while (next < waiting.length && !busy && !subscriber.closed) take(waiting[next++] as T)
        looping = false
        if (next === waiting.length) waiting.length = next = 0
        if (ended && !busy && waiting.length === 0) subscriber.complete()
      }

      subscribeWithin(subscriber, source, {
        next: (value) => {
          waiting.push(value)
          proceed()
        },
        error: fail,
        complete: () => {
          ended = true
          proceed()
        },
      })
    })
}

/** Asks on subscription, and anew on each. */
export function asking<T>(ask: () => Answer<T>): Observable<T> {
  return new Observable((subscriber) => {
    const answer = ask()
    if (isObservable(answer)) return answer.subscribe(subscriber)
    subscriber.next(answer)
    subscriber.complete()
    return undefined
  })
}

/** One step after the other: answered at once when all of them are. What they answer is ignored. */
export function inOrder(steps: readonly (() => Answer<unknown>)[]): Answer<undefined> {
  for (const [index, step] of steps.entries()) {
    const answer = step()
    if (isObservable(answer)) {
      const rest = steps.slice(index + 1)
      return concat(
        answer.pipe(ignoreElements()),
        asking(() => inOrder(rest)),
      )
    }
  }
  return undefined
}
