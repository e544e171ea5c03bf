import type { Choose, Delivery } from './settlements.ts'

interface Suspect {
  /** Failed batches that it was in. */
  readonly failures: number
  /** Messages in the last one. */
  readonly size: number
  /** Batches that had got through when it last failed alone. */
  readonly aloneAt: number | undefined
  readonly poison: boolean
}

/** Forgotten from the oldest on; a message that is forgotten is only suspected anew. */
const maxSuspects = 100_000

/**
 * Finds the message that makes its batches fail, by halving: a message whose batches failed `failures` times comes into batches of half the size
 * from then on, until it is alone.
 *
 * One that failed alone is *poison* only when another batch got through afterwards, and it failed alone once more: a sink that is down fails
 * everything, and costs nobody a message. Remembered by identity, because a message comes again as another delivery. Without input and output.
 */
export class Suspects {
  readonly #failures: number
  readonly #byIdentity = new Map<string, Suspect>()
  #passed = 0

  /** @param failures failed batches before a message's batches are halved. */
  constructor(failures: number) {
    this.#failures = failures
  }

  /** A batch of these failed. */
  failed(identities: readonly string[]): void {
    const size = identities.length
    for (const identity of identities) {
      const before = this.#byIdentity.get(identity)
      const failures = (before?.failures ?? 0) + 1
      const alone = size === 1 && failures >= this.#failures
      const poison = alone && before?.aloneAt !== undefined && before.aloneAt < this.#passed
      this.#byIdentity.delete(identity) // the latest are the last
      this.#byIdentity.set(identity, { failures, size, aloneAt: alone ? this.#passed : undefined, poison })
    }
    for (const identity of this.#byIdentity.keys()) {
      if (this.#byIdentity.size <= maxSuspects) break
      this.#byIdentity.delete(identity)
    }
  }

  /** A batch of these was committed. */
  passed(identities: Iterable<string>): void {
    this.#passed++
    if (this.#byIdentity.size > 0) for (const identity of identities) this.#byIdentity.delete(identity)
  }

  /** It was dead-lettered. */
  forget(identity: string): void {
    this.#byIdentity.delete(identity)
  }

  isPoison(identity: string): boolean {
    return this.#byIdentity.get(identity)?.poison ?? false
  }

  /** Failed batches that it was in. */
  failuresOf(identity: string): number {
    return this.#byIdentity.get(identity)?.failures ?? 0
  }

  /** Whether nobody is suspected: then identities needn't be made. */
  get none(): boolean {
    return this.#byIdentity.size === 0
  }

  /** What makes the next batch. One that failed alone waits for others to be tried; when there are none, it is tried itself. */
  choose<Message>(identityOf: (message: Message) => string): Choose<Message> {
    return (waiting, max) => {
      if (this.none) return waiting.slice(0, max)
      const chosen: Delivery<Message>[] = []
      let most = max
      let parked: Delivery<Message> | undefined
      for (const delivery of waiting) {
        const suspect = this.#byIdentity.get(identityOf(delivery.message))
        if (suspect?.aloneAt === this.#passed) {
          parked ??= delivery
          continue
        }
        most = Math.min(most, this.#limit(suspect))
        if (chosen.length + 1 > most) break
        chosen.push(delivery)
      }
      return chosen.length === 0 && parked !== undefined ? [parked] : chosen
    }
  }

  #limit(suspect: Suspect | undefined): number {
    if (suspect === undefined || suspect.failures < this.#failures) return Infinity
    return Math.max(1, Math.floor(suspect.size / 2))
  }
}
