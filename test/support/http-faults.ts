import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { type FullAnswer, type ReceivedRequest, send } from './http-server.ts'

/** What a fault has in its hands. `answer` runs the route: a fault that doesn't call it leaves the request without effect. */
export interface FaultCall {
  readonly request: ReceivedRequest
  readonly answer: () => Promise<FullAnswer | 'reset'>
  readonly response: ServerResponse
}

/** Goes wrong in place of an answer. */
export type Fault = (call: FaultCall) => void | Promise<void>

/** Another status; the request has no effect. A body that isn't text is sent as JSON. */
export function status(
  code: number,
  headers: OutgoingHttpHeaders = {},
  body: unknown = { error: `status ${code}` },
): Fault {
  return ({ response }) => {
    const isText = typeof body === 'string'
    const bytes = Buffer.from(isText ? body : JSON.stringify(body))
    send(response, {
      status: code,
      headers: { ...(!isText && { 'content-type': 'application/json' }), ...headers },
      body: bytes,
    })
  }
}

/** 429 with `Retry-After` in seconds, or as an HTTP date. */
export function tooManyRequests(retryAfter: number | Date, headers: OutgoingHttpHeaders = {}): Fault {
  const value = typeof retryAfter === 'number' ? String(retryAfter) : retryAfter.toUTCString()
  return status(429, { 'retry-after': value, ...headers })
}

/** The connection is cut before anything was said. */
export function resetBeforeHeaders(): Fault {
  return ({ response }) => {
    response.destroy()
  }
}

/** Takes effect, and then the connection is cut before anything was said. */
export function resetAfterEffect(): Fault {
  return async ({ answer, response }) => {
    await answer()
    response.destroy()
  }
}

/** The connection is cut in the midst of the body, whose length was said (`content-length`) or not (chunked). */
export function resetMidBody({
  length = true,
  after = 0.5,
}: {
  readonly length?: boolean
  readonly after?: number
} = {}): Fault {
  return withAnswer(async (full, response) => {
    response.writeHead(full.status, { ...full.headers, ...(length && { 'content-length': full.body.length }) })
    await written(response, full.body.subarray(0, Math.floor(full.body.length * after)))
    response.destroy()
  })
}

/** The body ends early, and HTTP has nothing to object: no length, closed with the connection, or a length that fits what is there. */
export function truncated({
  after = 0.5,
  close = false,
}: {
  readonly after?: number
  readonly close?: boolean
} = {}): Fault {
  return withAnswer((full, response) => {
    const body = full.body.subarray(0, Math.floor(full.body.length * after))
    if (!close) return send(response, { ...full, body })
    response.useChunkedEncodingByDefault = false
    response.writeHead(full.status, { ...full.headers, connection: 'close' }).end(body)
  })
}

/** The body arrives by `bytes` every `everyMs`; with `stallAfter`, so many bytes arrive and then nothing more, until the client leaves. */
export function slow({
  bytes = 1,
  everyMs = 10,
  stallAfter = Infinity,
}: {
  readonly bytes?: number
  readonly everyMs?: number
  readonly stallAfter?: number
} = {}): Fault {
  return withAnswer(async (full, response) => {
    response.writeHead(full.status, { ...full.headers, 'content-length': full.body.length })
    response.flushHeaders()
    const gone = closed(response)
    for (let at = 0; at < full.body.length; at += bytes) {
      if (at >= stallAfter) return gone.wait
      response.write(full.body.subarray(at, at + Math.min(bytes, stallAfter - at)))
      await Promise.race([sleep(everyMs), gone.wait])
      if (gone.is()) return
    }
    response.end()
  })
}

/** Nothing is said, until the client leaves or `ms` are over. */
export function silence(ms = Infinity): Fault {
  return async ({ answer, response }) => {
    const gone = closed(response)
    await (ms === Infinity ? gone.wait : Promise.race([sleep(ms), gone.wait]))
    if (!gone.is()) send(response, await answer())
  }
}

/** The same body under another `content-type`. */
export function typed(contentType: string): Fault {
  return withAnswer((full, response) =>
    send(response, { ...full, headers: { ...full.headers, 'content-type': contentType } }),
  )
}

/** More headers. */
export function headers(more: OutgoingHttpHeaders): Fault {
  return withAnswer((full, response) => send(response, { ...full, headers: { ...full.headers, ...more } }))
}

const compressors = {
  gzip: gzipSync,
  br: brotliCompressSync,
  deflate: deflateSync,
  /** What some servers mean by it. */
  'raw deflate': deflateRawSync,
  zstd: zstdCompressSync,
} as const

/** The body compressed; `after`: only that share of the compressed bytes, under a length that fits. */
export function compressed(by: keyof typeof compressors, { after = 1 }: { readonly after?: number } = {}): Fault {
  return withAnswer((full, response) => {
    const body = compressors[by](full.body)
    const encoding = by === 'raw deflate' ? 'deflate' : by
    send(response, {
      ...full,
      headers: { ...full.headers, 'content-encoding': encoding },
      body: body.subarray(0, Math.floor(body.length * after)),
    })
  })
}

/** A redirect; the request has no effect. */
export function redirect(location: string, code = 302): Fault {
  return status(code, { location }, '')
}

/** Several, one after the other: the first befalls the first request it is asked for, and so on; then all is well. */
export function inTurn(...faults: readonly Fault[]): Fault {
  let next = 0
  const well = withAnswer((full, response) => send(response, full))
  return (call) => (faults[next++] ?? well)(call)
}

function withAnswer(handle: (full: FullAnswer, response: ServerResponse) => void | Promise<void>): Fault {
  return async ({ answer, response }) => {
    const full = await answer()
    if (full === 'reset') response.destroy()
    else await handle(full, response)
  }
}

/** Resolves when the bytes have left for the system. */
function written(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    response.write(bytes, () => resolve())
  })
}

function closed(response: ServerResponse): { readonly wait: Promise<void>; readonly is: () => boolean } {
  const wait = new Promise<void>((resolve) => {
    response.once('close', resolve)
  })
  return { wait, is: () => response.destroyed }
}
