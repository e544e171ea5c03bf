// Streams and queries
export { type ChunksOperator, type RowBatch, type RowStream, Rows, read, readStream } from './stream.ts'
export { StreamingQuery } from './streaming-query.ts'
export { QueryRun, type QueryStatus } from './query-run.ts'
export type { LimitOptions, QueryOptions, RestartOptions } from './query-options.ts'
export type { PartitionProgress, QueryProgress, SourceProgress } from './progress.ts'
export type { LiveFigures, PartitionFigures, Phase, QueryEvent, QueryEventBody, SourceLag } from './events.ts'
export type { Activity, ActivityTimes, PartitionReport, Waiting } from './activity.ts'
export type { WatchdogOptions } from './watchdog.ts'
export { type RetryPolicy, retryDelay } from './retry.ts'
export { deterministic } from './deterministic.ts'
export {
  computeGuarantee,
  type Guarantee,
  type GuaranteeInput,
  type GuaranteeLevel,
  guaranteeLevels,
} from './guarantee.ts'

// Triggers
export {
  availableNow,
  type ContinuouslyOptions,
  continuously,
  once,
  processingTime,
  type Trigger,
  type TriggerContext,
  type TriggerFunction,
  type TriggerOutcome,
  type WhenAvailableOptions,
  whenAvailable,
} from './trigger.ts'
export { type Duration, durationMs } from './duration.ts'

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
export type { RowShape } from './row.ts'

// Sources and sinks of your own
export {
  type BatchSource,
  type BoundSink,
  type DataSource,
  defineDataSource,
  type StreamSink,
  type StreamSource,
} from './data-source.ts'
export { type SourceRegistry, sourceRegistry } from './source-registry.ts'
export { type TeeMessage, type TeeRow, tee } from './tee.ts'
export { type UnionOffset, type UnionPartition, union } from './union.ts'
export {
  type AckedReader,
  type BatchReader,
  type ReadContext,
  type ReaderBase,
  type ReadLimit,
  type ReplayableReader,
  readAllAvailable,
  type SettlementCounts,
  type SimpleStreamReader,
  type StreamReader,
} from './source.ts'
export type { ReplayableSimpleReader, SimplePartition } from './simple-reader.ts'
export { type JournalOptions, type JournalPartition, journaled } from './journaled.ts'
export type { PartitionWriter, StartContext, StreamWriter, WriteContext, WriterGuarantee } from './sink.ts'
export type { DeadLetter } from './dead-letter.ts'
export type { Batch, BatchOutcome, PartitionContext, PlannedBatch } from './batch.ts'
export type { Result } from './result.ts'

// Positions and slices, for sources of your own
export type { Positions } from './offsets/positions.ts'
export { type SequenceOffset, type SequenceOptions, sequenceOffset } from './offsets/sequence.ts'
export { type TimeOffset, type TimeOptions, timeOffset } from './offsets/time.ts'
export { type RangeConvention, type Tick, toApiRange } from './offsets/api-range.ts'
export { type KeysetOffset, type KeysetOptions, keysetOffset } from './offsets/keyset.ts'
export { type SeenKeysOffset, type SeenKeysOptions, seenKeysOffset } from './offsets/seen-keys.ts'
export { type KeyedPartition, type PerKeyOffset, type PerKeyOptions, perKeyOffset } from './offsets/per-key.ts'
export { integerOrder, naturalOrder } from './offsets/order.ts'
export { byDuration, byIdRange, byList, type Cut, type Range } from './partition.ts'
export { epochMs, type Instant, isoText } from './instant.ts'

// Built-in sources and sinks
export type { RateOptions } from './connectors/rate/options.ts'
export { type RateOffset, type RatePartition, type RateRow, rate } from './connectors/rate/source.ts'
export type { MemoryStreamOptions } from './connectors/memory/options.ts'
export { type MemoryOffset, type MemoryPartition, type MemoryStream, memoryStream } from './connectors/memory/source.ts'
export { type MemorySink, memorySink } from './connectors/memory/sink.ts'
export type { ConsoleOptions } from './connectors/console/options.ts'
export { console } from './connectors/console/sink.ts'
export type { JsonLinesOptions } from './connectors/json-lines/options.ts'
export { jsonLines } from './connectors/json-lines/sink.ts'
export { type JsonRow, readJsonLines } from './connectors/json-lines/read.ts'
export type { ForEachBatchOptions } from './connectors/for-each-batch/options.ts'
export { type ForEachBatchSink, forEachBatch } from './connectors/for-each-batch/sink.ts'
export { noop } from './connectors/noop/sink.ts'

// Checkpoints
export type { Checkpoint, CheckpointSession, LogRecord, Recovered, UnplannedBatch } from './checkpoint/checkpoint.ts'
export { type FileCheckpointOptions, fileCheckpoint } from './checkpoint/file.ts'
export { type SqliteCheckpointOptions, sqliteCheckpoint } from './checkpoint/sqlite.ts'
export { type MemoryCheckpointOptions, memoryCheckpoint } from './checkpoint/memory.ts'

// Pipelines by hand, from `sluice/operators`
export { type RunContext, runContext } from './run-context.ts'
export { Attempt, BatchRun, PartitionTask } from './batch-run.ts'
export { QueryLog } from './query-log.ts'
export { Tracker } from './tracker.ts'

// Errors
export {
  CheckpointCorruptError,
  CheckpointLockedError,
  CheckpointWriteError,
  CommitInDoubtError,
  describeError,
  type ErrorCode,
  errorCodes,
  GuaranteeError,
  isRetryable,
  isSluiceError,
  LeaseLostError,
  OffsetError,
  OffsetRegressionError,
  OperatorError,
  OptionError,
  PartitionStalledError,
  PortError,
  PushOverflowError,
  QueryError,
  QueryRunningError,
  RowError,
  retryAfterOf,
  SchemaError,
  SluiceError,
} from './errors.ts'
