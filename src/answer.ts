import { concat, EMPTY, filter, ignoreElements, isObservable, map, Observable, type ObservableInput } from 'rxjs'

/**
 * What somebody was asked for: there already, or an Observable of it, to be subscribed to once. Most ports answer at once, several of them in each batch,
 * and what is there needs no Observable of its own.
 */
export type Answer<T> = T | Observable<T>

/** What becomes of an answer, as soon as it is there. */
export function whenAnswered<T, R>(answer: Answer<T>, next: (value: T) => R): Answer<R> {
  return isObservable(answer) ? answer.pipe(map(next)) : next(answer)
}

/** For `concatMap` and its like: the answer's value, or nothing where that is `undefined`. */
export function emitted<T>(answer: Answer<T | undefined>): ObservableInput<T> {
  if (isObservable(answer)) return answer.pipe(filter((value) => value !== undefined))
  return answer === undefined ? EMPTY : [answer]
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
