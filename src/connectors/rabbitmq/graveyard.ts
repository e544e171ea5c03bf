import { describeError } from '../../errors.ts'
import type { DeadLetterOffice } from './dead-letter-office.ts'
import { type Held, identify } from './held-message.ts'
import type { Delivery, Settlements } from './settlements.ts'
import type { Suspects } from './suspects.ts'

/** Finds among the waiting deliveries those that must not come into a batch, and puts them away: bodies that can't be read, and proven poison. */
export class Graveyard<Row extends object> {
  readonly #books: Settlements<Held<Row>>
  readonly #suspects: Suspects
  readonly #office: DeadLetterOffice
  #unreadable = 0

  constructor(books: Settlements<Held<Row>>, suspects: Suspects, office: DeadLetterOffice) {
    this.#books = books
    this.#suspects = suspects
    this.#office = office
  }

  /** A channel begins, and nothing has come over it yet. */
  opened(): void {
    this.#unreadable = 0
  }

  /** A message was delivered. */
  received({ problem }: Held<Row>): void {
    if (problem !== undefined) this.#unreadable++
  }

  isDead(held: Held<Row>): boolean {
    return held.problem !== undefined || this.#suspects.isPoison(identify(held))
  }

  /** Whether something waits that must not come into a batch. */
  get hasDead(): boolean {
    const none = this.#unreadable === 0 && this.#suspects.none
    return !none && this.#books.waiting.some(({ message }) => this.isDead(message))
  }

  /**
   * Puts away all of them that wait, one after the other.
   * @param settle settles a delivery, with or without acknowledging it; answers whether the broker was told.
   */
  async buryAll(settle: (delivery: Delivery<Held<Row>>, acknowledged: boolean) => boolean): Promise<void> {
    for (const delivery of this.#books.waiting) {
      // It may have been lost with its channel while another one was put away.
      if (!this.isDead(delivery.message) || !this.#books.waiting.includes(delivery)) continue
      const acknowledged = await this.#office.take(this.#letter(delivery.message))
      // Settled only now: a crash before leaves it in the queue. One whose channel is gone by now comes again, and is given up again.
      if (!settle(delivery, acknowledged)) continue
      if (delivery.message.problem === undefined) this.#suspects.forget(identify(delivery.message))
      else this.#unreadable--
    }
  }

  #letter(held: Held<Row>) {
    const { queue, message, problem } = held
    if (problem !== undefined) return { queue, message, reason: describeError(problem), failures: 0 }
    const failures = this.#suspects.failuresOf(identify(held))
    return { queue, message, reason: `${failures} batches with it failed, the last ones of it alone`, failures }
  }
}
