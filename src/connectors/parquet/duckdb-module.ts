/** What is used of the package `@duckdb/node-api`: pass the package itself, `import * as duckdb from '@duckdb/node-api'`. */
export interface DuckDb {
  readonly DuckDBInstance: {
    create(path: string, options: Record<string, string>): Promise<DuckDbInstance>
  }
  readonly DuckDBDataChunk: { create(types: readonly unknown[], rowCount?: number): DuckDbChunk }
  readonly DuckDBTimestampTZValue: new (micros: bigint) => unknown
  readonly DuckDBDateValue: new (days: number) => unknown
  readonly DuckDBDecimalValue: new (value: bigint, width: number, scale: number) => unknown
  readonly DuckDBBlobValue: new (bytes: Uint8Array) => unknown
  readonly DuckDBListValue: new (items: never) => unknown
  readonly DuckDBStructValue: new (entries: never) => unknown
  readonly DuckDBMapValue: new (entries: never) => unknown
}

/** A database of DuckDB's. */
export interface DuckDbInstance {
  connect(): Promise<DuckDbConnection>
  closeSync(): void
}

/** A connection to it. */
export interface DuckDbConnection {
  run(sql: string): Promise<unknown>
  runAndReadAll(sql: string): Promise<{ getRowObjectsJson(): readonly unknown[] }>
  createAppender(table: string): Promise<DuckDbAppender>
  closeSync(): void
}

/** Takes rows into a table. */
export interface DuckDbAppender {
  readonly columnCount: number
  columnType(column: number): unknown
  appendDataChunk(chunk: unknown): void
  flushSync(): void
  closeSync(): void
}

/** At most 2,048 rows, by column. */
export interface DuckDbChunk {
  setColumns(columns: readonly (readonly unknown[])[]): void
}
