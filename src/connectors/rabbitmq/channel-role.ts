import type { Channel, ChannelModel } from 'amqplib'
import type { SchedulerLike } from 'rxjs'
import type { SluiceError } from '../../errors.ts'
import type { RetryPolicy } from '../../retry.ts'

/** What a channel is for. */
export interface ChannelRole<C extends Channel = Channel> {
  /** For errors: "publisher", "consumer of orders". */
  readonly name: string
  /**
   * Makes a new channel usable: declares, sets the prefetch, consumes. Called once for every generation, also after a lost connection.
   * Deliveries may come before it has settled. When it fails, the channel is lost.
   * @param generation a number that only grows; delivery tags mean something only together with it.
   */
  readonly setup: (channel: C, generation: number) => Promise<unknown>
}

/** A channel in use. Where `generation` is another one, this channel is gone, and its delivery tags with it. */
export interface OpenChannel<C extends Channel = Channel> {
  readonly channel: C
  readonly generation: number
}

/** A channel that is gone. What was unacknowledged on it is in the queue again. */
export interface LostChannel {
  readonly generation: number
  readonly error: SluiceError
}

/** What a channel needs of the connection it lies on. */
export interface ChannelHost {
  /** The connection, while there is one; else `undefined`, and it calls `connected` of the channel once there is. */
  readonly model: () => ChannelModel | undefined
  /** Throws away a connection that gives no answer. */
  readonly drop: (error: Error) => void
  /** The channel was closed: it is no longer told of the connection. */
  readonly left: (channel: object) => void
  readonly policy: RetryPolicy
  readonly answerMs: number
  readonly openMs: number
  readonly scheduler: SchedulerLike
}
