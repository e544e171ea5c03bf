/**
 * Every error that sluice itself raises: one class a code, `retryable` decided at the class, the cause kept.
 * Errors of users' ports are passed through as they are; only their place (query, batch, partition) is added, by {@link QueryError}.
 */
export const errorCodes = {
  option: 'SLUICE_OPTION',
  schema: 'SLUICE_SCHEMA',
  row: 'SLUICE_ROW',
  offset: 'SLUICE_OFFSET',
  offsetRegression: 'SLUICE_OFFSET_REGRESSION',
  port: 'SLUICE_PORT',
  operator: 'SLUICE_OPERATOR',
  pushOverflow: 'SLUICE_PUSH_OVERFLOW',
  stalled: 'SLUICE_STALLED',
  circuitOpen: 'SLUICE_CIRCUIT_OPEN',
  checkpointCorrupt: 'SLUICE_CHECKPOINT_CORRUPT',
  checkpointLocked: 'SLUICE_CHECKPOINT_LOCKED',
  checkpointWrite: 'SLUICE_CHECKPOINT_WRITE',
  leaseLost: 'SLUICE_LEASE_LOST',
  guarantee: 'SLUICE_GUARANTEE',
  commitInDoubt: 'SLUICE_COMMIT_IN_DOUBT',
  query: 'SLUICE_QUERY',
  queryRunning: 'SLUICE_QUERY_RUNNING',
  http: 'SLUICE_HTTP',
  rabbit: 'SLUICE_RABBITMQ',
  rabbitRefused: 'SLUICE_RABBITMQ_REFUSED',
  file: 'SLUICE_FILE',
  fileRefused: 'SLUICE_FILE_REFUSED',
  postgres: 'SLUICE_POSTGRES',
  postgresRefused: 'SLUICE_POSTGRES_REFUSED',
  deltaTable: 'SLUICE_DELTA_TABLE',
  deltaStorage: 'SLUICE_DELTA_STORAGE',
} as const

/** One of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes]

/** Base class. `retryable` says whether doing the same again can help. */
export abstract class SluiceError extends Error {
  abstract readonly code: ErrorCode
  abstract readonly retryable: boolean
  override get name(): string {
    return this.constructor.name
  }
}

/** An option is unknown, missing or has a value that is not allowed. Raised at the call that took the option. */
export class OptionError extends SluiceError {
  readonly code = errorCodes.option
  readonly retryable = false
}

/** A schema can't be parsed, or two schemas don't fit together. */
export class SchemaError extends SluiceError {
  readonly code = errorCodes.schema
  readonly retryable = false
}

/** A row does not fit the schema it was declared with (mode `failFast`). */
export class RowError extends SluiceError {
  readonly code = errorCodes.row
  readonly retryable = false
}

/** An offset holds something an offset may not hold. */
export class OffsetError extends SluiceError {
  readonly code = errorCodes.offset
  readonly retryable = false
}

/** `latestOffset` answered with a position before the one it was given. */
export class OffsetRegressionError extends SluiceError {
  readonly code = errorCodes.offsetRegression
  readonly retryable = false
}

/** A source or a sink broke its calling protocol (no value, two values, rows without progress, …). */
export class PortError extends SluiceError {
  readonly code = errorCodes.port
  readonly retryable = false
}

/** A user's operator would have committed a part of a partition. */
export class OperatorError extends SluiceError {
  readonly code = errorCodes.operator
  readonly retryable = false
}

/** An Observable `read` pushed more chunks than may wait for the writer. */
export class PushOverflowError extends SluiceError {
  readonly code = errorCodes.pushOverflow
  readonly retryable = false
}

/** The watchdog gave an attempt at a partition up, because nothing moved in it. */
export class PartitionStalledError extends SluiceError {
  readonly code = errorCodes.stalled
  readonly retryable = true
}

/** A circuit breaker is open: the call was not made. */
export class CircuitOpenError extends SluiceError {
  readonly code = errorCodes.circuitOpen
  readonly retryable = true
  /** Milliseconds until the next call may go through; `undefined` while that call is under way. */
  readonly retryAfter: number | undefined

  constructor(message?: string, options: ErrorOptions & { readonly retryAfter?: number | undefined } = {}) {
    super(message, options)
    this.retryAfter = options.retryAfter
  }
}

/** A checkpoint is corrupt, truncated, newer than this version, foreign, or has a gap. It was left as it was. */
export class CheckpointCorruptError extends SluiceError {
  readonly code = errorCodes.checkpointCorrupt
  readonly retryable = false
}

/** Another process (or another run in this one) holds the checkpoint's lease. */
export class CheckpointLockedError extends SluiceError {
  readonly code = errorCodes.checkpointLocked
  readonly retryable = true
}

/** A log entry could not be made durable; whether it was written is unknown. Opening the checkpoint again finds out. */
export class CheckpointWriteError extends SluiceError {
  readonly code = errorCodes.checkpointWrite
  readonly retryable = true
}

