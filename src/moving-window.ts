/** A quantity of which no more than `limit` may be used within any `perMs` milliseconds: in `(t - perMs, t]`, for every `t`. */
export class MovingWindow {
  readonly limit: number
  readonly perMs: number
  readonly #uses: { at: number; count: number }[] = []
  #used = 0

  constructor(limit: number, perMs: number) {
    this.limit = limit
    this.perMs = perMs
  }

  /** What may be used now. @param now milliseconds since any epoch. */
  free(now: number): number {
    this.#forget(now)
    return this.limit - this.#used
  }

  /** @param count no more than is free. */
  use(count: number, now: number): void {
    this.#used += count
    const last = this.#uses.at(-1)
    if (last?.at === now) last.count += count
    else this.#uses.push({ at: now, count })
  }

  /** Milliseconds until so much is free. @param count no more than the limit. */
  waitMs(count: number, now: number): number {
    let free = this.free(now)
    for (const { at, count: used } of this.#uses) {
      if (free >= count) break
      free += used
      if (free >= count) return at + this.perMs - now
    }
    return 0
  }

  #forget(now: number): void {
    for (let index = this.#uses.length - 1; index >= 0; index--) {
      const use = this.#uses[index]
      if (use === undefined || use.at <= now) break
      use.at = now // the clock was set back
    }
    let gone = 0
    for (const { at, count } of this.#uses) {
      if (now - at < this.perMs) break
      this.#used -= count
      gone++
    }
    this.#uses.splice(0, gone)
  }
}
