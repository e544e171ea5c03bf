import { Observable, type Observer, Subscriber, type Subscription } from 'rxjs'
import { describeError } from './errors.ts'
import { redact } from './redact.ts'

/** What an Observable takes as its observer. */
export type Observing<T> = Partial<Observer<T>> | ((value: T) => void) | null | undefined

/**
 * Calls an observer. What it throws is a warning of the process (`process.on('warning')`, else on stderr), once for each observer: who only watches
 * must not end what is watched.
 */
export function safely<T>(next: ((value: T) => void) | undefined, owner: string): (value: T) => void {
  let told = false
  return (value) => {
    try {
      next?.(value)
    } catch (error) {
      if (told) return
      told = true
      process.emitWarning(`an observer of ${owner} threw: ${redact(describeError(error))}`, 'SluiceWarning')
    }
  }
}

/**
 * An Observable whose observers may throw. **Hazard**: that doesn't hold for what throws inside an operator (`map`, `tap`): that is an error of the chain, to be caught there.
 */
export class SafeFeed<T> extends Observable<T> {
  readonly #source: Observable<T>
  readonly #owner: string

  constructor(source: Observable<T>, owner: string) {
    super((subscriber) => source.subscribe(subscriber))
    this.#source = source
    this.#owner = owner
  }

  override subscribe(observer?: Observing<T>): Subscription
  override subscribe(
    next?: ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription
  override subscribe(
    first?: Observing<T>,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    if (first instanceof Subscriber) return super.subscribe(first)
    const observer: Partial<Observer<T>> =
      typeof first === 'object' && first !== null
        ? first
        : { ...(first && { next: first }), ...(error && { error }), ...(complete && { complete }) }
    // Directly: it stands on the way of every chunk.
    return this.#source.subscribe({
      next: safely((value: T) => observer.next?.(value), this.#owner),
      error: (failure: unknown) => observer.error?.(failure),
      complete: () => observer.complete?.(),
    })
  }
}
