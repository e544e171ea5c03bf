// Errors
export { PostgresError, PostgresRefusedError } from '../../errors.ts'

// Connections
export type { PostgresConnectionOptions, PostgresTls } from './connection-options.ts'
export type { TableName } from './names.ts'

// Tables as sinks
export type { PostgresReceipt } from './partition-rows.ts'
export { type PostgresTable, postgresTable } from './sink.ts'
export type { PostgresCheckpointOptions, PostgresTableOptions } from './sink-options.ts'
