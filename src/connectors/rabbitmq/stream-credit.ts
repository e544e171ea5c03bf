import type { Channel, ConsumeMessage } from 'amqplib'

/** What a stream may send a consumer: as many messages as its prefetch without an acknowledgement, which is no more than that: a stream forgets nothing by it. */
export class StreamCredit {
  readonly #prefetch: number
  #channel: Channel | undefined
  #last: ConsumeMessage | undefined
  #unacknowledged = 0

  constructor(prefetch: number) {
    this.#prefetch = prefetch
  }

  /** Half of the prefetch: acknowledged at once, so that the stream never waits for it. */
  get half(): number {
    return Math.ceil(this.#prefetch / 2)
  }

  /** Whether half of it is used up. */
  get isDue(): boolean {
    return this.#unacknowledged >= this.half
  }

  /** A consumer begins on a channel. */
  opened(channel: Channel): void {
    this.#channel = channel
    this.#unacknowledged = 0
    this.#last = undefined
  }

  /** The channel is gone. */
  lost(): void {
    this.#channel = undefined
  }

  received(message: ConsumeMessage): void {
    this.#last = message
    this.#unacknowledged++
  }

  /** Gives all of it anew. */
  renew(): void {
    // The same twice would end the channel.
    if (this.#last === undefined || this.#channel === undefined || this.#unacknowledged === 0) return
    this.#channel.ack(this.#last, true)
    this.#unacknowledged = 0
  }
}
