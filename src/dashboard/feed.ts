import type { IncomingMessage, ServerResponse } from 'node:http'
import { asyncScheduler, auditTime, interval, merge, type SchedulerLike, type Subscription } from 'rxjs'
import { describeError } from '../errors.ts'
import { commonHeaders } from '../metrics/http-server.ts'
import type { Monitor } from '../metrics/monitor.ts'
import { redact } from '../redact.ts'
import { everyMs, History } from './history.ts'
import { pageState } from './state.ts'

/** Something that happened is shown no later than after this, in milliseconds. */
const promptMs = 100

/** A page that doesn't read is left once so many bytes wait for it. */
const mostWaiting = 4 * 2 ** 20

/** Pages at a time: more of them must not take the connections that scrapes and health checks need. */
const mostPages = 20

/** Sends pages how queries are doing, as server-sent events: all of it at first, then once a second and promptly when something happens. */
export class Feed {
  readonly #monitor: Monitor
  readonly #scheduler: SchedulerLike
  readonly #history: History
  readonly #pages = new Set<ServerResponse>()
  #ticks: Subscription | undefined

  constructor(monitor: Monitor, scheduler: SchedulerLike = asyncScheduler) {
    this.#monitor = monitor
    this.#scheduler = scheduler
    this.#history = new History(monitor, scheduler)
  }

  readonly stream = (request: IncomingMessage, response: ServerResponse): void => {
    const headers = { ...commonHeaders, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' }
    const full = this.#pages.size >= mostPages
    response.writeHead(full ? 503 : 200, full ? commonHeaders : headers)
    if (full || request.method === 'HEAD') {
      response.end()
      return
    }
    response.on('error', () => {}) // 'close' follows
    response.once('close', () => this.#leave(response))
    response.write('retry: 1000\n\n')
    response.write(this.#event(true))
    this.#pages.add(response)
    this.#ticks ??= merge(
      interval(everyMs, this.#scheduler),
      this.#monitor.changes$.pipe(auditTime(promptMs, this.#scheduler)),
    ).subscribe(() => this.#sendAll())
  }

  close(): void {
    this.#history.close()
    for (const response of [...this.#pages]) {
      this.#leave(response)
      response.end()
    }
  }

  #leave(response: ServerResponse): void {
    this.#pages.delete(response)
    if (this.#pages.size > 0) return
    this.#ticks?.unsubscribe()
    this.#ticks = undefined
  }

  /** One look for all pages. */
  #sendAll(): void {
    try {
      const event = this.#event(false)
      for (const response of this.#pages) {
        if (response.writableLength > mostWaiting) response.destroy()
        else response.write(event)
      }
    } catch (error) {
      for (const response of this.#pages) response.destroy() // who comes again begins anew
      process.emitWarning(`the page could not be told: ${redact(describeError(error))}`, 'SluiceWarning')
    }
  }

  #event(full: boolean): string {
    const state = pageState(this.#monitor.queries(), this.#history, this.#scheduler.now(), full)
    return `data: ${JSON.stringify(state)}\n\n`
  }
}
