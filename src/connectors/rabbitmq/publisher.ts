import type { ConfirmChannel, Message, Options } from 'amqplib'
import { asyncScheduler, firstValueFrom, race, type SchedulerLike, Subject } from 'rxjs'
import { RabbitError, RabbitRefusedError, type SluiceError } from '../../errors.ts'
import { redactError } from '../../redact.ts'
import { longTimer } from '../../timer.ts'
import type { RabbitConnection } from './connection.ts'
import type { ManagedConfirmChannel } from './managed-channel.ts'
import { rabbitError } from './rabbit-error.ts'

/** A message on its way out. */
export interface OutgoingMessage {
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  readonly properties: Options.Publish & { readonly messageId: string }
}

/** How messages are published. */
export interface PublisherSettings {
  /** Whom errors name. */
  readonly name: string
  /** Unconfirmed messages at a time. */
  readonly maxInFlight: number
  /** Their bytes. A single larger message goes alone. */
  readonly maxInFlightBytes: number
  /** How long nothing at all may be confirmed, or publishes be blocked. */
  readonly confirmMs: number
  /** Fails where what is published to isn't there. Asked on every new channel. */
  readonly check: (channel: ConfirmChannel) => Promise<unknown>
}

/** What a publisher needs of its connection. */
export type PublisherConnection = Pick<RabbitConnection, 'confirmChannel' | 'blocked$' | 'close'>

/** Messages that are confirmed, or fail, together. */
export class PublishGroup {
  /** Published and neither confirmed nor failed. */
  unconfirmed = 0
  failure: { readonly error: unknown } | undefined
}

interface InFlight {
  readonly group: PublishGroup
  readonly message: OutgoingMessage
}

/**
 * Publishes with confirms, a bounded number at a time. A message that the broker refuses, returns, or doesn't confirm fails its group.
 *
 * A broker that takes no publishes (`connection.blocked`) holds them back for as long as a confirm may take.
 */
export class Publisher {
  readonly #connection: PublisherConnection
  readonly #settings: PublisherSettings
  readonly #scheduler: SchedulerLike
  readonly #managed: ManagedConfirmChannel
  readonly #inFlight = new Set<InFlight>()
  readonly #progress = new Subject<void>()
  /** Why the broker closed a channel: what was published on it is told only that it was. */
  readonly #closedFor = new WeakMap<ConfirmChannel, unknown>()
  #bytes = 0
  #blocked: string | undefined

  constructor(connection: PublisherConnection, settings: PublisherSettings, scheduler: SchedulerLike = asyncScheduler) {
    this.#connection = connection
    this.#settings = settings
    this.#scheduler = scheduler
    this.#managed = connection.confirmChannel({
      name: settings.name,
      setup: (channel) => {
        // Before the first publish: a return has no other place to go.
        channel.on('return', (message) => this.#returned(message))
        channel.on('error', (reason: unknown) => this.#closedFor.set(channel, reason))
        return settings.check(channel)
      },
    })
    connection.blocked$.subscribe((reason) => {
      this.#blocked = reason
      this.#progress.next()
    })
  }

  /** Settles when there is a channel and what is published to exists. */
  async open(): Promise<void> {
    await this.#managed.open()
  }

