// Streams and queries

export type { Batch, BatchOutcome, PartitionContext, PlannedBatch } from './batch.ts'
// Pipelines by hand, from `sluice/operators`
export { Attempt, BatchRun, PartitionTask } from './batch-run.ts'
// Checkpoints
export type { Checkpoint, CheckpointSession, LogRecord, Recovered } from './checkpoint/checkpoint.ts'
export { fileCheckpoint } from './checkpoint/file.ts'
export { memoryCheckpoint } from './checkpoint/memory.ts'
export { sqliteCheckpoint } from './checkpoint/sqlite.ts'
export type { ConsoleOptions } from './connectors/console/options.ts'
export { console } from './connectors/console/sink.ts'
export { forEachBatch } from './connectors/for-each-batch/sink.ts'
export { type JsonRow, readJsonLines } from './connectors/json-lines/read.ts'
export { jsonLines } from './connectors/json-lines/sink.ts'
export type { MemoryStreamOptions } from './connectors/memory/options.ts'
export { type MemorySink, memorySink } from './connectors/memory/sink.ts'
export { type MemoryStream, memoryStream } from './connectors/memory/source.ts'
export { noop } from './connectors/noop/sink.ts'
// Built-in sources and sinks
export type { RateOptions } from './connectors/rate/options.ts'
export { type RateOffset, type RatePartition, type RateRow, rate } from './connectors/rate/source.ts'
// Sources and sinks of your own
export {
  type BatchSource,
  type BoundSink,
  type DataSource,
  defineDataSource,
  type StreamSink,
  type StreamSource,
} from './data-source.ts'
export type { DeadLetter } from './dead-letter.ts'
export { deterministic } from './deterministic.ts'
export { type Duration, durationMs } from './duration.ts'
// Errors
export * from './errors.ts'
export type { PartitionFigures, Phase, QueryEvent, QueryEventBody } from './events.ts'
export {
  computeGuarantee,
  type Guarantee,
  type GuaranteeInput,
  type GuaranteeLevel,
  guaranteeLevels,
} from './guarantee.ts'
export { epochMs, type Instant, isoText } from './instant.ts'
export { type JournalOptions, type JournalPartition, journaled } from './journaled.ts'
export { toApiRange } from './offsets/api-range.ts'
export { keysetOffset } from './offsets/keyset.ts'
export { integerOrder, naturalOrder } from './offsets/order.ts'
export { perKeyOffset } from './offsets/per-key.ts'
// Positions and slices, for sources of your own
export type { Positions } from './offsets/positions.ts'
export { seenKeysOffset } from './offsets/seen-keys.ts'
export { sequenceOffset } from './offsets/sequence.ts'
export { timeOffset } from './offsets/time.ts'
export { byDuration, byIdRange, byList, type Cut, type Range } from './partition.ts'
export type { PartitionProgress, QueryProgress, SourceProgress } from './progress.ts'
export { QueryLog } from './query-log.ts'
export type { LimitOptions, QueryOptions, RestartOptions } from './query-options.ts'
export { QueryRun, type QueryStatus } from './query-run.ts'
export type { Result } from './result.ts'
export { type RetryPolicy, retryDelay } from './retry.ts'
export type { RowShape } from './row.ts'
export { type RunContext, runContext } from './run-context.ts'
// Rows and schemas
export {
  type DataType,
  type DdlError,
  type Field,
  type FieldDefinition,
  type RowOf,
  rowChecker,
  type Schema,
  type SimpleKind,
  schema,
  type TypeDefinition,
  toSparkJson,
} from './schema.ts'
export type { ReplayableSimpleReader, SimplePartition } from './simple-reader.ts'
export type { PartitionWriter, StartContext, StreamWriter, WriteContext, WriterGuarantee } from './sink.ts'
export {
  type AckedReader,
  type BatchReader,
  type ReadContext,
  type ReaderBase,
  type ReadLimit,
  type ReplayableReader,
  readAllAvailable,
  type SimpleStreamReader,
  type StreamReader,
} from './source.ts'
export { type SourceRegistry, sourceRegistry } from './source-registry.ts'
export { type ChunksOperator, type RowBatch, type RowStream, Rows, read, readStream } from './stream.ts'
export { StreamingQuery } from './streaming-query.ts'
export { Tracker } from './tracker.ts'
// Triggers
export {
  availableNow,
  continuously,
  once,
  processingTime,
  type Trigger,
  type TriggerContext,
  type TriggerFunction,
  type TriggerOutcome,
  whenAvailable,
} from './trigger.ts'
