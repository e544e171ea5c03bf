import { firstValueFrom, merge, type Observable, type SchedulerLike, Subject } from 'rxjs'
import { longTimer } from '../../timer.ts'

/** Messages are ready and none has come yet: what to wait for the first one, in milliseconds. */
const firstDeliveryMs = 1_000

/** Tells of deliveries, once until it is asked about them; and knows a consumer that gets none although there are some. */
export class Arrivals {
  readonly #scheduler: SchedulerLike
  readonly #progressMs: number
  readonly #announce = new Subject<void>()
  #announced = false
  /** Since when messages are ready and none comes, in milliseconds. */
  #stalledSince: number | undefined

  /** @param progressMs messages are ready and none came for so long: the consumer is dead. */
  constructor(progressMs: number, scheduler: SchedulerLike) {
    this.#progressMs = progressMs
    this.#scheduler = scheduler
  }

  get announced$(): Observable<void> {
    return this.#announce
  }

  /** The next delivery is news again. */
  asked(): void {
    this.#announced = false
  }

  delivered(): void {
    this.#stalledSince = undefined
    if (this.#announced) return
    this.#announced = true
    this.#announce.next()
  }

  /** Nothing is in the queues. */
  idle(): void {
    this.#stalledSince = undefined
  }

  /**
   * Messages are ready: waits for the first of them, but not for long.
   * @param some whether one is there.
   * @returns whether none has come for so long that the consumer must be dead. Asked again, it counts anew.
   */
  async isStalled(some: () => boolean): Promise<boolean> {
    if (some()) return false
    await firstValueFrom(merge(this.#announce, longTimer(firstDeliveryMs, this.#scheduler)), { defaultValue: 0 })
    if (some()) return false
    const now = this.#scheduler.now()
    this.#stalledSince ??= now
    if (now - this.#stalledSince < this.#progressMs) return false
    this.#stalledSince = undefined
    return true
  }

  close(): void {
    this.#announce.complete()
  }
}
