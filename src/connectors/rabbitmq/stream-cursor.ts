import type { Channel, ConsumeMessage } from 'amqplib'
import { asyncScheduler, firstValueFrom, type Observable, race, type SchedulerLike, Subject } from 'rxjs'
import { RabbitError, RabbitRefusedError, type SluiceError } from '../../errors.ts'
import { longTimer } from '../../timer.ts'
import type { RabbitConnection } from './connection.ts'
import type { ManagedChannel } from './managed-channel.ts'
import { rabbitError } from './rabbit-error.ts'
import { StreamCredit } from './stream-credit.ts'
import { type StreamExtent, type StreamLimit, StreamMemory, type StreamMemoryBounds } from './stream-memory.ts'
import { offsetOf, onChannel, surveyStream } from './stream-survey.ts'

/** What a cursor reads, and how far ahead. */
export interface StreamCursorSettings extends StreamMemoryBounds {
  readonly stream: string
  /** Deliveries under way. */
  readonly prefetch: number
  /** How long messages that are known to be there may take. */
  readonly stallMs: number
}

/**
 * The messages of a stream from an offset on, as far as memory goes: a consumer that reads ahead, over lost connections.
 *
 * It knows where it stands and never skips: offsets below are dropped, a stream that ends before its position or that no longer has it is refused.
 * A step of more than one offset is looked into before anything behind it is given out, because nothing else tells retention from the offsets that the
 * broker takes for itself (one at the start of a segment, more where consumers store their positions).
 */
export class StreamCursor {
  readonly #settings: StreamCursorSettings
  readonly #scheduler: SchedulerLike
  readonly #connection: RabbitConnection
  readonly #managed: ManagedChannel<Channel>
  readonly #arrived = new Subject<void>()
  readonly #memory: StreamMemory
  readonly #credit: StreamCredit
  /** The stream was seen to reach this far. */
  #head = 0
  #generation = 0
  /** The first offset that was left out and not looked into. */
  #gap: number | undefined
  #refusal: SluiceError | undefined
  #listening = false

