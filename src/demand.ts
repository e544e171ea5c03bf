/**
 * What lies between a partition's reader and its writer: chunks that were handed on and aren't written yet.
 * The reader asks for its next chunk only while there is room.
 */
export class Demand {
  readonly highWaterMark: number
  #chunks = 0
  #wake: (() => void) | undefined

  /** @param highWaterMark chunks that may wait, from 1. */
  constructor(highWaterMark: number) {
    this.highWaterMark = highWaterMark
  }

  /** Chunks that wait or are being written. */
  get chunks(): number {
    return this.#chunks
  }

  get hasRoom(): boolean {
    return this.#chunks < this.highWaterMark
  }

  add(): void {
    this.#chunks++
  }

  remove(): void {
    this.#chunks--
    if (this.#wake === undefined || !this.hasRoom) return
    const wake = this.#wake
    this.#wake = undefined
    wake()
  }

  /** Calls back once, when there is room again. */
  onRoom(wake: () => void): void {
    this.#wake = wake
  }
}
