import type { Readable } from 'node:stream'
import { PortError } from '../../../errors.ts'

/** The beginning of a body, and how to get at the rest. */
export interface BodyBytes {
  readonly start: readonly Uint8Array[]
  /** Whether `start` is all of it. */
  readonly whole: boolean
  /** All of it, once. Ending this early gives up the rest. */
  readonly all: () => AsyncGenerator<Uint8Array>
}

/**
 * Reads a body until it ends or is longer than `limit` bytes; of a longer one a further piece is already asked for.
 *
 * By its events: most bodies are a piece or two, and no iterator is made for them.
 */
export async function readStart(body: Readable, limit: number): Promise<BodyBytes> {
  const start: Uint8Array[] = []
  const whole = await gathered(body, limit, start)
  if (whole) return { start, whole, all: () => pieces(start) }
  const rest = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  const second = rest.next() // shows that the body is being read
  second.catch(() => {}) // it is awaited later, or never
  return {
    start,
    whole,
    async *all() {
      try {
        yield* start
        for (let next = await second; next.done !== true; next = await rest.next()) yield next.value
      } finally {
        await rest.return?.()
      }
    },
  }
}

async function* pieces(bytes: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* bytes
}

/** @returns whether the body has ended. */
function gathered(body: Readable, limit: number, into: Uint8Array[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let length = 0
    const take = (chunk: Uint8Array): void => {
      into.push(chunk)
      length += chunk.byteLength
      if (length <= limit) return
      body.pause()
      settle()
      resolve(false)
    }
    const end = (): void => {
      settle()
      resolve(true)
    }
    const fail = (error: unknown): void => {
      settle()
      reject(error)
    }
    const close = (): void => fail(body.errored ?? new PortError('expected a body, found that it was given up'))
    const settle = (): void => {
      body.off('data', take).off('end', end).off('error', fail).off('close', close)
    }
    if (body.readableEnded) resolve(true)
    else if (body.destroyed) close()
    else body.on('end', end).on('error', fail).on('close', close).on('data', take)
  })
}
