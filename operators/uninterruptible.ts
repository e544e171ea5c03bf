import { isObservable, type MonoTypeOperatorFunction, Observable } from 'rxjs'
import type { Answer } from '../src/answer.ts'
import type { Tracker } from '../src/tracker.ts'

/**
 * Once subscribed to, the source runs to its end, whether anybody still listens or not.
 *
 * For steps that must not be cut in two, such as commit → log → acknowledge. **Hazard**: unsubscribing does not stop it; wait for `tracker.idle`
 * before you free what it uses.
 *
 * @param tracker counts the source as open work until it ends.
 * @param onLateError gets an error that nobody listened to any more.
 */
export function uninterruptible<T>(
  tracker: Tracker,
  onLateError: (error: unknown) => void,
): MonoTypeOperatorFunction<T> {
  return (source) => uninterrupted(tracker, onLateError, () => source)
}

/** The same for what is asked for on subscription. */
export function uninterrupted<T>(
  tracker: Tracker,
  onLateError: (error: unknown) => void,
  ask: () => Answer<T>,
): Observable<T> {
  return new Observable((subscriber) => {
    const end = tracker.begin()
    const fail = (error: unknown): void => {
      if (subscriber.closed) onLateError(error)
      end()
      subscriber.error(error)
    }
    let answer: Answer<T>
    try {
      answer = ask()
    } catch (error) {
      fail(error)
      return
    }
    if (isObservable(answer)) {
      answer.subscribe({
        next: (value) => subscriber.next(value),
        error: fail,
        complete: () => {
          end()
          subscriber.complete()
        },
      })
      return
    }
    subscriber.next(answer)
    end()
    subscriber.complete()
  })
}
