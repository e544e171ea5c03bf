import { asyncScheduler, type SchedulerAction, type SchedulerLike, type Subscription } from 'rxjs'

/** A clock that stands still until it is set. What is scheduled runs in real time. */
export class Clock implements SchedulerLike {
  ms = Date.UTC(2024, 5, 1)

  now(): number {
    return this.ms
  }

  schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay = 0, state?: T): Subscription {
    return asyncScheduler.schedule(work, delay, state as T)
  }
}
