import { connect, createServer, type Socket } from 'node:net'

/** What becomes of bytes on their way. */
export type ProxyMode =
  /** They pass. */
  | 'pass'
  /** Nothing is read any more, so the sender's buffers fill up; what came before `pass` arrives then. */
  | 'stall'
  /** They are read, and are gone. */
  | 'swallow'
  /** What the client sends arrives and takes effect; what the server answers is gone. */
  | 'half-open'
  /** New connections are reset at once; those that are there pass. */
  | 'refuse'

/** A network between a client and a server, to be broken in every way. */
export interface FaultyProxy extends AsyncDisposable {
  /** On 127.0.0.1. */
  readonly port: number
  /** The same address behind this proxy. */
  readonly url: (url: string) => string
  /** Connections that are there now. */
  readonly connections: number
  /** All that were ever made. */
  readonly accepted: number
  /** For bytes in both directions, of those that are there and of new ones. */
  readonly mode: (mode: ProxyMode) => void
  /** Of every piece, in milliseconds. 0: none. */
  readonly delay: (delayMs: number) => void
  /** Ends all connections at once, by a reset. */
  readonly cut: () => void
  /** Ends all connections, and listens no more. */
  readonly close: () => Promise<void>
}

/**
 * Stands between a client and a server: listens on a free port of loopback, passes everything on to the target, and breaks the connection when it is told to.
 *
 * ```ts
 * await using proxy = await faultyProxy({ host: '127.0.0.1', port: 5672 })
 * const url = proxy.url('amqp://guest:guest@127.0.0.1:5672')
 * proxy.mode('swallow') // the connection looks alive, and nothing arrives any more
 * ```
 *
 * Bytes that came before a mode was set may be on their way still. Close it, or leave that to `await using`.
 * @param target where it connects to, for each connection that it is offered.
 */
export async function faultyProxy({
  host = '127.0.0.1',
  port,
}: {
  /** @default '127.0.0.1' */
  readonly host?: string
  readonly port: number
}): Promise<FaultyProxy> {
  const sockets = new Set<Socket>()
  const orphans = new Set<Socket>()
  let mode: ProxyMode = 'pass'
  let delayMs = 0
  let accepted = 0

  const isSilent = (): boolean => mode === 'stall' || mode === 'swallow' || mode === 'half-open'
  const lines = new Set<DelayLine>()
  const forward = (from: Socket, to: Socket, answers: boolean): void => {
    const line = new DelayLine()
    lines.add(line)
    from.on('data', (bytes) => {
      if (mode === 'swallow' || (mode === 'half-open' && answers)) return
      const send = (): void => {
        if (!to.destroyed && !to.write(bytes)) {
          from.pause()
          to.once('drain', () => mode !== 'stall' && from.resume())
        }
      }
      line.after(delayMs, send)
    })
    // An end doesn't overtake what is on its way.
    from.on('end', () => line.after(delayMs, () => !isSilent() && to.end()))
    from.on('error', () => reset(to))
    from.on('close', (failed) => {
      sockets.delete(from)
      const tell = (): void => {
        // A dead network tells nobody; what was left open ends when it is alive again.
        if (!isSilent()) to.destroy()
        else if (!to.destroyed) orphans.add(to)
      }
      if (failed) tell()
      else line.after(delayMs, tell)
    })
    to.on('close', () => {
      line.drop()
      lines.delete(line)
    })
  }

  const server = createServer((client) => {
    if (mode === 'refuse') {
      reset(client)
      return
    }
    accepted++
    const upstream = connect({ host, port })
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      if (mode === 'stall') socket.pause()
    }
    forward(client, upstream, false)
    forward(upstream, client, true)
    if (mode === 'stall') for (const socket of [client, upstream]) socket.pause()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a TCP port')

  const close = async (): Promise<void> => {
    if (!server.listening) return
    for (const socket of [...sockets, ...orphans]) socket.destroy()
    for (const line of lines) line.drop()
    await new Promise((resolve) => server.close(resolve))
  }
  return {
    port: address.port,
    url: (url) => {
      const through = new URL(url)
      through.hostname = '127.0.0.1'
      through.port = String(address.port)
      return through.href
    },
    get connections() {
      return Math.ceil(sockets.size / 2)
    },
    get accepted() {
      return accepted
    },
    mode: (next) => {
      mode = next
      if (next === 'pass') {
        for (const socket of orphans) socket.destroy()
        orphans.clear()
      }
      for (const socket of sockets) {
        if (next === 'stall') socket.pause()
        else socket.resume()
      }
    },
    delay: (next) => {
      delayMs = next
    },
    cut: () => {
      for (const socket of sockets) reset(socket)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** What is on its way in one direction, in order, also when the delay changes meanwhile. */
class DelayLine {
  readonly #waiting: { readonly due: number; readonly work: () => void }[] = []
  #timer: NodeJS.Timeout | undefined
  #isDropped = false

  after(delayMs: number, work: () => void): void {
    if (this.#isDropped) return
    if (delayMs === 0 && this.#waiting.length === 0) {
      work()
      return
    }
    this.#waiting.push({ due: performance.now() + delayMs, work })
    this.#timer ??= setTimeout(() => this.#deliver(), delayMs)
  }

  /** For good: nobody is there any more to whom it could go. */
  drop(): void {
    this.#isDropped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#waiting.length = 0
  }

  #deliver(): void {
    this.#timer = undefined
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const wait = next.due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#deliver(), Math.ceil(wait))
        return
      }
      this.#waiting.shift()
      next.work()
    }
  }
}

/** Node can't reset a socket whose end is just being told to the other side: it takes it for closed, keeps its handle, and a process with such a handle never exits. */
function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
