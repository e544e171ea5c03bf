import { Readable } from 'node:stream'
import { asyncScheduler } from 'rxjs'
import { longTimer } from '../../../timer.ts'

/** The beginning of a body, and the body anew: in place of the one given, with all that it had. */
export interface BodyStart {
  readonly bytes: Buffer
  /** Whether `bytes` is all of it. */
  readonly whole: boolean
  readonly body: Readable
}

/** Looks at a body that somebody else is still to read: at `least` so many bytes, unless it ends before. */
export async function startOf(given: Readable, least: number): Promise<BodyStart> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of given.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= least) break
  }
  const bytes = Buffer.concat(chunks, length)
  if (length < least) return { bytes, whole: true, body: bodyOf(bytes) }
  given.unshift(bytes)
  return { bytes, whole: false, body: given }
}

/** A body of bytes that are there. */
export function bodyOf(bytes: Buffer): Readable {
  const body = Readable.from(bytes.length === 0 ? [] : [bytes], { objectMode: false })
  return body.on('error', () => {}) // whoever reads it hears of it, but maybe nobody does
}

/** Rests that are longer, or take longer, aren't read only to keep a connection. */
const drainedBytes = 65_536
const drainedMs = 1_000

/**
 * Throws away what is left of a body: reads it, so that its connection can serve the next request, or gives up the connection.
 * @returns when that is done.
 */
export function discard(body: Readable): Promise<void> {
  let left = drainedBytes
  // Housekeeping: its time is the connection's, not that of who waits.
  const timer = longTimer(drainedMs, asyncScheduler).subscribe(() => body.destroy())
  body.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) body.destroy()
  })
  return new Promise((resolve) => {
    const end = (): void => {
      timer.unsubscribe()
      resolve()
    }
    if (body.closed) end()
    else body.once('close', end)
  })
}

/** Whether somebody is in the midst of reading a body: an open iterator, a pipe, a listener. */
export function isBeingRead(body: Readable): boolean {
  return body.readableFlowing === true || body.listenerCount('readable') > 0
}
