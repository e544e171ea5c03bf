import { Readable } from 'node:stream'
import { type Dispatcher, errors } from 'undici'

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number
  /** Names in lower case; repeated headers joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readable
}

const bufferedBytes = 65_536

/**
 * Receives the answer to one request. In place of undici's `request`, whose requests hold each other, the older the younger, and what hangs on them, until the garbage collector looks
 * at everything: young pages that nobody needs any more are moved in memory again and again, which takes a quarter of the processor's time.
 */
export class Receiver implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: RawAnswer) => void
  readonly #reject: (error: unknown) => void
  #controller: Dispatcher.DispatchController | undefined
  #body: Readable | undefined
  #aborted: { readonly reason: Error } | undefined
  #over: (() => void) | undefined

  constructor(resolve: (answer: RawAnswer) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** @param over called once, soon after nothing more of the answer can come: not from within undici's parser, which must not be entered twice. */
  whenOver(over: () => void): void {
    this.#over = over
  }

  /** Gives up the request, or the body. One that still waits for a connection is given up when it gets one, before it is sent. */
  abort(reason: unknown): void {
    const error = reason instanceof Error ? reason : new errors.RequestAbortedError()
    this.#aborted ??= { reason: error }
    if (this.#body !== undefined) this.#body.destroy(error)
    else this.#controller?.abort(error)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted !== undefined) controller.abort(this.#aborted.reason)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Dispatcher.ResponseData['headers'],
  ): void {
    if (status < 200) return
    const body = new Readable({
      highWaterMark: bufferedBytes,
      read: () => controller.resume(),
      destroy: (error, callback) => {
        if (error === null && body.readableEnded) return callback(null)
        const reason = error ?? new errors.RequestAbortedError()
        controller.abort(reason)
        callback(reason)
      },
    })
    body.on('error', () => {}) // whoever reads the body hears of it, but maybe nobody does
    this.#body = body
    this.#resolve({ status, headers: joined(headers), body })
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#body?.destroyed === false && !this.#body.push(chunk)) controller.pause()
  }

  onResponseEnd(): void {
    this.#body?.push(null)
    this.#end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#body === undefined) this.#reject(error)
    else this.#body.destroy(error)
    this.#end()
  }

  #end(): void {
    if (this.#over !== undefined) queueMicrotask(this.#over)
    this.#over = undefined
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
