import { Observable } from 'rxjs'

/** Counts work that goes on after its subscriber has left, so that a lease is freed only when all of it has settled. */
export class Tracker {
  #open = 0
  readonly #waiting: (() => void)[] = []

  /** Notes a piece of work; call the answer, once, when it has settled. */
  begin(): () => void {
    this.#open++
    let ended = false
    return () => {
      if (ended) return
      ended = true
      if (--this.#open > 0) return
      for (const wake of this.#waiting.splice(0)) wake()
    }
  }

  get isIdle(): boolean {
    return this.#open === 0
  }

  /** Completes as soon as no work is open: synchronously when there is none. */
  readonly idle: Observable<never> = new Observable((subscriber) => {
    if (this.#open === 0) subscriber.complete()
    else this.#waiting.push(() => this.idle.subscribe(subscriber))
  })
}
