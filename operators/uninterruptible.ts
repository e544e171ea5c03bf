import { type MonoTypeOperatorFunction, Observable } from 'rxjs'
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
  return (source) =>
    new Observable((subscriber) => {
      const end = tracker.begin()
      source.subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => {
          if (subscriber.closed) onLateError(error)
          end()
          subscriber.error(error)
        },
        complete: () => {
          end()
          subscriber.complete()
        },
      })
    })
}
