// Errors
export { PostgresError, PostgresRefusedError } from '../../errors.ts'

// Connections
export type { PostgresConnectionOptions } from './connection-options.ts'
export type { ConnectionTls } from '../../connection-tls.ts'
export type { TableName } from './names.ts'

// Tables as sinks
export type { PostgresReceipt } from './partition-rows.ts'
export { type PostgresTable, postgresTable } from './sink.ts'
export type { PostgresCheckpointOptions, PostgresTableOptions } from './sink-options.ts'

// Tables as sources
export type { IdOffset as PostgresIdOffset, TimeOffset as PostgresTimeOffset } from './offsets.ts'
export type { PostgresSlice } from './slice.ts'
export { type PostgresOffset, type PostgresRows, postgresRows } from './source.ts'
export type { PostgresRowsOptions } from './source-options.ts'
