import { type Duration, durationMs, durationRule } from '../../duration.ts'
import { OptionError } from '../../errors.ts'
import { oneOf, required, rules, validateOptions } from '../../options.ts'
import type { Schema } from '../../schema.ts'
import {
  connectionRules,
  connectionSettings,
  type PostgresConnectionOptions,
  type PostgresConnectionSettings,
} from './connection-options.ts'
import { type TableName, tableRule } from './names.ts'

/** Options of `postgresRows`. */
export interface PostgresRowsOptions<Row extends object> extends PostgresConnectionOptions {
  /** A table, or a view whose `id` and `updatedAt` an index of its table can find. */
  readonly table: TableName
  /** The columns to read. */
  readonly schema: Schema<Row>
  /** A unique, indexed column: integers, or with `updatedAt` a uuid as well. */
  readonly id: string
  /**
   * A column that every change of a row sets to its time; never null, with an index on it and `id`. Then changed rows come again. Without it rows are read by
   * `id`, each once: a change is not seen.
   */
  readonly updatedAt?: string
  /**
   * How long after its `id` was given, or after its `updatedAt`, a row may still appear, because its transaction takes so long. A row that takes longer is never
   * read. 0 is right only where rows appear in that order. Required with `updatedAt`. @default 0
   */
  readonly safetyLag?: Duration
  /**
   * `wait`: nothing is read that a transaction which is still open may have begun before; it needs the right to see other sessions (pg_read_all_stats).
   * One session that leaves a transaction open then holds the source back. With `updatedAt` keep a `safetyLag` of a second besides: a transaction is seen a moment after it began. By `id`, they must be given in order: not by a sequence with a CACHE above 1. @default 'ignore'
   */
  readonly openTransactions?: 'ignore' | 'wait'
  /** Where a new query begins: with all rows, or after the greatest `id` (`updatedAt`) that is there; what is smaller and in an open transaction is then left out. @default 'earliest' */
  readonly from?: 'earliest' | 'latest'
  /** Into how many ranges a batch is cut; each is read over a connection of its own. @default 4 */
  readonly partitions?: number
  /** Rows are never changed or deleted, so that reading again brings the same ones. Not with `updatedAt`. @default false */
  readonly appendOnly?: boolean
}

/** The same with its defaults. */
export interface PostgresRowsSettings {
  readonly connection: PostgresConnectionSettings
  readonly table: TableName
  readonly schema: Schema
  readonly id: string
  readonly updatedAt: string | undefined
  readonly lagMs: number
  readonly waitsForTransactions: boolean
  readonly from: 'earliest' | 'latest'
  readonly partitions: number
  readonly repeatable: boolean
}

const owner = 'postgresRows'

/** @throws OptionError */
export function rowsSettings<Row extends object>(options: PostgresRowsOptions<Row>): PostgresRowsSettings {
  validateOptions(owner, options, {
    ...connectionRules,
    table: required(tableRule),
    schema: required(rules.object),
    id: required(rules.string),
    updatedAt: rules.string,
    safetyLag: durationRule,
    openTransactions: oneOf('ignore', 'wait'),
    from: oneOf('earliest', 'latest'),
    partitions: rules.positiveInteger,
    appendOnly: rules.boolean,
  })
  const { table, schema, id, updatedAt, safetyLag, appendOnly = false } = options
  if (updatedAt !== undefined && safetyLag === undefined)
    throw new OptionError(
      `${owner}: option "updatedAt" needs "safetyLag": how long a transaction that sets it may take; a row that appears later is never read`,
    )
  if (updatedAt !== undefined && appendOnly)
    throw new OptionError(`${owner}: option "appendOnly" is for rows read by "id"; with "updatedAt" they change`)
  return {
    connection: connectionSettings(owner, options),
    table,
    schema,
    id,
    updatedAt,
    lagMs: durationMs(safetyLag ?? 0, owner, 'safetyLag'),
    waitsForTransactions: options.openTransactions === 'wait',
    from: options.from ?? 'earliest',
    partitions: options.partitions ?? 4,
    repeatable: appendOnly,
  }
}
