import { Observable, type Subscription } from 'rxjs'
import type { Tracker } from '../src/tracker.ts'

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
 * @returns what `use` emits.
 */
export function usingResource<R, T>({ open, use, close, tracker, onCloseError }: ResourceOptions<R, T>): Observable<T> {
  return new Observable((subscriber) => {
    const settled = tracker.begin()
    let gone = false
    let release: (() => void) | undefined
    let usage: Subscription | undefined

    const closing = (resource: R, tell: () => void): void => {
      release = undefined
      const done = (): void => {
        settled()
        tell()
      }
      close(resource).subscribe({
        error: (error: unknown) => {
          onCloseError(error)
          done()
        },
        complete: done,
      })
    }

    // Not cancelled: a lease that is being taken must be given back.
    open().subscribe({
      next: (resource) => {
        if (gone) return closing(resource, () => {})
        release = () => closing(resource, () => {})
        usage = use(resource).subscribe({
          next: (value) => subscriber.next(value),
          error: (error: unknown) => closing(resource, () => subscriber.error(error)),
          complete: () => closing(resource, () => subscriber.complete()),
        })
        if (gone) usage.unsubscribe()
      },
      error: (error: unknown) => {
        settled()
        subscriber.error(error)
      },
    })
    return () => {
      gone = true
      usage?.unsubscribe()
      release?.()
    }
  })
}
