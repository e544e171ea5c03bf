import { ignoreElements, type Observable, type SchedulerLike, timer } from 'rxjs'

/** Batches that follow each other without a pause leave timers, signals and sockets a turn so many milliseconds apart. */
const breathMs = 50
/** A pause of this length between two batches means that the event loop has turned. */
const pauseMs = 5

/**
 * Keeps synchronous ports, and ports that answer with promises alone, from starving everything else in the process, `stop()` included.
 * In virtual time it changes no frame.
 */
export class Breath {
  readonly #scheduler: SchedulerLike
  #turnedAt = Number.NEGATIVE_INFINITY
  #endedAt = Number.NEGATIVE_INFINITY

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler
  }

  /** Before a batch: what to wait for first, `undefined` when the event loop has turned lately. */
  pause(): Observable<never> | undefined {
    const now = this.#scheduler.now()
    if (now - this.#endedAt > pauseMs) this.#turnedAt = now
    const sinceMs = now - this.#turnedAt
    if (sinceMs >= 0 && sinceMs < breathMs) return undefined // less than 0: the clock was set back
    this.#turnedAt = now
    return timer(0, this.#scheduler).pipe(ignoreElements())
  }

  /** After it. */
  ended(): void {
    this.#endedAt = this.#scheduler.now()
  }
}
