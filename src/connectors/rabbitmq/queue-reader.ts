import type { Channel, ConsumeMessage, Message } from 'amqplib'
import { asyncScheduler, defer, firstValueFrom, merge, type Observable, type SchedulerLike, Subject } from 'rxjs'
import { describeError, RabbitError } from '../../errors.ts'
import { byIdRange } from '../../partition.ts'
import {
  type AckedReader,
  type ReadContext,
  type ReadLimit,
  readAllAvailable,
  type SettlementCounts,
} from '../../source.ts'
import { longTimer } from '../../timer.ts'
import { checkQueue } from './checks.ts'
import { RabbitConnection } from './connection.ts'
import { DeadLetterOffice } from './dead-letter-office.ts'
import { declareQueue } from './declaration.ts'
import type { ManagedChannel } from './managed-channel.ts'
import { identityOf } from './message-identity.ts'
import { type BodyOf, type MessageContent, type MessageRow, messageReader } from './message-row.ts'
import type { RabbitQueueSettings } from './queue-options.ts'
import { replyCode } from './rabbit-error.ts'
import { type Choose, type Settled, Settlements } from './settlements.ts'
import { sliceOf } from './slices.ts'
import type { Suspects } from './suspects.ts'

/** Deliveries that were put into batches before, over the life of the query. */
export interface QueueOffset {
  readonly delivered: number
}

/** Deliveries `[from, to)`; of them those of a queue, those of a slice by key. */
export interface QueuePartition {
  readonly from: number
  readonly to: number
  readonly queue?: string
  /** The slice, and how many there are. */
  readonly slice?: number
  readonly of?: number
}

/** What became of deliveries. */
export interface QueueCounts {
  /** By the broker, to this process. */
  delivered: number
  /** Of them, those that had been delivered before, to whomever. */
  redelivered: number
  /** Acknowledged, or rejected, on the channel that they came over. */
  settled: number
  /** Not to be acknowledged any more, because their channel was gone: they are delivered again. */
  stale: number
  /** Given back, because their batch failed. */
  released: number
  deadLettered: number
  /** Channels that were used. */
  generations: number
}

/** What is remembered over all readers of a source: a run that failed is followed by another reader. */
export interface QueueMemory {
  readonly counts: QueueCounts
  /** `undefined` where no message is given up. */
  readonly suspects: Suspects | undefined
  /** Warnings of the start that were told. */
  readonly warned: Set<string>
}

/** A message that was delivered. */
interface Held<Row> {
  readonly queue: string
  readonly message: ConsumeMessage
  readonly row: Row | undefined
  /** Why there is no row. */
  readonly problem: unknown
}

const chunkRows = 1_000

/** Messages are ready and none has come yet: what to wait for the first one, in milliseconds. */
const firstDeliveryMs = 1_000