  /** Publishes in order, waiting for room. Settles when all are on their way, most of them not yet confirmed. */
  async publish(group: PublishGroup, messages: readonly OutgoingMessage[]): Promise<void> {
    let channel: ConfirmChannel | undefined
    for (const message of messages) {
      if (group.failure !== undefined) throw group.failure.error
      if (channel === undefined || this.#blocked !== undefined || !this.#hasRoom(message, 1)) {
        // For half of it: a publisher that wakes up for every confirm does little else.
        await this.#until(group, () => this.#blocked === undefined && this.#hasRoom(message, 0.5))
        channel = (await this.#managed.open()).channel
      }
      this.#send(channel, group, message)
    }
  }

  /** Settles when everything of the group is confirmed; fails with its first failure. */
  async confirmed(group: PublishGroup): Promise<void> {
    await this.#until(group, () => group.unconfirmed === 0)
  }

  /** Nobody waits for the group any more: what does ends now. What is on its way stays there. */
  leave(group: PublishGroup, error: unknown): void {
    this.#fail(group, error)
    this.#progress.next()
  }

  /** Settles when the connection is closed. Never fails. */
  close(): Promise<void> {
    this.#progress.complete()
    return this.#connection.close()
  }

  #hasRoom({ content }: OutgoingMessage, share: number): boolean {
    const { maxInFlight, maxInFlightBytes } = this.#settings
    return (
      this.#inFlight.size === 0 ||
      (this.#inFlight.size < maxInFlight * share && this.#bytes + content.length <= maxInFlightBytes * share)
    )
  }

  #send(channel: ConfirmChannel, group: PublishGroup, message: OutgoingMessage): void {
    const { exchange, routingKey, content, properties } = message
    const entry = { group, message }
    const settled = (error: unknown): void => {
      this.#inFlight.delete(entry)
      this.#bytes -= content.length
      group.unconfirmed--
      if (error !== null) this.#fail(group, this.#failureOf(message, this.#closedFor.get(channel), error))
      this.#progress.next()
    }
    try {
      channel.publish(exchange, routingKey, content, properties, settled)
    } catch (error) {
      throw isClosed(error) || !(error instanceof Error)
        ? rabbitError(this.#settings.name, error)
        : new RabbitRefusedError(`${this.#settings.name}: ${named(message)} can't be sent: ${error.message}`, {
            cause: error,
          })
    }
    this.#inFlight.add(entry)
    this.#bytes += content.length
    group.unconfirmed++
  }

  /** A channel in use: what it was closed for may have been another message, so that trying again is right. */
  #failureOf(message: OutgoingMessage, closedFor: unknown, error: unknown): SluiceError {
    const what = `${this.#settings.name}: ${named(message)}`
    if (closedFor === undefined) return rabbitError(what, error)
    return new RabbitError(rabbitError(what, closedFor).message, { cause: redactError(closedFor) })
  }

  /** Comes before the confirm, which says only that the broker has dealt with the message. */
  #returned(message: Message): void {
    const { messageId } = message.properties
    const { replyText = 'no reason given' } = message.fields as { readonly replyText?: string }
    for (const entry of this.#inFlight) {
      if (entry.message.properties.messageId !== messageId) continue
      const problem = `${named(entry.message)} was returned: ${replyText}. Bind a queue to ${place(entry.message)}, or set option "mandatory" to false to drop such messages`
      this.#fail(entry.group, new RabbitRefusedError(`${this.#settings.name}: ${problem}`))
    }
  }

  #fail(group: PublishGroup, error: unknown): void {
    group.failure ??= { error }
  }

  /** @throws the group's failure; RabbitError when nothing moves for too long. */
  async #until(group: PublishGroup, holds: () => boolean): Promise<void> {
    const { name, confirmMs } = this.#settings
    for (;;) {
      if (group.failure !== undefined) throw group.failure.error
      if (holds()) return
      const timer = longTimer(confirmMs, this.#scheduler)
      const outcome = await firstValueFrom(race(this.#progress, timer), { defaultValue: 'closed' })
      if (outcome === 'closed') throw new RabbitError(`${name}: it was closed`)
      if (outcome !== 0) continue
      const seconds = `${confirmMs / 1000} s`
      if (this.#blocked !== undefined) {
        throw new RabbitError(
          `${name}: the broker has taken no messages for ${seconds} (${this.#blocked}); what it waits for is on its side: memory or disk space`,
        )
      }
      this.#managed.renew(`no confirm in ${seconds}`)
      throw new RabbitError(
        `${name}: ${this.#inFlight.size} messages are unconfirmed, and no confirm came in ${seconds}`,
      )
    }
  }
}

function named({ properties }: OutgoingMessage): string {
  return `message ${properties.messageId}`
}

function place({ exchange, routingKey }: OutgoingMessage): string {
  return exchange === ''
    ? `the default exchange: it takes the name of a queue as routing key, and this is ${JSON.stringify(routingKey)}`
    : `exchange ${JSON.stringify(exchange)} for routing key ${JSON.stringify(routingKey)}`
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && error.name === 'IllegalOperationError'
}
