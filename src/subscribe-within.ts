import {
  from,
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  type Observer,
  type Subscription,
  throwError,
} from 'rxjs'

/**
 * Subscribes on behalf of a subscriber, for operators that are written by hand: when that one leaves, so does this subscription, also out of a source
 * that is still emitting synchronously (which the subscription that `subscribe` answers with would only reach afterwards).
 *
 * @returns the subscription; what is added to it comes when the source has torn down, whatever it ended with.
 */
export function subscribeWithin<T>(
  subscriber: Subscription,
  source: Observable<T>,
  observer: Partial<Observer<T>>,
): Subscription {
  return new Observable<T>((inner) => {
    subscriber.add(inner)
    return inner.closed ? undefined : source.subscribe(inner)
  }).subscribe(observer)
}

/** An inner Observable, for the same operators: one that fails where it couldn't be made. */
export function innerOf<T>(make: () => ObservableInput<T>): Observable<T> {
  try {
    return from(make())
  } catch (error) {
    return throwError(() => error)
  }
}

/** What follows when the source has completed; as `concat`, for one that is made then. */
export function followedBy<T>(next: () => Observable<T>): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      subscribeWithin(subscriber, source, {
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          innerOf(next).subscribe(subscriber)
        },
      })
    })
}
