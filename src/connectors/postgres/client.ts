import { Socket } from 'node:net'
import pg from 'pg'
import type { CopyStreamQuery } from 'pg-copy-streams'
import { from as copyFrom } from 'pg-copy-streams'
import { firstValueFrom, from, type Observable, timeout } from 'rxjs'
import { describeError, OptionError, PostgresError } from '../../errors.ts'
import type { PostgresConnectionSettings } from './connection-options.ts'
import { postgresError } from './postgres-error.ts'

/** What a statement answered with: rows as arrays of texts or whatever `pg` makes of their types. */
export interface Answer<Row extends object> {
  readonly rows: readonly Row[]
  readonly rowCount: number
}

/**
 * One connection. An error of the way to the server ends it for good; what was under way fails, and nothing else can be asked.
 * Its own socket, so that it can be given up at once, whatever state it is in.
 */
export class PostgresClient {
  readonly #client: pg.Client
  readonly #socket: Socket
  readonly #settings: PostgresConnectionSettings
  #broken: unknown

  private constructor(client: pg.Client, socket: Socket, settings: PostgresConnectionSettings) {
    this.#client = client
    this.#socket = socket
    this.#settings = settings
    client.on('error', (error) => {
      this.#broken ??= error
    })
    client.on('end', () => {
      this.#broken ??= new Error('the connection was closed')
    })
  }

  /** @throws PostgresError, PostgresRefusedError (a wrong password, no such database), OptionError (a file that the URL names can't be read) */
  static async connect(settings: PostgresConnectionSettings): Promise<PostgresClient> {
    const socket = new Socket()
    const client = new PostgresClient(driverOf({ ...settings.client, stream: () => socket }), socket, settings)
    try {
      await within(settings.connectTimeoutMs, client.#client.connect())
      await within(settings.connectTimeoutMs, client.#client.query(settings.session))
      return client
    } catch (error) {
      client.destroy()
      throw postgresError('the connection to PostgreSQL failed', error)
    }
  }

  get isBroken(): boolean {
    return this.#broken !== undefined
  }

  /** Of the server's process for this connection. */
  get processId(): number {
    return (this.#client as pg.Client & { readonly processID: number }).processID
  }

  /**
   * @param what is done: errors begin with it.
   * @throws what the client threw: {@link postgresError} makes one of ours of it.
   */
  async ask<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Answer<Row>> {
    this.#assertUsable()
    const asked = this.#client.query<Row>(text, [...values])
    const { rows, rowCount } = await within(this.#settings.answerTimeoutMs, asked, () => this.destroy())
    return { rows, rowCount: rowCount ?? 0 }
  }

  /** The same, for a statement without values, or several of them. */
  async run(text: string): Promise<void> {
    this.#assertUsable()
    await within(this.#settings.answerTimeoutMs, this.#client.query(text), () => this.destroy())
  }

  /** Begins a COPY from here. The stream fails with the server's error. */
  copyIn(text: string): CopyStreamQuery {
    this.#assertUsable()
    return this.#client.query(copyFrom(text))
  }

  /** Submits what `pg` can run besides texts: a COPY to here. */
  submit<T extends pg.Submittable>(query: T): T {
    this.#assertUsable()
    return this.#client.query(query)
  }

  /** Says good-bye; a server that doesn't hear is left after two seconds. */
  async close(): Promise<void> {
    try {
      await within(2_000, this.#client.end())
    } catch {
      // it is being left anyway
    } finally {
      this.destroy()
    }
  }

  /** Leaves at once: the server rolls back what was open. */
  destroy(): void {
    this.#broken ??= new Error('the connection was given up')
    this.#socket.destroy()
  }

  #assertUsable(): void {
    if (this.#broken === undefined) return
    throw new PostgresError('the connection to PostgreSQL is lost', { cause: this.#broken })
  }
}

/** The driver reads the files that a URL names as soon as it is made. */
function driverOf(config: pg.ClientConfig): pg.Client {
  try {
    return new pg.Client(config)
  } catch (error) {
    // The cause is left out: what the driver says of a URL may hold its password.
    const why =
      error instanceof Error && 'syscall' in error ? describeError(error) : 'the driver does not understand it'
    throw new OptionError(
      `the URL of PostgreSQL can't be used (sslrootcert, sslcert and sslkey name files that must be there): ${why}`,
    )
  }
}

/** @param onTimeout called when there was no answer in time. */
async function within<T>(ms: number, answer: Promise<T>, onTimeout: () => void = () => undefined): Promise<T> {
  if (ms === Infinity) return answer
  const late = (): Observable<never> => {
    onTimeout()
    throw new PostgresError(`no answer from PostgreSQL within ${ms / 1_000} s`)
  }
  return firstValueFrom(from(answer).pipe(timeout({ first: ms, with: late })))
}
