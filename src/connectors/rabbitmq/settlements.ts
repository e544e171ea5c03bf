import { PortError } from '../../errors.ts'

/** One message as a channel delivered it. */
export interface Delivery<Message> {
  /** The channel: a tag means nothing on another one. */
  readonly generation: number
  /** Grows with each delivery of a channel, from 1. */
  readonly tag: number
  readonly message: Message
}

/** What to tell the broker, on the channel of this generation and no other. */
export interface Settlement {
  readonly generation: number
  /** Everything that is outstanding up to this tag; `undefined`: nothing. */
  readonly upTo: number | undefined
  /** Besides, these alone: something else is outstanding below them. */
  readonly single: readonly number[]
  /** How many messages these are. */
  readonly count: number
}

/** What became of a batch's deliveries. */
export interface Settled {
  /** `undefined` when there is nothing to tell. */
  readonly settlement: Settlement | undefined
  /** Deliveries of a channel that is gone: the broker has them in the queue again, and nothing is sent. */
  readonly stale: number
}

/** Which of the waiting deliveries make the next batch: some of them, in their order, `max` at most. */
export type Choose<Message> = (waiting: readonly Delivery<Message>[], max: number) => readonly Delivery<Message>[]

const nothing: Settled = { settlement: undefined, stale: 0 }
const inOrder = <Message>(waiting: readonly Delivery<Message>[], max: number): readonly Delivery<Message>[] =>
  waiting.slice(0, max)

/**
 * Keeps the books of one channel's deliveries: which wait, which are in the batch, and which tags may be acknowledged. Without input and output.
 *
 * A batch is a range of ordinals, counted by the query; a delivery has a tag, counted by its channel. The one place that knows both never answers
 * with a tag of a channel that is gone, and never with a multiple acknowledgement that would reach a delivery outside of the batch.
 */
export class Settlements<Message> {
  #generation = 0
  /** The latest generation that is known to be lost. */
  #gone = 0
  #waiting: Delivery<Message>[] = []
  #batch: { readonly start: number; readonly deliveries: readonly (Delivery<Message> | undefined)[] } | undefined

  /** Of the channel that delivers; 0 before the first. */
  get generation(): number {
    return this.#generation
  }

  /** Delivered and in no batch, in the order of their tags. */
  get waiting(): readonly Delivery<Message>[] {
    return this.#waiting
  }

  /** Unacknowledged on the present channel. */
  get outstanding(): number {
    return this.#waiting.length + this.#heldOf(this.#generation).length
  }

  /** A channel begins. What another one delivered is gone. */
  opened(generation: number): void {
    if (generation <= this.#generation)
      throw new PortError(`generations only grow: expected more than ${this.#generation}, and it is ${generation}`)
    this.#generation = generation
    this.#waiting = []
  }

  /** A channel is gone, and with it what it delivered. */
  lost(generation: number): void {
    if (generation === this.#generation) this.#waiting = []
    this.#gone = Math.max(this.#gone, generation)
  }

  /** @returns whether it was taken: a delivery of another channel than the present one is not. */
  deliver(generation: number, tag: number, message: Message): boolean {
    if (generation !== this.#generation || generation <= this.#gone) return false
    this.#waiting.push({ generation, tag, message })
    return true
  }

  /**
   * Makes the batch that begins at ordinal `start`. What an earlier plan took, and nobody settled, waits again first.
   * @returns its messages: ordinals `[start, start + length)`.
   */
  plan(start: number, max: number, choose: Choose<Message> = inOrder): readonly Message[] {
    this.#putBack()
    const chosen = choose(this.#waiting, max)
    if (chosen.length === 0) return []
    this.#batch = { start, deliveries: [...chosen] }
    this.#waiting = without(this.#waiting, chosen)
    return chosen.map(({ message }) => message)
  }

  /** The messages of ordinals `[from, to)`; `undefined` when one of them is in no batch, was settled, or came over a channel that is gone. */
  read(from: number, to: number): readonly Message[] | undefined {
    const batch = this.#batch
    if (batch === undefined || from < batch.start || to > batch.start + batch.deliveries.length) return undefined
    const messages: Message[] = []
    for (const delivery of batch.deliveries.slice(from - batch.start, to - batch.start)) {
      if (delivery === undefined || !this.#isCurrent(delivery)) return undefined
      messages.push(delivery.message)
    }
    return messages
  }

  /** Takes the deliveries of ordinals `[start, end)` out of the books, with what to tell the broker about them. */
  settle(start: number, end: number): Settled {
    const batch = this.#batch
    if (batch === undefined) return nothing
    const inRange = (_delivery: unknown, index: number): boolean =>
      batch.start + index >= start && batch.start + index < end
    const taken = batch.deliveries.filter((delivery, index) => delivery !== undefined && inRange(delivery, index))
    const left = batch.deliveries.map((delivery, index) => (inRange(delivery, index) ? undefined : delivery))
    this.#batch = left.every((delivery) => delivery === undefined)
      ? undefined
      : { start: batch.start, deliveries: left }
    return this.#settled(taken as readonly Delivery<Message>[])
  }

  /** The same for one that waits: it never comes into a batch. */
  take(delivery: Delivery<Message>): Settled {
    this.#waiting = without(this.#waiting, [delivery])
    return this.#settled([delivery])
  }

  #settled(taken: readonly Delivery<Message>[]): Settled {
    const live = taken.filter((delivery) => this.#isCurrent(delivery))
    const stale = taken.length - live.length
    if (live.length === 0) return { settlement: undefined, stale }
    // The lowest tag that must not be reached.
    const others = [this.#waiting[0], this.#heldOf(this.#generation)[0]].flatMap((other) => other?.tag ?? [])
    const wall = Math.min(Infinity, ...others)
    const below = live.filter(({ tag }) => tag < wall)
    const single = live.filter(({ tag }) => tag > wall).map(({ tag }) => tag)
    const upTo = below.at(-1)?.tag
    return { settlement: { generation: this.#generation, upTo, single, count: live.length }, stale }
  }

  #putBack(): void {
    const held = this.#heldOf(this.#generation)
    this.#batch = undefined
    if (held.length > 0) this.#waiting = [...held, ...this.#waiting].sort((a, b) => a.tag - b.tag)
  }

  /** In the batch and still good for an acknowledgement, by tag. */
  #heldOf(generation: number): readonly Delivery<Message>[] {
    return (this.#batch?.deliveries ?? []).filter(
      (delivery): delivery is Delivery<Message> =>
        delivery !== undefined && delivery.generation === generation && this.#isCurrent(delivery),
    )
  }

  #isCurrent({ generation }: Delivery<Message>): boolean {
    return generation === this.#generation && generation > this.#gone
  }
}

function without<T>(all: readonly T[], some: readonly T[]): T[] {
  // Mostly the first ones, in order.
  if (some.every((one, index) => all[index] === one)) return all.slice(some.length)
  const gone = new Set(some)
  return all.filter((one) => !gone.has(one))
}
