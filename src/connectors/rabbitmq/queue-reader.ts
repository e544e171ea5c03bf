import type { Channel, ConsumeMessage } from 'amqplib'
import { asyncScheduler, defer, type Observable, type SchedulerLike } from 'rxjs'
import { RabbitError } from '../../errors.ts'
import {
  type AckedReader,
  type ReadContext,
  type ReadLimit,
  readAllAvailable,
  type SettlementCounts,
} from '../../source.ts'
import { Arrivals } from './arrivals.ts'
import { checkQueue } from './checks.ts'
import { RabbitConnection } from './connection.ts'
import { consume } from './consumers.ts'
import { DeadLetterOffice } from './dead-letter-office.ts'
import { Graveyard } from './graveyard.ts'
import { type Held, hold, identify, rowOf, within } from './held-message.ts'
import type { ManagedChannel } from './managed-channel.ts'
import { type BodyOf, type MessageContent, type MessageRow, messageReader } from './message-row.ts'
import type { RabbitQueueSettings } from './queue-options.ts'
import type { QueueMemory, QueueOffset, QueuePartition } from './queue-ports.ts'
import { replyCode } from './rabbit-error.ts'
import { acknowledge, reject, settle } from './settle.ts'
import { type Choose, Settlements } from './settlements.ts'
import { isIn, slicesOf } from './slices.ts'

const chunkRows = 1_000

