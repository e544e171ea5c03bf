import { Observable, type Observer, ReplaySubject, Subscriber, type Subscription } from 'rxjs'
import type { QueryProgress } from './progress.ts'
import { safely } from './safe-feed.ts'

type ProgressObserver = Partial<Observer<QueryProgress>> | ((progress: QueryProgress) => void) | null

/**
 * The progress of a run: hot, repeats the last one to late subscribers. Its failure goes to those who take errors (an observer with `error`, any operator,
 * `firstValueFrom`); who subscribes with a mere function has said nothing about errors and isn't ended by one: the run reports it elsewhere.
 */
export class ProgressFeed extends Observable<QueryProgress> {
  readonly #subject = new ReplaySubject<QueryProgress>(1)
  #listeners = 0

  override subscribe(observer?: ProgressObserver): Subscription
  override subscribe(
    next?: ((progress: QueryProgress) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription
  override subscribe(
    first?: ProgressObserver,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    const observer: Partial<Observer<QueryProgress>> =
      typeof first === 'object' && first !== null
        ? first
        : { ...(first && { next: first }), ...(error && { error }), ...(complete && { complete }) }
    if (typeof observer.error !== 'function') {
      const { next, complete: end } = observer
      return this.#subject.subscribe({
        next: safely((progress: QueryProgress) => next?.call(observer, progress), 'progress$'),
        error: () => end?.call(observer),
        complete: () => end?.call(observer),
      })
    }
    this.#listeners++
    const subscription = this.#subject.subscribe(
      observer instanceof Subscriber
        ? observer // an operator: what it throws is an error of its chain
        : {
            next: safely((progress: QueryProgress) => observer.next?.(progress), 'progress$'),
            error: (error: unknown) => observer.error?.(error),
            complete: () => observer.complete?.(),
          },
    )
    subscription.add(() => this.#listeners--)
    return subscription
  }

  next(progress: QueryProgress): void {
    this.#subject.next(progress)
  }

  /** @returns whether anybody who takes errors was there to hear. */
  fail(error: unknown): boolean {
    const heard = this.#listeners > 0
    this.#subject.error(error)
    return heard
  }

  complete(): void {
    this.#subject.complete()
  }
}
