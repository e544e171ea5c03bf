import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import {
  asyncScheduler,
  BehaviorSubject,
  distinctUntilChanged,
  type Observable,
  type SchedulerLike,
  Subject,
} from 'rxjs'
import { describeError, RabbitError, RabbitRefusedError, type SluiceError } from '../../errors.ts'
import { retryDelay } from '../../retry.ts'
import { longTimer } from '../../timer.ts'
import { answered } from './answered.ts'
import type { ChannelHost, ChannelRole } from './channel-role.ts'
import type { RabbitConnectionSettings } from './connection-options.ts'
import { ManagedChannel } from './managed-channel.ts'
import { rabbitError } from './rabbit-error.ts'

/**
 * A connection that is made anew as often as it is lost, with the channels that lie on it. Connects when the first channel is asked for.
 *
 * Not the client's own recovery, which tries for ever also what is refused, doesn't know of channels, and keeps time by itself.
 * Nothing that happens to a connection is ever an uncaught error.
 */
export class RabbitConnection {
  readonly #settings: RabbitConnectionSettings
  readonly #scheduler: SchedulerLike
  readonly #channels = new Set<ManagedChannel<Channel>>()
  readonly #blocked = new BehaviorSubject<string | undefined>(undefined)
  readonly #closing = new Subject<void>()
  #model: ChannelModel | undefined
  #connecting = false
  #closed = false
  #wasOpen = false
  #target = 0

  constructor(settings: RabbitConnectionSettings, scheduler: SchedulerLike = asyncScheduler) {
    this.#settings = settings
    this.#scheduler = scheduler
  }

  /** Why the broker takes no more publishes (memory or disk run short); `undefined` while it does. Repeats its value. */
  get blocked$(): Observable<string | undefined> {
    return this.#blocked.pipe(distinctUntilChanged())
  }

  /** The version of the broker, such as `3.10.8`, while there is a connection. */
  get serverVersion(): string | undefined {
    return this.#model?.connection.serverProperties.version
  }

  /** A channel of its own for a role. Nothing happens before its `open` is called. */
  channel(role: ChannelRole<Channel>): ManagedChannel<Channel> {
    return this.#add(new ManagedChannel(role, this.#host(), (model) => model.createChannel()))
  }

  /** The same with publisher confirms. */
  confirmChannel(role: ChannelRole<ConfirmChannel>): ManagedChannel<ConfirmChannel> {
    return this.#add(new ManagedChannel(role, this.#host(), (model) => model.createConfirmChannel()))
  }

  /** Closes the channels, each after the broker took what was sent on it, then the connection. Settles in bounded time and never fails. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#closing.next()
    // A broker that takes no publishes reads nothing at all of the connection, and would never answer.
    const orderly = this.#blocked.value === undefined
    await Promise.all([...this.#channels].map((channel) => channel.close(orderly)))
    const model = this.#model
    this.#model = undefined
    if (model === undefined) return
    if (orderly)
      await answered(() => model.close(), this.#settings.connectTimeoutMs, this.#scheduler).catch(() => undefined)
    destroySocket(model)
  }

  #add<C extends Channel>(channel: ManagedChannel<C>): ManagedChannel<C> {
    // One that comes too late would wait for a connection that nobody makes any more.
    if (this.#closed) void channel.close()
    else this.#channels.add(channel as unknown as ManagedChannel<Channel>)
    return channel
  }

  #host(): ChannelHost {
    const { reconnect, connectTimeoutMs, openTimeoutMs } = this.#settings
    return {
      model: () => {
        if (this.#model === undefined) void this.#connect()
        return this.#model
      },
      drop: (error) => {
        if (this.#model !== undefined) destroySocket(this.#model, error)
      },
      left: (channel) => this.#channels.delete(channel as ManagedChannel<Channel>),
      policy: reconnect,
      answerMs: connectTimeoutMs,
      openMs: openTimeoutMs,
      scheduler: this.#scheduler,
    }
  }

  async #connect(): Promise<void> {
    if (this.#connecting || this.#closed) return
    this.#connecting = true
    try {
      for (let attempt = 1; !this.#closed && this.#model === undefined; attempt++) {
        try {
          this.#adopt(await this.#dial())
        } catch (error) {
          const problem = this.#refusedHost(error) ?? rabbitError(`no connection to ${this.#address}`, error)
          this.#target++
          this.#tell(problem)
          if (!problem.retryable) return
          await this.#pause(retryDelay(this.#settings.reconnect, attempt, problem) ?? 0)
        }
      }
    } finally {
      this.#connecting = false
    }
    for (const channel of this.#channels) void channel.connected()
  }

  /** The client's time-out counts silence, and a broker that dribbles is never silent: hence one for all of it. */
  async #dial(): Promise<ChannelModel> {
    const { targets, socket, connectTimeoutMs } = this.#settings
    const dialled = connect({ ...targets[this.#target % targets.length] }, { ...socket })
    try {
      return await answered(() => dialled, connectTimeoutMs, this.#scheduler)
    } catch (error) {
      // One that comes too late is not left behind.
      dialled.then(
        (model) => {
          model.on('error', () => undefined)
          destroySocket(model)
        },
        () => undefined,
      )
      throw error
    }
  }

  #adopt(model: ChannelModel): void {
    let reason: unknown
    // Without a listener an error would end the process.
    model.on('error', (error) => {
      reason = error
    })
    model.on('handler-error', (error) => {
      reason = error
    })
    model.on('blocked', (why) => this.#blocked.next(why === '' ? 'no reason given' : why))
    model.on('unblocked', () => this.#blocked.next(undefined))
    model.on('close', (error) => {
      destroySocket(model)
      if (this.#model !== model) return
      this.#model = undefined
      this.#blocked.next(undefined)
      const why = error ?? reason ?? new Error('closed')
      // A connection that was in use: whatever it was closed for, a new one may do better.
      this.#tell(new RabbitError(rabbitError(`lost the connection to ${this.#address}`, why).message, { cause: why }))
      void this.#connect()
    })
    if (this.#closed) destroySocket(model)
    else this.#model = model
    this.#wasOpen = true
  }

  /** The client has lost the broker's reply by then. For a connection that was good before, the virtual host may be starting. */
  #refusedHost(error: unknown): SluiceError | undefined {
    if (!/^Expected ConnectionOpenOk; got <ConnectionClose/.test(describeError(error))) return undefined
    const { targets } = this.#settings
    const vhost = decodeURIComponent(targets[0]?.vhost ?? '/')
    const text = `${this.#address} refused the virtual host ${JSON.stringify(vhost)}: expected one that exists, that this user may use, and that has connections left`
    return this.#wasOpen ? new RabbitError(text, { cause: error }) : new RabbitRefusedError(text, { cause: error })
  }

  #tell(problem: SluiceError): void {
    for (const channel of this.#channels) channel.disconnected(problem)
  }

  get #address(): string {
    const { targets } = this.#settings
    const target = targets[this.#target % targets.length]
    return `${target?.hostname}:${target?.port}`
  }

  /** Ends early when the connection is closed. */
  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = longTimer(delayMs, this.#scheduler).subscribe(() => resolve())
      timer.add(this.#closing.subscribe(() => timer.unsubscribe()))
      timer.add(() => resolve())
    })
  }
}

/**
 * The client ends a connection by ending its socket, which waits for a peer that may never answer, and goes on with its heartbeats meanwhile.
 * An error makes it see that the connection is lost.
 */
function destroySocket(model: ChannelModel, error = new Error('the connection was given up')): void {
  const { stream } = model.connection as { readonly stream?: { readonly destroy: (error: Error) => void } }
  stream?.destroy(error)
}