  /** @param from the first offset wanted. */
  constructor(
    connection: RabbitConnection,
    settings: StreamCursorSettings,
    from: number,
    scheduler: SchedulerLike = asyncScheduler,
  ) {
    this.#scheduler = scheduler
    this.#connection = connection
    this.#settings = settings
    this.#memory = new StreamMemory(from, settings)
    this.#credit = new StreamCredit(settings.prefetch)
    this.#managed = connection.channel({
      name: this.#name,
      // A memory that is full after a lost connection must not get more with each one.
      setup: async (channel, generation) => {
        if (!this.#memory.full) await this.#attach(channel, generation)
      },
    })
    this.#managed.lost$.subscribe(() => this.#credit.lost())
  }

  /** Emits once after {@link fill} or {@link upTo} found nothing more in memory, as soon as there is. */
  get arrived$(): Observable<void> {
    return this.#arrived
  }

  /** The offset after the last message in memory. */
  get next(): number {
    return this.#memory.next
  }

  /** Whether all of `[from, to)` is in memory. */
  holds(from: number, to: number): boolean {
    return this.#memory.holds(from, to)
  }

  /** The stream is known to reach up to `head`: {@link fill} waits for what is before that. */
  expect(head: number): void {
    this.#head = Math.max(this.#head, head)
  }

  /**
   * Settles once there is a message at or behind `position` in memory, or the end of the stream was seen there. While more is known to be there
   * it waits for half of what memory may have, or for `rows` if that is less: a batch for each piece of a backlog would be all commits.
   * @throws RabbitRefusedError when the stream no longer has what was asked for; RabbitError when nothing came in time.
   */
  async fill(position: number, rows: number): Promise<void> {
    for (;;) {
      const { channel, generation } = await this.#managed.open()
      if (this.#refusal !== undefined) throw this.#refusal
      if (generation !== this.#generation && !this.#memory.full) await this.#attachLate(channel, generation)
      else if (this.#gap !== undefined) await this.#lookInto(this.#gap)
      else if (this.next > position && this.#isWorthwhile(position, rows)) return
      else if (this.next < this.#head) await this.#arrival()
      else {
        await this.#roundTrip(channel)
        if (this.#gap === undefined && this.next >= this.#head) return
      }
    }
  }

  #isWorthwhile(position: number, rows: number): boolean {
    const worth = Math.min(rows, Math.ceil(this.#settings.readAheadRows / 2))
    return this.#memory.full || this.next >= Math.min(this.#head, position + worth)
  }

  /** As much from `position` on as may be taken: at least one message, if there is one. */
  upTo(position: number, limit: StreamLimit): StreamExtent {
    const extent = this.#memory.upTo(position, limit)
    if (extent.end >= this.next) this.#listening = true
    return extent
  }

  /** What is in memory of `[from, to)`. */
  between(from: number, to: number): readonly ConsumeMessage[] {
    return this.#memory.between(from, to)
  }

  /** Forgets what is before `position`, which makes room for more. */
  forget(position: number): void {
    if (this.#memory.forget(position) && this.#credit.isDue) this.#credit.renew()
  }

  close(): Promise<void> {
    this.#arrived.complete()
    return this.#managed.close()
  }

  async #attachLate(channel: Channel, generation: number): Promise<void> {
    try {
      await this.#attach(channel, generation)
    } catch (error) {
      this.#managed.renew('it could not be attached')
      throw rabbitError(this.#name, error)
    }
  }

  async #attach(channel: Channel, generation: number): Promise<void> {
    const { stream, prefetch } = this.#settings
    const expected = this.next
    const held = this.#memory.rows
    this.#generation = generation
    this.#credit.opened(channel)
    try {
      await channel.prefetch(prefetch)
      await channel.consume(stream, (message) => this.#take(message, generation, expected), {
        arguments: { 'x-stream-offset': expected },
      })
      const { head } = await surveyStream(channel, stream, 'next')
      if (head < expected) {
        throw new RabbitError(
          `stream ${stream} ends at offset ${head}, and the query stands at ${expected}: the stream was deleted and made anew, or this is another one; start a new query (with another checkpoint)`,
        )
      }
      this.expect(head)
      while (this.next < head && this.#memory.rows === held && this.#refusal === undefined)
        await this.#roundTrip(channel)
      const first = this.#memory.offsetAt(held)
      if (first !== undefined && first > expected) await this.#refuseDropped(channel, expected)
    } catch (error) {
      this.#memory.undo(held, expected)
      throw error
    }
  }

  #take(message: ConsumeMessage | null, generation: number, attachedAt: number): void {
    if (generation !== this.#generation) return
    if (message === null) {
      this.#managed.renew('the broker cancelled it')
      return
    }
    const offset = offsetOf(message)
    if (offset === undefined) {
      // Never acknowledged: what is no stream would forget it.
      this.#refusal = new RabbitRefusedError(
        `${this.#settings.stream} is no stream: its messages have no x-stream-offset; read a queue with rabbitmqQueue`,
      )
      this.#managed.renew('it is no stream')
      return
    }
    this.#credit.received(message)
    const { next } = this
    if (offset >= next) {
      if (offset > next + 1 && next !== attachedAt) this.#gap ??= next
      this.#memory.add(message, offset)
      this.#tell()
    }
    if (this.#credit.isDue && !this.#memory.full) this.#credit.renew()
  }

  /** After all that came with it: one tick finds all of them. */
  #tell(): void {
    if (!this.#listening) return
    this.#listening = false
    queueMicrotask(() => this.#arrived.next())
  }

  /** What the broker could send before it answered is in memory then. */
  async #roundTrip(channel: Channel): Promise<void> {
    if (!this.#memory.full) this.#credit.renew()
    this.#listening = true
    try {
      await channel.prefetch(this.#settings.prefetch)
    } catch (error) {
      throw rabbitError(this.#name, error)
    }
  }

  /** Waits for what is known to be there. A consumer that doesn't get it is replaced, whatever its socket says. */
  async #arrival(): Promise<void> {
    const { stallMs } = this.#settings
    if (!this.#memory.full) this.#credit.renew()
    this.#listening = true
    const stalled = longTimer(stallMs, this.#scheduler)
    const outcome = await firstValueFrom(race(this.#arrived, this.#managed.lost$, stalled), { defaultValue: 'closed' })
    if (outcome === 'closed') throw new RabbitError(`${this.#name}: it was closed`)
    if (outcome !== 0) return
    this.#managed.renew(`nothing came in ${stallMs / 1000} s`)
    throw new RabbitError(
      `${this.#name}: nothing came in ${stallMs / 1000} s from offset ${this.next} on, and the stream was seen to reach up to ${this.#head}`,
    )
  }

  async #lookInto(gap: number): Promise<void> {
    await onChannel(this.#connection, this.#name, (channel) => this.#refuseDropped(channel, gap))
    if (this.#gap === gap) this.#gap = undefined
  }

  /** An offset that no message has is nothing; one that retention dropped is a loss. */
  async #refuseDropped(channel: Channel, wanted: number): Promise<void> {
    const { stream } = this.#settings
    const { first } = await surveyStream(channel, stream, 'first')
    if (first !== undefined && first <= wanted) return
    this.#refusal = new RabbitRefusedError(
      `stream ${stream}: offset ${wanted} is wanted, and the stream begins at ${first ?? 'its end'}: its retention dropped messages before they were read. Start a new query (with another checkpoint), and keep messages for longer (x-max-age, x-max-length-bytes)`,
    )
    throw this.#refusal
  }

  get #name(): string {
    return `consumer of stream ${this.#settings.stream}`
  }
}
