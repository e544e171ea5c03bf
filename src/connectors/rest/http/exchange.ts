import type { Readable } from 'node:stream'
import { type SchedulerLike, Subscription } from 'rxjs'
import { longTimer } from '../../../timer.ts'
import type { Connections } from './connections.ts'
import type { Outgoing } from './outgoing.ts'
import { type RawAnswer, Receiver } from './receiver.ts'

/** A request and its answer, until both are over; ended early by the caller's signal or by the time-out. */
export class Exchange {
  /** Whether the time-out ended it. */
  timedOut = false
  #ended: { readonly reason: unknown } | undefined
  readonly #outer: AbortSignal
  #timer = Subscription.EMPTY
  #receiver: Receiver | undefined
  /** Takes back the request that waits for a connection. */
  #takeBack: (() => void) | undefined
  /** Ends what is waited for. */
  #leave: ((reason: unknown) => void) | undefined
  readonly #forward = (): void => this.#end(this.#outer.reason)

  constructor(outer: AbortSignal) {
    this.#outer = outer
    outer.addEventListener('abort', this.#forward, { once: true })
  }

  /** From now on time is running. @param totalMs 0: no bound. */
  start(totalMs: number, scheduler: SchedulerLike): void {
    if (totalMs === 0) return
    this.#timer = longTimer(totalMs, scheduler).subscribe(() => {
      this.timedOut = true
      this.#end(new Error('timed out'))
    })
  }

  /** Settles when the headers of the answer are there, or the exchange has ended: also where the request still waits for a connection. */
  send(connections: Connections, { method, url, headers, body }: Outgoing): Promise<RawAnswer> {
    const { origin, pathname, search } = url
    return new Promise((resolve, reject) => {
      if (!this.#awaited(reject)) return
      this.#receiver = new Receiver(resolve, reject)
      const request = { origin, path: `${pathname}${search}`, method, headers, body: body ?? null }
      this.#takeBack = connections.send(request, this.#receiver)
    })
  }

  /** Ends with the exchange, whatever the work does about it. One at a time. */
  within<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#awaited(reject)
      work.then(resolve, reject)
    })
  }

  /** No time-out any more. The signal goes on to end the reading of a body that somebody is still reading. */
  settle(body?: Readable): void {
    this.#timer.unsubscribe()
    this.#leave = undefined
    const release = (): void => this.#outer.removeEventListener('abort', this.#forward)
    if (body === undefined || body.closed) release()
    else body.once('close', release)
  }

  /** @returns whether the exchange goes on. */
  #awaited(leave: (reason: unknown) => void): boolean {
    this.#leave = leave
    if (this.#ended !== undefined) leave(this.#ended.reason)
    return this.#ended === undefined
  }

  #end(reason: unknown): void {
    if (this.#ended !== undefined) return
    this.#ended = { reason }
    this.#receiver?.abort(reason)
    this.#takeBack?.()
    this.#leave?.(reason)
  }
}
