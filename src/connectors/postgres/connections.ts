import { PostgresClient } from './client.ts'
import type { PostgresConnectionSettings } from './connection-options.ts'

/** Connections of one reader, used again: as many as are in use at a time. */
export class Connections {
  readonly #settings: PostgresConnectionSettings
  readonly #idle: PostgresClient[] = []
  #isClosed = false

  constructor(settings: PostgresConnectionSettings) {
    this.#settings = settings
  }

  async take(): Promise<PostgresClient> {
    for (let client = this.#idle.pop(); client !== undefined; client = this.#idle.pop())
      if (!client.isBroken) return client
    return PostgresClient.connect(this.#settings)
  }

  giveBack(client: PostgresClient): void {
    if (client.isBroken) return
    if (this.#isClosed) void client.close()
    else this.#idle.push(client)
  }

  async with<T>(work: (client: PostgresClient) => Promise<T>): Promise<T> {
    const client = await this.take()
    try {
      return await work(client)
    } finally {
      this.giveBack(client)
    }
  }

  /** Leaves a connection in the middle of a statement, which the server is told to end: of a connection that is gone it hears only when it writes. */
  async abandon(client: PostgresClient): Promise<void> {
    client.destroy()
    try {
      await this.with((other) => other.ask('SELECT pg_cancel_backend($1)', [client.processId]))
    } catch {
      // The server is away, or its process has ended.
    }
  }

  /** Those that are in use are closed when they are given back: an idle one would keep the process alive. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all(this.#idle.splice(0).map((client) => client.close()))
  }
}
