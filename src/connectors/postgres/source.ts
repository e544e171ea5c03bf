import type { BatchSource, StreamSource } from '../../data-source.ts'
import { OptionError, SchemaError } from '../../errors.ts'
import type { BatchReader, ReadContext, ReplayableReader } from '../../source.ts'
import { ById } from './by-id.ts'
import { ByTime } from './by-time.ts'
import type { PostgresClient } from './client.ts'
import { type ColumnValue, columnValues } from './column-value.ts'
import { Connections } from './connections.ts'
import { quoted, quotedTable } from './names.ts'
import type { IdOffset, TimeOffset } from './offsets.ts'
import { postgresError, sqlStateOf } from './postgres-error.ts'
import { readCopy } from './read-copy.ts'
import { assertSeesTransactions } from './settled.ts'
import { type PostgresSlice, sliceQuery } from './slice.ts'
import { type PostgresRowsOptions, type PostgresRowsSettings, rowsSettings } from './source-options.ts'

/** What a query read up to: by `id`, or by `updatedAt`. */
export type PostgresOffset = IdOffset | TimeOffset

/** A table as a source, of streams and to be read once. */
export interface PostgresRows<Row extends object>
  extends StreamSource<PostgresOffset, PostgresSlice, Row>,
    BatchSource<PostgresSlice, Row> {
  readonly name: 'postgres_rows'
}

const owner = 'postgresRows'

/** What a batch takes when the query sets no limit: the sink holds a transaction open for it. */
const defaultLimit = { maxRows: 100_000 }

/**
 * The rows of a table, by ranges of `id`, or with `updatedAt` by changes. Ranges are read side by side by COPY, a piece at a time: memory doesn't grow with
 * the table. Nothing is counted: a plan asks for the smallest and the greatest id. Gaps between ids and ranges with few or many rows do no harm.
 *
 * Hazards: rows appear when their transaction commits, not when they get their id or time; see `safetyLag` and `openTransactions`. Ranges are read one after the other in
 * statements of their own: a batch is no snapshot, and a row that is changed or deleted between plan and read comes as it is then, or not at all. With `updatedAt` it comes again.
 * Deleted rows are not seen. Times have microseconds there and milliseconds here; offsets keep all digits.
 * @throws OptionError
 */
export function postgresRows<Row extends object>(options: PostgresRowsOptions<Row>): PostgresRows<Row> {
  const settings = rowsSettings(options)
  return {
    name: 'postgres_rows',
    schema: options.schema,
    streamReader: () => streamReader<Row>(settings),
    reader: () => batchReader<Row>(settings),
  }
}

function streamReader<Row extends object>(
  settings: PostgresRowsSettings,
): ReplayableReader<PostgresOffset, PostgresSlice, Row> {
  const table = new TableReader(settings)
  const { updatedAt } = settings
  const shared = {
    kind: 'replayable',
    repeatable: settings.repeatable,
    defaultLimit,
    read: (slice: PostgresSlice, context: ReadContext) => table.read<Row>(slice, context),
    stop: () => table.stop(),
  } as const
  if (updatedAt === undefined) {
    const positions = new ById(table.planning, settings)
    const ports: ReplayableReader<IdOffset, PostgresSlice, Row> = {
      ...shared,
      initialOffset: () => table.checked(() => positions.initialOffset()),
      latestOffset: (start, limit) => table.checked(() => positions.latestOffset(start, limit)),
      reportLatestOffset: () => table.checked(() => positions.reportLatestOffset()),
      partitions: (start, end) => table.checked(() => positions.partitions(start, end)),
      compare: ById.compare,
      distance: (from, to) => table.checked(() => positions.distance(from, to)),
    }
    return ports as ReplayableReader<PostgresOffset, PostgresSlice, Row>
  }
  const positions = new ByTime(table.planning, settings, updatedAt)
  const ports: ReplayableReader<TimeOffset, PostgresSlice, Row> = {
    ...shared,
    initialOffset: () => table.checked(() => positions.initialOffset()),
    latestOffset: (start, limit) => table.checked(() => positions.latestOffset(start, limit)),
    reportLatestOffset: () => table.checked(() => positions.reportLatestOffset()),
    partitions: (start, end) => table.checked(() => positions.partitions(start, end)),
    compare: ByTime.compare,
  }
  return ports as ReplayableReader<PostgresOffset, PostgresSlice, Row>
}

function batchReader<Row extends object>(settings: PostgresRowsSettings): BatchReader<PostgresSlice, Row> {
  const table = new TableReader({ ...settings, waitsForTransactions: false }, true)
  return {
    partitions: () =>
      table.checked(async (idType) => {
        if (!integers.has(idType)) return [{ all: true }]
        return new ById(table.planning, settings).all()
      }),
    read: (slice, context) => table.read<Row>(slice, context),
    stop: () => table.stop(),
  }
}

const integers = new Set(['smallint', 'integer', 'bigint'])

/** SQLSTATE of a statement that took longer than it may. */
const queryCanceled = '57014'

