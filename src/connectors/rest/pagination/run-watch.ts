/** Runs that are kept open while nobody reads them, and of which an answer arrives meanwhile: each holds a connection that others may be waiting for. */
export class OpenAnswers {
  readonly #most: number
  readonly #runs = new Set<RunWatch>()

  /** Half of the connections at most are held, so that there are always some for whoever reads. */
  constructor(connections: number) {
    this.#most = Math.floor(connections / 2)
  }

  hold(run: RunWatch): boolean {
    if (!this.#runs.has(run) && this.#runs.size >= this.#most) return false
    this.#runs.add(run)
    return true
  }

  release(run: RunWatch): void {
    this.#runs.delete(run)
  }
}

/** A run over pages, and whoever keeps it open from batch to batch. */
export class RunWatch {
  readonly #answers: OpenAnswers
  #isPaused = false
  #isArriving = false
  /** Counts what lasts: pages of one batch aren't counted to those of another. */
  batch = 0

  constructor(answers: OpenAnswers) {
    this.#answers = answers
  }

  /** Nobody reads for now. @returns whether the run may stay open. */
  pause(): boolean {
    this.#isPaused = true
    return !this.#isArriving || this.#answers.hold(this)
  }

  resume(): void {
    this.#isPaused = false
    this.#answers.release(this)
  }

  /** An answer came that is received at the pace at which it is read. @returns whether it may wait for that. */
  arrives(): boolean {
    this.#isArriving = !this.#isPaused || this.#answers.hold(this)
    return this.#isArriving
  }

  /** It was read to its end, or given up. */
  arrived(): void {
    this.#isArriving = false
    this.#answers.release(this)
  }
}
