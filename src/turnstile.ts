import type { SchedulerLike, Subscription } from 'rxjs'
import type { MovingWindow } from './moving-window.ts'
import { longTimer } from './timer.ts'

interface Visitor {
  readonly wanted: number
  readonly pass: (granted: number) => void
}

/** Lets a quantity through as fast as moving windows allow, first come, first served. */
export class Turnstile {
  readonly #windows: readonly MovingWindow[]
  readonly #least: number
  readonly #scheduler: SchedulerLike
  readonly #visitors = new Set<Visitor>()
  #timer: Subscription | undefined
  #passing = false

  /** @param least nobody is let through with less, unless less is wanted: a window that frees up bit by bit would grind everything down to bits. */
  constructor(windows: readonly MovingWindow[], least: number, scheduler: SchedulerLike) {
    this.#windows = windows
    this.#least = least
    this.#scheduler = scheduler
  }

  /**
   * @param wanted from 1.
   * @param pass called once with what is let through, from 1 to `wanted`; before this returns where there is room and nobody else waits.
   * @returns leaves the queue.
   */
  enter(wanted: number, pass: (granted: number) => void): () => void {
    const visitor = { wanted, pass }
    this.#visitors.add(visitor)
    this.#proceed()
    return () => {
      if (this.#visitors.delete(visitor)) this.#proceed()
    }
  }

  #proceed(): void {
    if (this.#passing) return
    this.#passing = true
    this.#timer?.unsubscribe()
    for (const visitor of this.#visitors) {
      const now = this.#scheduler.now()
      const needed = Math.min(visitor.wanted, this.#least)
      const waitMs = Math.max(...this.#windows.map((window) => window.waitMs(needed, now)))
      if (waitMs > 0) {
        this.#timer = longTimer(Math.ceil(waitMs), this.#scheduler).subscribe(() => this.#proceed())
        break
      }
      const granted = Math.min(visitor.wanted, ...this.#windows.map((window) => window.free(now)))
      for (const window of this.#windows) window.use(granted, now)
      this.#visitors.delete(visitor)
      visitor.pass(granted)
    }
    this.#passing = false
  }
}
