/**
 * What lies between a partition's reader and its writer: chunks that were handed on and aren't written yet.
 * The reader asks for its next chunk only while there is room.
 */
export class Demand {
  readonly highWaterMark: number
  readonly highWaterBytes: number
  #chunks = 0
  // Of the chunks that were read last, oldest first: no more of them than there are chunks, because operators may join or drop some.
  readonly #bytes: number[] = []
  #wake: (() => void) | undefined

  /**
   * @param highWaterMark chunks that may wait, from 1.
   * @param highWaterBytes bytes that may wait, as far as the source reports them; a single chunk may be larger.
   */
  constructor(highWaterMark: number, highWaterBytes = Infinity) {
    this.highWaterMark = highWaterMark
    this.highWaterBytes = highWaterBytes
  }

  /** Chunks that wait or are being written. */
  get chunks(): number {
    return this.#chunks
  }

  get hasRoom(): boolean {
    if (this.#chunks === 0) return true
    return this.#chunks < this.highWaterMark && (this.#bytes.length === 0 || this.#waitingBytes() < this.highWaterBytes)
  }

  /** A chunk of so many bytes was read. */
  read(bytes: number): void {
    while (this.#bytes.length > this.#chunks) this.#bytes.shift()
    if (bytes > 0) this.#bytes.push(bytes)
  }

  add(): void {
    this.#chunks++
  }

  remove(): void {
    this.#chunks--
    while (this.#bytes.length > this.#chunks) this.#bytes.shift()
    if (this.#wake === undefined || !this.hasRoom) return
    const wake = this.#wake
    this.#wake = undefined
    wake()
  }

  /** Calls back once, when there is room again. */
  onRoom(wake: () => void): void {
    this.#wake = wake
  }

  #waitingBytes(): number {
    return this.#bytes.reduce((sum, bytes) => sum + bytes, 0)
  }
}
