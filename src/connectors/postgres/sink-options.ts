import { OptionError } from '../../errors.ts'
import { type OptionRule, oneOf, required, rules, validateOptions } from '../../options.ts'
import {
  connectionRules,
  connectionSettings,
  type PostgresConnectionOptions,
  type PostgresConnectionSettings,
} from './connection-options.ts'
import { type TableName, tableRule } from './names.ts'

/** What the log in the sink's database is: `postgresTable(…).checkpoint`. */
export interface PostgresCheckpointOptions {
  /** Tells the logs in one database apart: one query, one name. @default the table's name */
  readonly name?: string
  /** How many finished batches stay in the log, from 2. @default 100 */
  readonly retain?: number
}

/** Options of `postgresTable`. */
export interface PostgresTableOptions extends PostgresConnectionOptions {
  readonly table: TableName
  /**
   * `append`: rows are added, by COPY. `upsert`: a row replaces the one with its key. `insertOnly`: a row whose key is there already is left out.
   * @default 'append'
   */
  readonly mode?: 'append' | 'upsert' | 'insertOnly'
  /** The columns that a row is known by; a unique index must be on them. For `upsert` and `insertOnly`. */
  readonly key?: readonly string[]
  /** A boolean column of the rows that isn't in the table: where it is true, the row with this key is deleted. For `upsert`. */
  readonly deleteFlag?: string
  /** Makes the table with the columns of the schema where there is none. @default false */
  readonly createTable?: boolean
  /** The schema of the database in which ledger and log lie; made where it is missing. @default 'sluice' */
  readonly bookkeeping?: string
  /**
   * Characters of partitions that are under way and held here, in all. A partition that fails before its rows left is tried again by itself; one that fails
   * later takes the whole batch back. The server works while rows are still being made only when they leave: more costs speed. @default 1 Mi
   */
  readonly maxBuffered?: number
  /** The log in the same database; used where `postgresTable(…).checkpoint` is the query's checkpoint. */
  readonly checkpoint?: PostgresCheckpointOptions
}

/** The same with its defaults. */
export interface PostgresTableSettings {
  readonly connection: PostgresConnectionSettings
  readonly table: TableName
  readonly mode: 'append' | 'upsert' | 'insertOnly'
  readonly key: readonly string[]
  readonly deleteFlag: string | undefined
  readonly createTable: boolean
  readonly bookkeeping: string
  readonly maxBuffered: number
  readonly checkpoint: Required<PostgresCheckpointOptions>
}

const owner = 'postgresTable'

const namesRule: OptionRule = {
  expected: 'a list of names of columns, each once',
  accepts: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    value.every((name) => rules.string.accepts(name)) &&
    new Set(value).size === value.length,
}

/** @throws OptionError */
export function tableSettings(options: PostgresTableOptions): PostgresTableSettings {
  validateOptions(owner, options, {
    ...connectionRules,
    table: required(tableRule),
    mode: oneOf('append', 'upsert', 'insertOnly'),
    key: namesRule,
    deleteFlag: rules.string,
    createTable: rules.boolean,
    bookkeeping: rules.string,
    maxBuffered: rules.positiveInteger,
    checkpoint: rules.object,
  })
  const { table, mode = 'append', key = [], deleteFlag, checkpoint = {} } = options
  validateOptions(`${owner}: checkpoint`, checkpoint, {
    name: rules.string,
    retain: { expected: 'an integer from 2', accepts: (value) => Number.isSafeInteger(value) && Number(value) >= 2 },
  })
  if (mode !== 'append' && key.length === 0)
    throw new OptionError(
      `${owner}: mode ${JSON.stringify(mode)} needs option "key", the columns that a row is known by`,
    )
  if (mode === 'append' && key.length > 0)
    throw new OptionError(`${owner}: option "key" is for the modes "upsert" and "insertOnly"; to append needs none`)
  if (deleteFlag !== undefined && mode !== 'upsert')
    throw new OptionError(`${owner}: option "deleteFlag" is for mode "upsert"`)
  if (deleteFlag !== undefined && key.includes(deleteFlag))
    throw new OptionError(`${owner}: option "deleteFlag" can't be a column of the key`)
  return {
    connection: connectionSettings(owner, options),
    table,
    mode,
    key,
    deleteFlag,
    createTable: options.createTable ?? false,
    bookkeeping: options.bookkeeping ?? 'sluice',
    maxBuffered: options.maxBuffered ?? 2 ** 20,
    checkpoint: {
      name: checkpoint.name ?? (typeof table === 'string' ? table : `${table.schema}.${table.name}`),
      retain: checkpoint.retain ?? 100,
    },
  }
}
