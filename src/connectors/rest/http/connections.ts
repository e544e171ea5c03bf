import { Socket } from 'node:net'
import { Agent, buildConnector, type Dispatcher, errors } from 'undici'
import { Line } from './line.ts'
import type { ClientSettings } from './options.ts'
import type { Receiver } from './receiver.ts'
import type { tlsConnect } from './tls.ts'

type Settings = Pick<ClientSettings, 'connectMs' | 'headersMs' | 'idleMs' | 'connections'>

/** A request to an origin. */
export type Dispatched = Pick<Dispatcher.DispatchOptions, 'path' | 'method' | 'headers' | 'body'> & {
  readonly origin: string
}

/**
 * The connections to every origin, and who waits for one.
 *
 * undici would let requests wait, too, but what `dispatch` gave it stays in its queue, body and all, until a connection is free, also when nobody wants it any more; and a connection
 * that was begun for it is made to the end.
 */
export class Connections {
  readonly #agent: Agent
  readonly #most: number
  readonly #lines = new Map<string, Line>()
  readonly #connecting = new Set<Socket>()
  /** The connection that was begun last. */
  #begun: Socket | undefined

  constructor({ connections, connectMs, headersMs, idleMs }: Settings, tls: ReturnType<typeof tlsConnect>) {
    this.#most = connections
    // With one request a connection, `connections` is what it says, and a broken one breaks one request.
    const allowH2 = false
    const connect = buildConnector({ ...tls, timeout: connectMs, allowH2 } as buildConnector.BuildOptions)
    this.#agent = new Agent({
      connections,
      connect: (options, callback) => this.#connect(connect, options, callback),
      headersTimeout: headersMs,
      bodyTimeout: idleMs,
      allowH2,
    })
  }

  /** @returns takes the request back while it waits for a connection, or for one that is being made; does nothing later. Tell the receiver first. */
  send(request: Dispatched, receiver: Receiver): () => void {
    const line = this.#lineOf(request.origin)
    let begun: Socket | undefined
    const leaveLine = line.wait(() => {
      receiver.whenOver(() => {
        line.leave()
        // Redirects may lead to ever new origins.
        if (line.isIdle) this.#lines.delete(request.origin)
      })
      this.#begun = undefined
      this.#agent.dispatch(request, receiver)
      begun = this.#begun
    })
    return () => {
      leaveLine()
      if (begun !== undefined) this.#giveUp(begun)
    }
  }

  async destroy(): Promise<void> {
    for (const socket of this.#connecting) this.#giveUp(socket)
    await this.#agent.destroy()
  }

  #connect(
    connect: buildConnector.connector,
    options: buildConnector.Options,
    callback: buildConnector.Callback,
  ): void {
    // By its types it gives nothing.
    const socket: unknown = connect(options, (...made) => {
      if (socket instanceof Socket) this.#connecting.delete(socket)
      if (made[1] instanceof Socket) noEndByReset(made[1])
      callback(...made)
    })
    if (!(socket instanceof Socket)) return
    this.#connecting.add(socket)
    this.#begun = socket
  }

  #giveUp(socket: Socket): void {
    if (this.#connecting.has(socket)) socket.destroy(new errors.RequestAbortedError())
  }

  #lineOf(origin: string): Line {
    const known = this.#lines.get(origin)
    if (known !== undefined) return known
    const line = new Line(this.#most)
    this.#lines.set(origin, line)
    return line
  }
}

/**
 * By its code undici takes a reset for the end of a body that goes on until the connection ends, and lines that end with a row would be all there were. To other clients (curl, Node's own) it
 * is an error. That the connection was closed in good order is all that can be asked for.
 */
function noEndByReset(socket: Socket): void {
  socket.once('error', (error: NodeJS.ErrnoException) => {
    const { code } = error
    if (code !== 'ECONNRESET') return
    delete error.code
    queueMicrotask(() => {
      error.code = code
    })
  })
}