/** This process lost its lease to another one and writes nothing more. */
export class LeaseLostError extends SluiceError {
  readonly code = errorCodes.leaseLost
  readonly retryable = false
}

/** The guarantee asked for by `require` is more than this source, sink, operators and checkpoint can give. */
export class GuaranteeError extends SluiceError {
  readonly code = errorCodes.guarantee
  readonly retryable = false
}

/** `writer.commit` failed after repeats: whether the sink holds the batch is unknown; a restart finds out. */
export class CommitInDoubtError extends SluiceError {
  readonly code = errorCodes.commitInDoubt
  readonly retryable = true
}

/** The same query was started while it runs. */
export class QueryRunningError extends SluiceError {
  readonly code = errorCodes.queryRunning
  readonly retryable = false
}

/** The broker or the way to it failed: a lost connection, a time-out, a message that was not confirmed. */
export class RabbitError extends SluiceError {
  readonly code = errorCodes.rabbit
  readonly retryable = true
}

/** The broker said no, and would say so again: no permission, no such queue or virtual host, arguments that differ. */
export class RabbitRefusedError extends SluiceError {
  readonly code = errorCodes.rabbitRefused
  readonly retryable = false
}

/** A file or folder can't be read or written now: it is locked, its disk is full or away, permission is missing. */
export class FileError extends SluiceError {
  readonly code = errorCodes.file
  readonly retryable = true
}

/** A file isn't what was planned or expected: changed, overwritten or gone, cut short, not text, a line that is too long. */
export class FileRefusedError extends SluiceError {
  readonly code = errorCodes.fileRefused
  readonly retryable = false
}

/** What the server says of a failed statement, without the values of rows. */
interface PostgresFailure extends ErrorOptions {
  /** Its code of five characters; `undefined` for what the server didn't say. */
  readonly sqlState?: string | undefined
}

/** PostgreSQL or the way to it failed: a lost connection, a time-out, a deadlock, a transaction that could not be serialised. */
export class PostgresError extends SluiceError {
  readonly code = errorCodes.postgres
  readonly retryable = true
  readonly sqlState: string | undefined
  /** The transaction of the batch is gone with all its rows: see {@link restartsBatch}. */
  readonly restartsBatch: boolean

  constructor(message?: string, options: PostgresFailure & { readonly restartsBatch?: boolean } = {}) {
    super(message, options)
    this.sqlState = options.sqlState
    this.restartsBatch = options.restartsBatch ?? false
  }
}

/** PostgreSQL said no, and would say so again: no such table, a value that doesn't fit, a constraint, no permission. */
export class PostgresRefusedError extends SluiceError {
  readonly code = errorCodes.postgresRefused
  readonly retryable = false
  readonly sqlState: string | undefined

  constructor(message?: string, options: PostgresFailure = {}) {
    super(message, options)
    this.sqlState = options.sqlState
  }
}

/** A Delta table that can't be read or written as it is: a feature that isn't supported, a log that is broken, a file that is missing. */
export class DeltaTableError extends SluiceError {
  readonly code = errorCodes.deltaTable
  readonly retryable = false
}

/** A file of a Delta table could not be written or read: a full disk, no permission, a device that fails. */
export class DeltaStorageError extends SluiceError {
  readonly code = errorCodes.deltaStorage
  readonly retryable = true
}

/** Where a query failed. `cause` is the error as it was thrown. */
export class QueryError extends SluiceError {
  readonly code = errorCodes.query
  readonly query: string
  readonly batchId: number | undefined
  readonly partitionId: number | undefined

  constructor(
    message: string,
    at: { query: string; batchId?: number | undefined; partitionId?: number | undefined },
    cause: unknown,
  ) {
    super(message, { cause })
    this.query = at.query
    this.batchId = at.batchId
    this.partitionId = at.partitionId
  }

  /** As retryable as its cause. */
  get retryable(): boolean {
    return isRetryable(this.cause)
  }
}

/** Whether an error is one of sluice's own. */
export function isSluiceError(error: unknown): error is SluiceError {
  return error instanceof SluiceError
}

/**
 * Whether trying again can help. An error says so itself with a boolean property `retryable`;
 * an error that doesn't is taken as transient.
 */
export function isRetryable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('retryable' in error)) return true
  return error.retryable !== false
}

/**
 * Whether a sink has lost what it had of the batch, so that all of its partitions must be written again. An error says so itself
 * with a property `restartsBatch: true`.
 */
export function restartsBatch(error: unknown): boolean {
  if (error instanceof QueryError) return restartsBatch(error.cause)
  return typeof error === 'object' && error !== null && 'restartsBatch' in error && error.restartsBatch === true
}

/** The delay an error asks for before the next attempt (`retryAfter`, milliseconds), or `undefined`. */
export function retryAfterOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('retryAfter' in error)) return undefined
  const { retryAfter } = error
  return typeof retryAfter === 'number' && retryAfter >= 0 && Number.isFinite(retryAfter) ? retryAfter : undefined
}

/** A short text for any thrown value. */
export function describeError(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return Object.prototype.toString.call(error) // an object without a prototype has no text of its own
  }
}
