import type { SchedulerLike } from 'rxjs'
import { lastValueFrom } from 'rxjs'
import { fromCommand } from '../../result.ts'
import { RabbitConnection } from './connection.ts'
import type { RabbitConnectionSettings } from './connection-options.ts'
import { Publisher, PublishGroup } from './publisher.ts'
import type { DeadMessage, PoisonOptions } from './queue-options.ts'

/** Where messages go that are given up. */
export class DeadLetterOffice {
  readonly #to: PoisonOptions['deadLetter']
  readonly #publisher: Publisher | undefined

  /** With an exchange it has a connection of its own: the broker may block one that publishes, and the consumer shall go on. */
  constructor(connection: RabbitConnectionSettings, to: PoisonOptions['deadLetter'], scheduler: SchedulerLike) {
    this.#to = to
    if (typeof to !== 'object') return
    this.#publisher = new Publisher(
      new RabbitConnection(connection, scheduler),
      {
        name: `dead letters to ${JSON.stringify(to.exchange)}`,
        maxInFlight: 100,
        maxInFlightBytes: 16 * 2 ** 20,
        confirmMs: connection.openTimeoutMs,
        check: async (channel) => (to.exchange === '' ? undefined : channel.checkExchange(to.exchange)),
      },
      scheduler,
    )
  }

  /**
   * Settles when the message is safe where it goes to.
   * @returns whether to acknowledge it; else it is to be rejected, for the broker to take it.
   */
  async take(dead: DeadMessage): Promise<boolean> {
    if (this.#to === 'broker') return false
    if (typeof this.#to === 'function') {
      const tell = this.#to
      await lastValueFrom(fromCommand(() => tell(dead)))
    } else await this.#publish(dead, this.#to)
    return true
  }

  /** Settles when its connection is closed. */
  async close(): Promise<void> {
    await this.#publisher?.close()
  }

  async #publish(
    { queue, message, reason, failures }: DeadMessage,
    { exchange, routingKey = message.fields.routingKey }: { readonly exchange: string; readonly routingKey?: string },
  ): Promise<void> {
    const publisher = this.#publisher as Publisher
    const group = new PublishGroup()
    const {
      headers,
      messageId,
      deliveryMode: _mode,
      expiration: _expiration,
      userId: _user,
      ...rest
    } = message.properties
    const properties = {
      ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
      headers: { ...headers, 'x-sluice-reason': reason, 'x-sluice-failures': failures, 'x-sluice-queue': queue },
      messageId: typeof messageId === 'string' ? messageId : '',
      persistent: true,
      mandatory: true,
    }
    await publisher.publish(group, [{ exchange, routingKey, content: message.content, properties }])
    await publisher.confirmed(group)
  }
}
