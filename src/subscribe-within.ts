import {
  from,
  type MonoTypeOperatorFunction,
  Observable,
  type ObservableInput,
  type Observer,
  Subscription,
  throwError,
} from 'rxjs'

/**
 * Subscribes on behalf of a subscriber, for operators that are written by hand: when that one leaves, so does this subscription, also out of a source
 * that is still emitting synchronously (which the subscription that `subscribe` answers with would only reach afterwards).
 *
 * @param observer its `error` also gets what `next` and `complete` throw, and a source that can't be subscribed to.
 * @returns the subscription; what is added to it comes when the source has torn down, whatever it ended with.
 */
export function subscribeWithin<T>(subscriber: Subscription, source: Observable<T>, observer: Within<T>): Subscription {
  const inner = new Inner(observer)
  subscriber.add(inner)
  if (inner.closed) return inner
  try {
    source.subscribe(inner)
  } catch (error) {
    inner.error(error)
  }
  return inner
}

type Within<T> = Partial<Observer<T>> & Pick<Observer<T>, 'error'>

/**
 * An observer that is a subscription, too. RxJS takes such a one as it is, so a source's teardown is added to it before the source says anything;
 * anything else it would wrap first, and a batch of a few rows is made of some thirty subscriptions.
 *
 * RxJS 6 calls an observer by an object that inherits from it, so there are no private members, and what changes is changed in the observer itself.
 */
class Inner<T> extends Subscription implements Observer<T> {
  readonly observer: Within<T>
  readonly self = this
  over = false

  constructor(observer: Within<T>) {
    super()
    this.observer = observer
  }

  next(value: T): void {
    const { self } = this
    if (self.over) return
    try {
      self.observer.next?.(value)
    } catch (error) {
      self.error(error)
    }
  }

  error(error: unknown): void {
    const { self } = this
    if (self.over) return
    self.over = true
    try {
      self.observer.error(error)
    } finally {
      self.unsubscribe()
    }
  }

  complete(): void {
    const { self } = this
    if (self.over) return
    self.over = true
    try {
      self.observer.complete?.()
    } catch (error) {
      self.observer.error(error)
    } finally {
      self.unsubscribe()
    }
  }

  override unsubscribe(): void {
    const { self } = this
    self.over = true
    super.unsubscribe.call(self)
  }
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
