/** Who waits for one of so many places: first come, first served. Whoever doesn't want one any more leaves nothing behind. */
export class Line {
  readonly #places: number
  #free: number
  #isAdmitting = false
  readonly #waiting = new Set<() => void>()

  constructor(places: number) {
    this.#places = places
    this.#free = places
  }

  /** Whether all places are free. */
  get isIdle(): boolean {
    return this.#free === this.#places
  }

  /**
   * @param enter called when there is a place, maybe at once.
   * @returns takes it out of the line; does nothing when it isn't there any more.
   */
  wait(enter: () => void): () => void {
    this.#waiting.add(enter)
    this.#admit()
    return () => this.#waiting.delete(enter)
  }

  /** A place is free again. */
  leave(): void {
    this.#free++
    this.#admit()
  }

  /** A loop: whoever enters and leaves at once doesn't nest. */
  #admit(): void {
    if (this.#isAdmitting) return
    this.#isAdmitting = true
    try {
      for (const enter of this.#waiting) {
        if (this.#free === 0) break
        this.#waiting.delete(enter)
        this.#free--
        enter()
      }
    } finally {
      this.#isAdmitting = false // also when an enter throws: the others behind it are not its fault
    }
  }
}
