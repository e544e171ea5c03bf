import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { BehaviorSubject, filter, firstValueFrom, map, merge, type Observable, Subject, take, timeout } from 'rxjs'
import { RabbitError, type SluiceError } from '../../errors.ts'
import { retryDelay } from '../../retry.ts'
import { longTimer } from '../../timer.ts'
import { answered, NoAnswer } from './answered.ts'
import type { ChannelHost, ChannelRole, LostChannel, OpenChannel } from './channel-role.ts'
import { rabbitError } from './rabbit-error.ts'

type State<C extends Channel> =
  | { readonly kind: 'opening'; readonly problem: SluiceError | undefined }
  | { readonly kind: 'open'; readonly open: OpenChannel<C> }
  | { readonly kind: 'failed'; readonly problem: SluiceError }
  | { readonly kind: 'closed' }

/** A channel that lived for so long is not one that fails as soon as it is used. */
const soundMs = 10_000

/**
 * A channel with one role, made anew as often as it is lost: by itself, or with its connection. One channel is one *generation*.
 *
 * A refusal (no permission, no such queue, arguments that differ) is final: `open` fails with it, and the next `open` tries once more.
 * Everything else is tried again with the connection's delays.
 */
export class ManagedChannel<C extends Channel = Channel> {
  readonly #role: ChannelRole<C>
  readonly #host: ChannelHost
  readonly #make: (model: ChannelModel) => Promise<C>
  readonly #state = new BehaviorSubject<State<C>>({ kind: 'opening', problem: undefined })
  readonly #opened = new Subject<OpenChannel<C>>()
  readonly #lost = new Subject<LostChannel>()
  readonly #problem = new Subject<SluiceError>()
  #generation = 0
  #lostGeneration = 0
  #attempt = 0
  #busy = false
  /** The channel of the present generation, usable or not. */
  #channel: C | undefined

  /** Channels are made by the connection. */
  constructor(role: ChannelRole<C>, host: ChannelHost, make: (model: ChannelModel) => Promise<C>) {
    this.#role = role
    this.#host = host
    this.#make = make
  }

  /** The usable channel, if there is one at this moment. */
  get current(): OpenChannel<C> | undefined {
    const state = this.#state.value
    return state.kind === 'open' ? state.open : undefined
  }

  /** Each generation, once it is usable. */
  get opened$(): Observable<OpenChannel<C>> {
    return this.#opened.asObservable()
  }

  /** Each generation that is gone, also one that never became usable. Not for a channel that was closed by `close`. */
  get lost$(): Observable<LostChannel> {
    return this.#lost.asObservable()
  }

  /** Every failed attempt to connect or to make the channel, and every loss. */
  get problem$(): Observable<SluiceError> {
    return this.#problem.asObservable()
  }

  /**
   * The usable channel, waiting for it if need be.
   * @throws RabbitRefusedError when the broker will not; RabbitError when it took longer than the connection's `openTimeout` (with the last problem).
   */
  async open(): Promise<OpenChannel<C>> {
    const state = this.#state.value
    if (state.kind === 'open') return state.open
    if (state.kind === 'failed') this.#enter({ kind: 'opening', problem: undefined })
    if (state.kind !== 'closed') void this.connected()
    return firstValueFrom(
      this.#state.pipe(
        filter(({ kind }) => kind !== 'opening'),
        take(1),
        map((reached) => this.#openOr(reached)),
        timeout({
          first: this.#host.openMs,
          scheduler: this.#host.scheduler,
          with: () => {
            throw this.#tooLong()
          },
        }),
      ),
    )
  }

