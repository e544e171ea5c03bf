import { once } from 'node:events'
import type { CopyStreamQuery } from 'pg-copy-streams'
import type { PostgresClient } from './client.ts'
import type { Feed, RowBuffer } from './feed.ts'

/** Characters that are sent at once: small pieces cost a message each. */
const pieceSize = 64 * 1024

/** Rows as lines of a COPY. */
export class CopyBuffer implements RowBuffer {
  readonly #encode: (rows: readonly object[]) => string
  #lines: string[] = []
  rows = 0
  size = 0

  constructor(encode: (rows: readonly object[]) => string) {
    this.#encode = encode
  }

  add(rows: readonly object[]): void {
    const lines = this.#encode(rows)
    this.#lines.push(lines)
    this.rows += rows.length
    this.size += lines.length
  }

  /** What it holds, which it then holds no more. */
  take(): string {
    const lines = this.#lines.length === 1 ? (this.#lines[0] as string) : this.#lines.join('')
    this.#lines = []
    this.rows = 0
    this.size = 0
    return lines
  }
}

/** One COPY over the whole transaction, whichever partition a line comes from. */
export class CopyFeed implements Feed<CopyBuffer> {
  readonly #stream: CopyStreamQuery
  readonly #client: PostgresClient
  readonly #failed: Promise<never>
  #isOver = false
  #waiting = ''

  /** @param text the COPY. Nothing else can be asked of the client until it has ended. */
  constructor(client: PostgresClient, text: string) {
    this.#client = client
    this.#stream = client.copyIn(text)
    const { promise, reject } = Promise.withResolvers<never>()
    this.#failed = promise
    promise.catch(() => {}) // heard by the next send
    this.#stream.on('error', (error) => {
      this.#isOver = true
      reject(error)
    })
  }

  async send(buffer: CopyBuffer): Promise<void> {
    this.#waiting += buffer.take()
    if (this.#waiting.length >= pieceSize) await this.#write()
  }

  async end(): Promise<void> {
    if (this.#waiting !== '') await this.#write()
    this.#stream.end()
    await Promise.race([once(this.#stream, 'finish'), this.#failed])
    this.#isOver = true
  }

  async abandon(): Promise<void> {
    this.#waiting = ''
    // The stream of a connection that is gone, or of a COPY that the server has ended, never closes.
    if (this.#isOver || this.#client.isBroken) return
    const closed = once(this.#stream, 'close')
    this.#stream.destroy(new Error('the batch is given up'))
    await Promise.race([closed, this.#failed]).catch(() => {})
  }

  #write(): Promise<void> {
    const piece = Buffer.from(this.#waiting)
    this.#waiting = ''
    const written = new Promise<void>((resolve, reject) => {
      this.#stream.write(piece, (error) => (error ? reject(error) : resolve()))
    })
    return Promise.race([written, this.#failed])
  }
}