/** Connections to plan with and to read with, and what was found out about the table. */
class TableReader {
  readonly planning: Connections
  readonly #reading: Connections
  readonly #settings: PostgresRowsSettings
  readonly #columns: readonly ColumnValue[]
  readonly #readsAll: boolean
  #idType: Promise<string> | undefined

  /** @param readsAll whatever the time of a row is. */
  constructor(settings: PostgresRowsSettings, readsAll = false) {
    this.#settings = settings
    this.#readsAll = readsAll
    this.#columns = columnValues(owner, settings.schema.fields)
    const { connection } = settings
    this.planning = new Connections(connection)
    // A range takes as long as the sink does.
    const session = `${connection.session}; SET statement_timeout = 0`
    this.#reading = new Connections({ ...connection, session, answerTimeoutMs: Infinity })
  }

  /** Looks at the table once, before anything is asked of it. */
  async checked<T>(work: (idType: string) => Promise<T> | T): Promise<T> {
    try {
      this.#idType ??= this.#check()
      const idType = await this.#idType.catch((error: unknown) => {
        this.#idType = undefined
        throw error
      })
      return await work(idType)
    } catch (error) {
      throw postgresError(`${owner}: ${quotedTable(this.#settings.table)} can't be asked`, error)
    }
  }

  async *read<Row extends object>(
    slice: PostgresSlice,
    { signal, report }: ReadContext,
  ): AsyncGenerator<readonly Row[], void, undefined> {
    signal.throwIfAborted()
    const client = await this.#reading.take()
    const abort = () => client.destroy()
    signal.addEventListener('abort', abort)
    let finished = false
    try {
      const expressions = this.#columns.map(({ expression }) => expression)
      const query = sliceQuery(this.#settings, expressions, slice)
      const chunks = readCopy(client, query, this.#columns, (bytes) => report({ bytes }))
      for await (const chunk of chunks) yield chunk as readonly Row[]
      finished = true
    } finally {
      signal.removeEventListener('abort', abort)
      if (finished) this.#reading.giveBack(client)
      else await this.#reading.abandon(client)
    }
  }

  async stop(): Promise<void> {
    await Promise.all([this.planning.close(), this.#reading.close()])
  }

  async #check(): Promise<string> {
    const { table, id, updatedAt, schema, waitsForTransactions } = this.#settings
    return this.planning.with(async (client) => {
      if (waitsForTransactions) await assertSeesTransactions(client)
      const { rows } = await client.ask<{ name: string; type: string }>(
        'SELECT attname AS name, format_type(atttypid, -1) AS type FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum',
        [quotedTable(table)],
      )
      const types = new Map(rows.map(({ name, type }) => [name, type]))
      if (types.size === 0) throw new SchemaError(`${owner}: there is no table ${quotedTable(table)}`)
      const wanted = [...schema.fields.map(({ name }) => name), id, ...(updatedAt === undefined ? [] : [updatedAt])]
      const missing = wanted.find((name) => !types.has(name))
      if (missing !== undefined)
        throw new SchemaError(
          `${owner}: table ${quotedTable(table)} has no column ${JSON.stringify(missing)}; its columns: ${[...types].map((pair) => pair.join(' ')).join(', ')}`,
        )
      const idType = types.get(id) ?? ''
      if (!integers.has(idType) && (updatedAt === undefined || idType !== 'uuid'))
        throw new OptionError(
          `${owner}: column ${JSON.stringify(id)} is of type ${idType}; expected an integer as "id", or with "updatedAt" a uuid`,
        )
      const timeType = updatedAt === undefined ? undefined : types.get(updatedAt)
      if (timeType !== undefined && !timeType.startsWith('timestamp'))
        throw new OptionError(
          `${owner}: column ${JSON.stringify(updatedAt)} is of type ${timeType}; expected a timestamp`,
        )
      if (!this.#readsAll && updatedAt !== undefined) await this.#warnOfTimes(client, updatedAt)
      return idType
    })
  }

  /**
   * Such rows have no place in the order of times, or one that is never reached. An index that begins with the time finds them at once; without one the whole table is
   * looked at, and that this takes too long is no reason not to start.
   */
  async #warnOfTimes(client: PostgresClient, updatedAt: string): Promise<void> {
    const [table, time] = [quotedTable(this.#settings.table), quoted(updatedAt)]
    const warn = (what: string): void =>
      process.emitWarning(
        `${owner}: ${what}; rows whose ${time} is null or infinity are never read by the option "updatedAt"`,
        'SluiceWarning',
      )
    try {
      const { rows } = await client.ask<{ found: boolean }>(
        `SELECT EXISTS (SELECT FROM ${table} WHERE ${time} IS NULL) OR EXISTS (SELECT FROM ${table} WHERE ${time} = 'infinity') AS found`,
      )
      if (rows[0]?.found === true) warn(`${table} has rows without a time to read them by`)
    } catch (error) {
      if (sqlStateOf(error) !== queryCanceled) throw error
      warn(
        `whether ${table} has rows without a time to read them by could not be found out within the option "statementTimeout"; an index on ${time} would help`,
      )
    }
  }
}
