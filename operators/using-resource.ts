import { defer, finalize, Observable, throwIfEmpty } from 'rxjs'
import { PortError } from '../src/errors.ts'
import { subscribeWithin } from '../src/subscribe-within.ts'
import type { Tracker } from '../src/tracker.ts'

/** Options of {@link usingResource}. */
export interface ResourceOptions<R, T> {
  /** Emits the resource once. */
  readonly open: () => Observable<R>
  readonly use: (resource: R) => Observable<T>
  /** Only its end counts. */
  readonly close: (resource: R) => Observable<unknown>
  /** Counts the resource as open work until it is closed. */
  readonly tracker: Tracker
  /** Gets what went wrong while closing; what the use ended with is not changed by it. */
  readonly onCloseError: (error: unknown) => void
}

/**
 * As RxJS's `using`, for resources that open and close asynchronously: completion and errors go on only after the resource was closed.
 *
 * When nobody listens any more, it is closed too, even if it was still being opened. **Hazard**: unsubscribing returns before that; wait for `tracker.idle`.
 *
 * @returns what `use` emits. Fails with the error of `open` or `use`, with `PortError` when `open` emits nothing.
 */
export function usingResource<R, T>({ open, use, close, tracker, onCloseError }: ResourceOptions<R, T>): Observable<T> {
  return new Observable((subscriber) => {
    const settled = tracker.begin()

    const closing = (resource: R, tell: () => void): void => {
      const done = (): void => {
        settled()
        tell()
      }
      defer(() => close(resource)).subscribe({
        error: (error: unknown) => {
          onCloseError(error)
          done()
        },
        complete: done,
      })
    }

    // Not cancelled: a lease that is being taken must be given back.
    defer(open)
      .pipe(throwIfEmpty(() => new PortError('open must emit the resource, and it emitted nothing')))
      .subscribe({
        next: (resource) => {
          if (subscriber.closed) return closing(resource, () => {})
          let tell = (): void => {}
          const used = defer(() => use(resource)).pipe(finalize(() => closing(resource, tell)))
          subscribeWithin(subscriber, used, {
            next: (value) => subscriber.next(value),
            error: (error: unknown) => {
              tell = () => subscriber.error(error)
            },
            complete: () => {
              tell = () => subscriber.complete()
            },
          })
        },
        error: (error: unknown) => {
          settled()
          subscriber.error(error)
        },
      })
  })
}
