import type { Readable } from 'node:stream'
import { type SchedulerLike, Subscription } from 'rxjs'
import type { Agent, Dispatcher } from 'undici'
import { longTimer } from '../../../timer.ts'
import type { Outgoing } from './outgoing.ts'

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number
  /** Names in lower case; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readable
}

/** A request and its answer, until both are over; ended early by the caller's signal or by the time-out. */
export class Exchange {
  /** Whether the time-out ended it. */
  timedOut = false
  readonly #ended = new AbortController()
  readonly #outer: AbortSignal
  #timer = Subscription.EMPTY
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

  /** Settles when the headers of the answer are there, or the exchange has ended: a request that still waits for a connection doesn't hear of a signal. */
  send(agent: Agent, { method, url, headers, body }: Outgoing): Promise<RawAnswer> {
    const { origin, pathname, search } = url
    const { signal } = this.#ended
    const request = { origin, path: `${pathname}${search}`, method, headers, body: body ?? null, signal }
    return new Promise((resolve, reject) => {
      this.#awaited(reject)
      agent.request(request, (error, answer) => {
        if (error !== null) return reject(error)
        answer.body.on('error', () => {}) // whoever reads the body hears of it, but maybe nobody does
        resolve({ status: answer.statusCode, headers: joined(answer.headers), body: answer.body })
      })
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
    const release = (): void => this.#outer.removeEventListener('abort', this.#forward)
    if (body === undefined || body.closed) release()
    else body.once('close', release)
  }

  #awaited(leave: (reason: unknown) => void): void {
    this.#leave = leave
    if (this.#ended.signal.aborted) leave(this.#ended.signal.reason)
  }

  #end(reason: unknown): void {
    this.#ended.abort(reason)
    this.#leave?.(reason)
  }
}

function joined(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const result: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return result
}