/** The reader of `rabbitmqQueue`: its own connection, one channel, and the books of what came over it. */
export class QueueReader<Content extends MessageContent>
  implements AckedReader<QueueOffset, QueuePartition, MessageRow<BodyOf<Content>>>
{
  readonly kind = 'acked'
  readonly outstanding: number
  readonly defaultLimit: Partial<ReadLimit>
  readonly #settings: RabbitQueueSettings<Content>
  readonly #shared: QueueMemory
  readonly #scheduler: SchedulerLike
  readonly #connection: RabbitConnection
  readonly #consumer: ManagedChannel
  readonly #office: DeadLetterOffice | undefined
  readonly #books = new Settlements<Held<MessageRow<BodyOf<Content>>>>()
  readonly #graveyard: Graveyard<MessageRow<BodyOf<Content>>> | undefined
  readonly #arrivals: Arrivals
  readonly #toRow: (queue: string, message: ConsumeMessage) => MessageRow<BodyOf<Content>>
  #batch: { readonly identities: readonly string[]; readonly sinceMs: number } | undefined

  constructor(settings: RabbitQueueSettings<Content>, shared: QueueMemory, scheduler: SchedulerLike = asyncScheduler) {
    this.#settings = settings
    this.#shared = shared
    this.#scheduler = scheduler
    this.#toRow = messageReader(settings.content)
    this.#connection = new RabbitConnection(settings.connection, scheduler)
    this.#consumer = this.#connection.channel({
      name: `consumer of ${settings.queues.join(', ')}`,
      setup: (channel, generation) => this.#setUp(channel, generation),
    })
    this.#consumer.lost$.subscribe(({ generation }) => this.#books.lost(generation))
    this.#consumer.problem$.subscribe((problem) => settings.onWarning(problem.message))
    this.#arrivals = new Arrivals(settings.progressMs, scheduler)
    const { poison } = settings
    if (poison !== undefined && shared.suspects !== undefined) {
      this.#office = new DeadLetterOffice(settings.connection, poison.deadLetter, scheduler)
      this.#graveyard = new Graveyard(this.#books, shared.suspects, this.#office)
    }
    this.outstanding = settings.prefetch * settings.queues.length // the broker counts by consumer
    this.defaultLimit = { maxRows: settings.maxBatch }
  }

  readonly initialOffset = (): QueueOffset => ({ delivered: 0 })

  readonly compare = (a: QueueOffset, b: QueueOffset): number => a.delivered - b.delivered

  readonly distance = (from: QueueOffset, to: QueueOffset): number => to.delivered - from.delivered

  readonly partitionKey = ({ queue, slice }: QueuePartition): string =>
    [queue ?? this.#settings.queues[0], slice].filter((part) => part !== undefined).join('/')

  /** Something was delivered since the last look. */
  readonly available: Observable<unknown> = defer(() => {
    this.#consumer.open().catch(() => undefined) // latestOffset says why
    return this.#arrivals.announced$
  })

  readonly latestOffset = (start: QueueOffset, limit: ReadLimit): QueueOffset | Promise<QueueOffset> => {
    this.#arrivals.asked()
    if (limit === readAllAvailable) return this.#head(start)
    if (this.#consumer.current !== undefined && this.#books.waiting.length > 0 && !this.#graveyard?.hasDead)
      return this.#plan(start, limit)
    return this.#lookAndPlan(start, limit)
  }

  readonly partitions = (start: QueueOffset, end: QueueOffset): readonly QueuePartition[] => {
    const range = { from: start.delivered, to: end.delivered }
    return slicesOf(range, this.#settings, (queue) => this.#held(range).some((held) => held.queue === queue))
  }

  async *read(
    partition: QueuePartition,
    { report }: Pick<ReadContext, 'report'>,
  ): AsyncGenerator<readonly MessageRow<BodyOf<Content>>[]> {
    const mine = this.#held(partition).filter((held) => isIn(held, partition, this.#settings))
    for (let first = 0; first < mine.length; first += chunkRows) {
      const chunk = mine.slice(first, first + chunkRows)
      report({ bytes: chunk.reduce((sum, { message }) => sum + message.content.length, 0) })
      yield chunk.map(rowOf)
      // Its messages may be on their way to somebody else by now: then there is nothing to commit.
      this.#held(partition)
    }
  }

  /** Without a question to the broker: that would cost a round trip a batch, and be out of date when the answer is here. */
  readonly hold = (start: QueueOffset, end: QueueOffset): void => {
    this.#held({ from: start.delivered, to: end.delivered })
  }

  readonly commit = (end: QueueOffset): void => {
    const batch = this.#batch
    this.#batch = undefined
    if (batch !== undefined) {
      this.#tellLate(batch.sinceMs)
      this.#shared.suspects?.passed(batch.identities)
    }
    settle(this.#books.settle(0, end.delivered), this.#consumer.current, acknowledge, this.#shared.counts)
  }

  /**
   * By giving up the channel, and all that it delivered: a single message that is rejected goes to the end of some quorum queues.
   * The run is over with it in any case.
   */
  readonly release = async (start: QueueOffset, end: QueueOffset): Promise<void> => {
    const batch = this.#batch
    this.#batch = undefined
    const { settlement, stale } = this.#books.settle(start.delivered, end.delivered)
    this.#shared.counts.stale += stale
    this.#shared.counts.released += settlement?.count ?? 0
    // A batch that was lost with its channel says nothing about its messages.
    if (settlement !== undefined && batch !== undefined) this.#shared.suspects?.failed(batch.identities)
    await this.#consumer.rest()
  }

  readonly settlements = (): SettlementCounts => {
    const { settled, released, stale, redelivered, deadLettered } = this.#shared.counts
    return { acknowledged: settled, released, stale, redelivered, deadLettered }
  }

  readonly stop = async (): Promise<void> => {
    this.#arrivals.close()
    await Promise.all([this.#connection.close(), this.#office?.close()])
  }

  async #setUp(channel: Channel, generation: number): Promise<void> {
    const { warned, counts } = this.#shared
    for (const warning of checkQueue(this.#settings, this.#connection.serverVersion)) {
      if (!warned.has(warning)) this.#settings.onWarning(warning)
      warned.add(warning)
    }
    const ready = (): void => {
      this.#books.opened(generation)
      this.#graveyard?.opened()
      counts.generations++
    }
    await consume(channel, this.#settings, ready, (queue, message) => this.#received(generation, queue, message))
  }

  #received(generation: number, queue: string, message: ConsumeMessage | null): void {
    if (message === null) {
      // The queue was deleted, or its node went away, or we were too slow: nothing more would ever come.
      this.#consumer.renew(`the broker cancelled the consumer of ${queue}`)
      return
    }
    const held = hold(queue, message, this.#toRow)
    if (!this.#books.deliver(generation, message.fields.deliveryTag, held)) return
    this.#graveyard?.received(held)
    this.#shared.counts.delivered++
    if (message.fields.redelivered) this.#shared.counts.redelivered++
    this.#arrivals.delivered()
  }

  #plan({ delivered }: QueueOffset, { maxRows, maxBytes }: ReadLimit): QueueOffset {
    const most = Math.min(maxRows, this.#settings.maxBatch)
    const suspects = this.#shared.suspects
    const graveyard = this.#graveyard
    const choose: Choose<Held<MessageRow<BodyOf<Content>>>> =
      suspects?.choose<Held<MessageRow<BodyOf<Content>>>>(identify) ?? ((waiting, max) => waiting.slice(0, max))
    const planned = this.#books.plan(delivered, most, (waiting, max) => {
      // Such a one may have come while others were put away.
      const living = graveyard?.hasDead ? waiting.filter(({ message }) => !graveyard.isDead(message)) : waiting
      return within(choose(living, max), maxBytes)
    })
    const identities = suspects === undefined ? [] : planned.map(identify)
    this.#batch = planned.length === 0 ? undefined : { identities, sinceMs: this.#scheduler.now() }
    return { delivered: delivered + planned.length }
  }

  async #lookAndPlan(start: QueueOffset, limit: ReadLimit): Promise<QueueOffset> {
    await this.#consumer.open()
    if (this.#graveyard?.hasDead) await this.#bury(this.#graveyard)
    if (this.#books.waiting.length === 0) await this.#look()
    return this.#plan(start, limit)
  }

  /** What is delivered, and what is ready in the queues. */
  async #head({ delivered }: QueueOffset): Promise<QueueOffset> {
    return { delivered: delivered + (await this.#ready()) + this.#books.waiting.length }
  }

  async #ready(): Promise<number> {
    let ready = 0
    for (const queue of this.#settings.queues)
      ready += await this.#consumer.ask((channel) => this.#readyIn(channel, queue))
    return ready
  }

  /** A queue that was deleted has none; where it is declared here, the next channel makes it again. The question may be ahead of the broker's cancellation. */
  async #readyIn(channel: Channel, queue: string): Promise<number> {
    try {
      return (await channel.checkQueue(queue)).messageCount
    } catch (error) {
      if (this.#settings.declare === undefined || replyCode(error) !== 404) throw error
      return 0
    }
  }

  /** Nothing is here. When messages are ready all the same, the first of them is waited for; and when none comes for long, the consumer is dead. */
  async #look(): Promise<void> {
    if ((await this.#ready()) === 0) {
      this.#arrivals.idle()
      return
    }
    if (await this.#arrivals.isStalled(() => this.#books.waiting.length > 0))
      this.#consumer.renew(`messages are ready, and none came in ${this.#settings.progressMs / 1_000} s`)
  }

  async #bury(graveyard: Graveyard<MessageRow<BodyOf<Content>>>): Promise<void> {
    const { counts } = this.#shared
    await graveyard.buryAll((delivery, acknowledged) => {
      const taken = this.#books.take(delivery)
      const sent = settle(taken, this.#consumer.current, acknowledged ? acknowledge : reject, counts)
      if (sent) counts.deadLettered++
      return sent
    })
  }

  #held({ from, to }: QueuePartition): readonly Held<MessageRow<BodyOf<Content>>>[] {
    const held = this.#books.read(from, to)
    if (held !== undefined) return held
    throw new RabbitError(
      `deliveries ${from} to ${to} of ${this.#settings.queues.join(', ')} are gone with their channel; the broker delivers them again, in a later batch`,
    )
  }

  #tellLate(sinceMs: number): void {
    const { consumerTimeoutMs, onWarning } = this.#settings
    const took = this.#scheduler.now() - sinceMs
    if (took * 2 > consumerTimeoutMs)
      onWarning(`a batch took ${took / 1_000} s, and the broker's consumer timeout is ${consumerTimeoutMs / 1_000} s`)
  }
}
