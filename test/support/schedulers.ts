import { asyncScheduler, type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs'

type Work<T> = (this: SchedulerAction<T>, state?: T) => void

interface Timer {
  readonly at: number
  readonly run: () => void
}

/** A clock that moves when it is told to; promises settle between its timers. */
export class ManualScheduler implements SchedulerLike {
  #now: number
  readonly #timers = new Set<Timer>()

  constructor(now = 0) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  /** Timers that are set. */
  get size(): number {
    return this.#timers.size
  }

  /** When the next timer is due; `undefined` without any. */
  get next(): number | undefined {
    return this.#first?.at
  }

  /** Sets the clock, back too, without running what is due. */
  set(now: number): void {
    this.#now = now
  }

  schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
    const subscription = new Subscription()
    const again = (next?: T, wait = 0): Subscription => {
      const timer: Timer = { at: this.#now + wait, run: () => work.call(action, next) }
      this.#timers.add(timer)
      subscription.add(() => this.#timers.delete(timer))
      return subscription
    }
    const action = Object.assign(subscription, { schedule: again }) as SchedulerAction<T>
    return again(state, delay)
  }

  /** Runs what is due within so many milliseconds, in order. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settled()
    for (let timer = this.#first; timer !== undefined && timer.at <= until; timer = this.#first) {
      this.#now = Math.max(this.#now, timer.at)
      this.#timers.delete(timer)
      timer.run()
      await settled()
    }
    this.#now = until
  }

  get #first(): Timer | undefined {
    return [...this.#timers].reduce<Timer | undefined>((a, b) => (a === undefined || b.at < a.at ? b : a), undefined)
  }
}

/** Promises have settled, as far as they can without time or input. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Waits for nothing: what is scheduled runs at once, and the clock shows the time that it would be. */
export class HastyScheduler implements SchedulerLike {
  readonly delays: number[] = []
  #now: number

  constructor(now = Date.UTC(2024, 5, 1)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  schedule<T>(work: Work<T>, delay = 0, state?: T): Subscription {
    this.delays.push(delay)
    this.#now += delay
    return asyncScheduler.schedule(work, 0, state as T)
  }
}