/** The reader of `rabbitmqQueue`: its own connection, one channel, and the books of what came over it. */
export class QueueReader<Content extends MessageContent>
  implements AckedReader<QueueOffset, QueuePartition, MessageRow<BodyOf<Content>>>
{
  readonly kind = 'acked'
  readonly defaultLimit: Partial<ReadLimit>
  readonly #settings: RabbitQueueSettings<Content>
  readonly #shared: QueueMemory
  readonly #scheduler: SchedulerLike
  readonly #connection: RabbitConnection
  readonly #consumer: ManagedChannel
  readonly #office: DeadLetterOffice | undefined
  readonly #books = new Settlements<Held<MessageRow<BodyOf<Content>>>>()
  readonly #announce = new Subject<void>()
  readonly #toRow: (queue: string, message: ConsumeMessage) => MessageRow<BodyOf<Content>>
  #announced = false
  #batch: { readonly identities: readonly string[]; readonly sinceMs: number } | undefined
  #undecodable = 0
  /** Since when messages are ready and none comes, in milliseconds. */
  #stalledSince: number | undefined

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
    const { poison } = settings
    this.#office = poison && new DeadLetterOffice(settings.connection, poison.deadLetter, scheduler)
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
    return this.#announce
  })

  readonly latestOffset = (start: QueueOffset, limit: ReadLimit): QueueOffset | Promise<QueueOffset> => {
    this.#announced = false
    if (limit === readAllAvailable) return this.#head(start)
    if (this.#consumer.current !== undefined && this.#books.waiting.length > 0 && !this.#hasDead)
      return this.#plan(start, limit)
    return this.#lookAndPlan(start, limit)
  }

  readonly partitions = (start: QueueOffset, end: QueueOffset): readonly QueuePartition[] => {
    const { queues, partitions, key } = this.#settings
    const range = { from: start.delivered, to: end.delivered }
    if (range.from === range.to) return []
    const slices = Array.from({ length: partitions }, (_, slice) => ({ slice, of: partitions }))
    const ofQueue: readonly Partial<QueuePartition>[] =
      queues.length === 1 ? [{}] : queues.filter((queue) => this.#hasRows(range, queue)).map((queue) => ({ queue }))
    if (partitions === 1) return ofQueue.map((queue) => ({ ...range, ...queue }))
    return ofQueue.flatMap((queue) =>
      key === undefined
        ? byIdRange(range.from, range.to, partitions).map((run) => ({ ...run, ...queue }))
        : slices.map((slice) => ({ ...range, ...queue, ...slice })),
    )
  }

  async *read(
    partition: QueuePartition,
    { report }: Pick<ReadContext, 'report'>,
  ): AsyncGenerator<readonly MessageRow<BodyOf<Content>>[]> {
    const mine = this.#held(partition).filter((held) => this.#isIn(held, partition))
    for (let first = 0; first < mine.length; first += chunkRows) {
      const chunk = mine.slice(first, first + chunkRows)
      report({ bytes: chunk.reduce((sum, { message }) => sum + message.content.length, 0) })
      yield chunk.map(rowOf)
      // Its messages may be on their way to somebody else by now: then there is nothing to commit.
      this.#held(partition)
    }
  }

  readonly commit = (end: QueueOffset): void => {
    const batch = this.#batch
    this.#batch = undefined
    if (batch !== undefined) {
      this.#tellLate(batch.sinceMs)
      this.#shared.suspects?.passed(batch.identities)
    }
    this.#send(this.#books.settle(0, end.delivered), (channel, message, multiple) => channel.ack(message, multiple))
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
    this.#announce.complete()
    await Promise.all([this.#connection.close(), this.#office?.close()])
  }

  async #setUp(channel: Channel, generation: number): Promise<void> {
    const { queues, declare, prefetch, consumer, onWarning } = this.#settings
    for (const warning of checkQueue(this.#settings, this.#connection.serverVersion)) {
      if (!this.#shared.warned.has(warning)) onWarning(warning)
      this.#shared.warned.add(warning)
    }
    for (const queue of queues) await declareQueue(channel, queue, declare)
    await channel.prefetch(prefetch)
    this.#books.opened(generation)
    this.#shared.counts.generations++
    this.#undecodable = 0
    for (const [index, queue] of queues.entries()) {
      const { tag, priority, exclusive = false } = consumer
      const options = {
        exclusive,
        ...(priority === undefined ? {} : { priority }),
        ...(tag === undefined ? {} : { consumerTag: queues.length === 1 ? tag : `${tag}-${index}` }),
      }
      try {
        await channel.consume(queue, (message) => this.#received(generation, queue, message), options)
      } catch (error) {
        // Maybe our own consumer, on a connection that the broker has not given up yet.
        if (exclusive && replyCode(error) === 403)
          throw new RabbitError(`somebody else consumes ${queue}, and this consumer is exclusive`, { cause: error })
        throw error
      }
    }
  }

  #received(generation: number, queue: string, message: ConsumeMessage | null): void {
    if (message === null) {
      // The queue was deleted, or its node went away, or we were too slow: nothing more would ever come.
      this.#consumer.renew(`the broker cancelled the consumer of ${queue}`)
      return
    }
    if (!this.#books.deliver(generation, message.fields.deliveryTag, this.#hold(queue, message))) return
    this.#shared.counts.delivered++
    if (message.fields.redelivered) this.#shared.counts.redelivered++
    this.#stalledSince = undefined
    if (this.#announced) return
    this.#announced = true
    this.#announce.next()
  }

  #hold(queue: string, message: ConsumeMessage): Held<MessageRow<BodyOf<Content>>> {
    try {
      return { queue, message, row: this.#toRow(queue, message), problem: undefined }
    } catch (problem) {
      this.#undecodable++
      return { queue, message, row: undefined, problem }
    }
  }

  #plan({ delivered }: QueueOffset, { maxRows, maxBytes }: ReadLimit): QueueOffset {
    const most = Math.min(maxRows, this.#settings.maxBatch)
    const suspects = this.#shared.suspects
    const choose: Choose<Held<MessageRow<BodyOf<Content>>>> =
      suspects === undefined
        ? (waiting, max) => waiting.slice(0, max)
        : suspects.choose<Held<MessageRow<BodyOf<Content>>>>(identify)
    const planned = this.#books.plan(delivered, most, (waiting, max) => {
      // Such a one may have come while others were put away.
      const living = this.#hasDead ? waiting.filter(({ message }) => !this.#isDead(message)) : waiting
      return within(choose(living, max), maxBytes)
    })
    const identities = suspects === undefined ? [] : planned.map(identify)
    this.#batch = planned.length === 0 ? undefined : { identities, sinceMs: this.#scheduler.now() }
    return { delivered: delivered + planned.length }
  }

  async #lookAndPlan(start: QueueOffset, limit: ReadLimit): Promise<QueueOffset> {
    await this.#consumer.open()
    if (this.#hasDead) await this.#buryDead()
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
      ready += (await this.#consumer.ask((channel) => channel.checkQueue(queue))).messageCount
    return ready
  }

  /** Nothing is here. When messages are ready all the same, the first of them is waited for; and when none comes for long, the consumer is dead. */
  async #look(): Promise<void> {
    if ((await this.#ready()) === 0) {
      this.#stalledSince = undefined
      return
    }
    if (this.#books.waiting.length > 0) return
    await firstValueFrom(merge(this.#announce, longTimer(firstDeliveryMs, this.#scheduler)), { defaultValue: 0 })
    if (this.#books.waiting.length > 0) return
    const now = this.#scheduler.now()
    this.#stalledSince ??= now
    if (now - this.#stalledSince < this.#settings.progressMs) return
    this.#stalledSince = undefined
    this.#consumer.renew(`messages are ready, and none came in ${this.#settings.progressMs / 1_000} s`)
  }

  /** Whether something waits that must not come into a batch. */
  get #hasDead(): boolean {
    const suspects = this.#shared.suspects
    if (suspects === undefined) return false
    const none = this.#undecodable === 0 && suspects.none
    return !none && this.#books.waiting.some(({ message }) => this.#isDead(message))
  }

  #isDead(held: Held<object>): boolean {
    return held.problem !== undefined || this.#shared.suspects?.isPoison(identify(held)) === true
  }

  async #buryDead(): Promise<void> {
    const suspects = this.#shared.suspects as Suspects
    for (const delivery of this.#books.waiting) {
      const { queue, message, problem } = delivery.message
      const identity = identify(delivery.message)
      // It may have been lost with its channel while another one was put away.
      if (!this.#isDead(delivery.message) || !this.#books.waiting.includes(delivery)) continue
      const failures = problem === undefined ? suspects.failuresOf(identity) : 0
      const reason =
        problem === undefined ? `${failures} batches with it failed, the last ones of it alone` : describeError(problem)
      const acknowledge = await (this.#office as DeadLetterOffice).take({ queue, message, reason, failures })
      // Settled only now: a crash before leaves it in the queue.
      const sent = this.#send(this.#books.take(delivery), (channel, settled, multiple) =>
        acknowledge ? channel.ack(settled, multiple) : channel.nack(settled, multiple, false),
      )
      // It comes again, and is given up again.
      if (!sent) continue
      this.#shared.counts.deadLettered++
      if (problem === undefined) suspects.forget(identity)
      else this.#undecodable--
    }
  }

  /**
   * Sends on the channel of the deliveries, or not at all.
   * @returns whether it was sent.
   */
  #send(
    { settlement, stale }: Settled,
    tell: (channel: Channel, message: Message, multiple: boolean) => void,
  ): boolean {
    this.#shared.counts.stale += stale
    if (settlement === undefined) return false
    const open = this.#consumer.current
    const { generation, upTo, single, count } = settlement
    try {
      if (open?.generation !== generation) throw new RabbitError('the channel is gone')
      if (upTo !== undefined) tell(open.channel, tagged(upTo), true)
      for (const tag of single) tell(open.channel, tagged(tag), false)
      this.#shared.counts.settled += count
      return true
    } catch {
      this.#shared.counts.stale += count // the client knows already that the channel is closed
      return false
    }
  }

  #held({ from, to }: QueuePartition): readonly Held<MessageRow<BodyOf<Content>>>[] {
    const held = this.#books.read(from, to)
    if (held !== undefined) return held
    throw new RabbitError(
      `deliveries ${from} to ${to} of ${this.#settings.queues.join(', ')} are gone with their channel; the broker delivers them again, in a later batch`,
    )
  }

  #hasRows({ from, to }: QueuePartition, queue: string): boolean {
    return this.#held({ from, to }).some((held) => held.queue === queue)
  }

  #isIn(held: Held<MessageRow<BodyOf<Content>>>, { queue, slice, of }: QueuePartition): boolean {
    if (queue !== undefined && held.queue !== queue) return false
    const { key } = this.#settings
    return slice === undefined || of === undefined || key === undefined || sliceOf(key(rowOf(held)), of) === slice
  }

  #tellLate(sinceMs: number): void {
    const { consumerTimeoutMs, onWarning } = this.#settings
    const took = this.#scheduler.now() - sinceMs
    if (took * 2 > consumerTimeoutMs)
      onWarning(`a batch took ${took / 1_000} s, and the broker's consumer timeout is ${consumerTimeoutMs / 1_000} s`)
  }
}

function identify({ queue, message }: Pick<Held<object>, 'queue' | 'message'>): string {
  return identityOf(queue, message)
}

function rowOf<Row>({ row, problem }: Held<Row>): Row {
  if (row === undefined) throw problem
  return row
}

/** At least one. */
function within<Row, Item extends { readonly message: Held<Row> }>(
  chosen: readonly Item[],
  maxBytes: number,
): readonly Item[] {
  if (maxBytes === Infinity) return chosen
  let bytes = 0
  const end = chosen.findIndex(({ message: { message } }, index) => {
    bytes += message.content.length
    return index > 0 && bytes > maxBytes
  })
  return end < 0 ? chosen : chosen.slice(0, end)
}

/** All that the client looks at. */
function tagged(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}