  /**
   * A question on the present channel. One that gets no answer ends the connection: it is dead, whatever its socket says.
   * @throws RabbitError, RabbitRefusedError
   */
  async ask<T>(question: (channel: C) => Promise<T>): Promise<T> {
    const { channel } = await this.open()
    try {
      return await this.#answer(() => question(channel))
    } catch (error) {
      throw rabbitError(this.#role.name, error)
    }
  }

  /** Gives up the present generation for a new one: its consumer is gone, or makes no progress. */
  renew(reason: string): void {
    const generation = this.#generation
    this.#end(this.#channel)
    this.#lose(generation, new RabbitError(`${this.#role.name}: ${reason}`))
  }

  /**
   * Gives up the present generation until the next `open`. What is unacknowledged on it goes back to its queues, in their order.
   * Settles once the broker knows, or after the time an answer may take. Never fails.
   */
  async rest(): Promise<void> {
    const channel = this.#channel
    const generation = this.#generation
    if (channel === undefined) return
    this.#channel = undefined
    this.#lostGeneration = generation
    this.#enter({ kind: 'opening', problem: undefined })
    this.#lost.next({ generation, error: new RabbitError(`${this.#role.name}: the channel was given up`) })
    await this.#answer(() => channel.close()).catch(() => undefined)
  }

  /**
   * Settles once the broker has taken what was sent, or after the time an answer may take. Never fails.
   * @param orderly `false` on a connection that is about to be thrown away: nothing is sent, and nothing waited for.
   */
  async close(orderly = true): Promise<void> {
    if (this.#state.value.kind === 'closed') return
    const channel = this.#channel
    this.#channel = undefined
    this.#enter({ kind: 'closed' })
    this.#host.left(this)
    if (channel !== undefined && orderly) await this.#answer(() => channel.close()).catch(() => undefined)
  }

  /** For the connection: there is one. Makes the channel, unless that is under way. */
  async connected(): Promise<void> {
    if (this.#busy || this.#state.value.kind !== 'opening') return
    this.#busy = true
    try {
      while (this.#state.value.kind === 'opening') {
        const model = this.#host.model()
        if (model === undefined) return
        if (await this.#attemptOn(model)) return
      }
    } finally {
      this.#busy = false
    }
  }

  /** For the connection: it can't be had, or is gone. */
  disconnected(problem: SluiceError): void {
    const { kind } = this.#state.value
    if (kind === 'closed' || kind === 'failed') return
    this.#problem.next(problem)
    this.#enter(problem.retryable ? { kind: 'opening', problem } : { kind: 'failed', problem })
  }

  async #attemptOn(model: ChannelModel): Promise<boolean> {
    const generation = ++this.#generation
    const begun = this.#host.scheduler.now()
    try {
      const channel = await this.#answer(() => this.#make(model))
      this.#watch(channel, generation, begun)
      if (this.#state.value.kind !== 'opening') {
        this.#end(channel)
        return true
      }
      this.#channel = channel
      await this.#answer(() => this.#role.setup(channel, generation))
      if (this.#channel !== channel)
        throw new RabbitError(`${this.#role.name}: the channel was lost while it was set up`)
      const open = { channel, generation }
      this.#enter({ kind: 'open', open })
      this.#opened.next(open)
      return true
    } catch (error) {
      this.#end(this.#channel)
      const problem = rabbitError(this.#role.name, error)
      this.#lose(generation, problem)
      if (this.#state.value.kind !== 'opening') return true
      if (!problem.retryable) this.#enter({ kind: 'failed', problem })
      else await this.#pause(retryDelay(this.#host.policy, ++this.#attempt, problem) ?? 0)
      return false
    }
  }

  #watch(channel: C, generation: number, begun: number): void {
    let reason: unknown
    // Without a listener an error would end the process.
    channel.on('error', (error: unknown) => {
      reason = error
    })
    channel.on('handler-error', (error: unknown) => {
      reason = error
    })
    channel.on('close', () => {
      if (this.#host.scheduler.now() - begun > soundMs) this.#attempt = 0
      if (this.#channel !== channel) return
      this.#channel = undefined
      // While it is set up, what failed there says more.
      if (this.#state.value.kind !== 'open') return
      const why = reason ?? new Error('the channel was closed')
      // What a channel in use is closed for (a time-out of the consumer, a queue that is away) may be over.
      const problem = new RabbitError(rabbitError(this.#role.name, why).message, { cause: why })
      this.#lose(generation, problem)
    })
  }

  /** Once a generation. */
  #lose(generation: number, error: SluiceError): void {
    if (generation !== this.#generation || this.#lostGeneration === generation) return
    this.#lostGeneration = generation
    this.#channel = undefined
    if (this.#state.value.kind === 'closed') return
    const wasOpen = this.#state.value.kind === 'open'
    this.#enter({ kind: 'opening', problem: error })
    this.#lost.next({ generation, error })
    this.#problem.next(error)
    if (wasOpen) void this.#later()
  }

  async #later(): Promise<void> {
    if (this.#attempt > 0) await this.#pause(retryDelay(this.#host.policy, this.#attempt, undefined) ?? 0)
    this.#attempt++
    await this.connected()
  }

  /** Ends early when the channel is closed, so that nothing keeps the process. */
  async #pause(delayMs: number): Promise<void> {
    const closed$ = this.#state.pipe(filter(({ kind }) => kind === 'closed'))
    await firstValueFrom(merge(longTimer(delayMs, this.#host.scheduler), closed$))
  }

  #end(channel: C | undefined): void {
    if (channel === undefined) return
    if (this.#channel === channel) this.#channel = undefined
    void this.#answer(() => channel.close()).catch(() => undefined)
  }

  #enter(state: State<C>): void {
    if (this.#state.value.kind === 'closed') return
    this.#state.next(state)
  }

  #openOr(state: State<C>): OpenChannel<C> {
    if (state.kind === 'open') return state.open
    throw state.kind === 'failed' ? state.problem : new RabbitError(`${this.#role.name}: the connection was closed`)
  }

  #tooLong(): RabbitError {
    const state = this.#state.value
    const problem = state.kind === 'opening' ? state.problem : undefined
    const last = problem === undefined ? '' : `; last: ${problem.message}`
    return new RabbitError(`${this.#role.name}: no channel in ${this.#host.openMs / 1000} s${last}`, { cause: problem })
  }

  /** An answer that doesn't come means that the connection is dead, whatever its socket says. */
  async #answer<T>(call: () => Promise<T>): Promise<T> {
    return answered(call, this.#host.answerMs, this.#host.scheduler).catch((error: unknown) => {
      if (error instanceof NoAnswer) this.#host.drop(error)
      throw error
    })
  }
}

/** A channel whose publishes are confirmed. */
export type ManagedConfirmChannel = ManagedChannel<ConfirmChannel>
