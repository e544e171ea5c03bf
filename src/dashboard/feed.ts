import type { IncomingMessage, ServerResponse } from 'node:http'
import { asyncScheduler, auditTime, interval, merge, type SchedulerLike, type Subscription } from 'rxjs'
import { commonHeaders } from '../metrics/http-server.ts'
import type { Monitor } from '../metrics/monitor.ts'
import { everyMs, History } from './history.ts'
import { pageState } from './state.ts'

/** Something that happened is shown no later than after this, in milliseconds. */
const promptMs = 100

/** A page that doesn't read is left once so many bytes wait for it. */
const mostWaiting = 4 * 2 ** 20

/** Sends pages how queries are doing, as server-sent events: all of it at first, then once a second and promptly when something happens. */
export class Feed {
  readonly #monitor: Monitor
  readonly #scheduler: SchedulerLike
  readonly #history: History
  readonly #open = new Map<ServerResponse, Subscription>()

  constructor(monitor: Monitor, scheduler: SchedulerLike = asyncScheduler) {
    this.#monitor = monitor
    this.#scheduler = scheduler
    this.#history = new History(monitor, scheduler)
  }

  readonly stream = (request: IncomingMessage, response: ServerResponse): void => {
    const headers = { ...commonHeaders, 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' }
    response.writeHead(200, headers)
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    const send = (full: boolean): void => {
      if (response.writableLength > mostWaiting) {
        response.destroy()
        return
      }
      const state = pageState(this.#monitor.queries(), this.#history, this.#scheduler.now(), full)
      response.write(`data: ${JSON.stringify(state)}\n\n`)
    }
    response.write('retry: 1000\n\n')
    send(true)
    const ticks = merge(
      interval(everyMs, this.#scheduler),
      this.#monitor.changes$.pipe(auditTime(promptMs, this.#scheduler)),
    )
    this.#open.set(
      response,
      ticks.subscribe(() => send(false)),
    )
    response.on('error', () => {}) // 'close' follows
    response.once('close', () => {
      this.#open.get(response)?.unsubscribe()
      this.#open.delete(response)
    })
  }

  close(): void {
    this.#history.close()
    for (const [response, subscription] of this.#open) {
      subscription.unsubscribe()
      response.end()
    }
    this.#open.clear()
  }
}
