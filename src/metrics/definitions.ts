import { activities } from '../activity.ts'

/** What a number is a number of: the base units of Prometheus. */
export type MetricUnit = 'rows' | 'chunks' | 'bytes' | 'seconds' | 'timestamp' | 'count' | 'info' | 'state'

/** One thing that is measured: what is rendered, alerted on, drawn and documented comes from here. */
export interface MetricDefinition {
  readonly name: `sluice_${string}`
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly unit: MetricUnit
  readonly labels: readonly MetricLabel[]
  readonly help: string
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[]
}

/** All labels there are: each has few values. Never an address, an id or the text of an error. */
export type MetricLabel =
  | 'query'
  | 'partition'
  | 'source'
  | 'version'
  | 'activity'
  | 'step'
  | 'state'
  | 'kind'
  | 'reason'
  | 'phase'
  | 'outcome'
  | 'guarantee'

/** What a partition does, as shown: an attempt's activities in fewer words, and what there is besides attempts. */
export const partitionStates = ['running', 'idle', 'backoff', 'throttled', 'breaker_open', 'stalled', 'failed'] as const

/** One of {@link partitionStates}. */
export type PartitionState = (typeof partitionStates)[number]

/** Where a partition's time goes: in attempts, and between them. */
export const partitionActivities = [...activities, 'commit', 'idle'] as const

/** One of {@link partitionActivities}. */
export type PartitionActivity = (typeof partitionActivities)[number]

/** Why an attempt failed. `refused`: trying again can't help. */
export const failureKinds = ['network', 'timeout', 'stalled', 'row', 'refused', 'other'] as const

/** One of {@link failureKinds}. */
export type FailureKind = (typeof failureKinds)[number]

/** Why a row that was read was not delivered. */
export const leftOutReasons = ['filtered', 'duplicate', 'late', 'dead_letter'] as const

/** What became of the deliveries of a queue. */
export const settlementKinds = ['acknowledged', 'released', 'stale', 'redelivered', 'dead_lettered'] as const

/** Seconds; a batch in memory takes microseconds, one against an API minutes. */
const secondBuckets = [0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 60, 300]
const rowBuckets = [0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]

const query = ['query'] as const
const partition = ['query', 'partition'] as const

/** The whole list, in the order in which it is shown. */
export const metricDefinitions = [
  {
    name: 'sluice_build_info',
    kind: 'gauge',
    unit: 'info',
    labels: ['version'],
    help: 'Always 1; the version is a label.',
  },
  {
    name: 'sluice_query_info',
    kind: 'gauge',
    unit: 'info',
    labels: ['query', 'guarantee'],
    help: 'Always 1; the delivery guarantee that was computed for the query is a label.',
  },
  {
    name: 'sluice_query_up',
    kind: 'gauge',
    unit: 'state',
    labels: query,
    help: '1 while the query runs; 0 when it was stopped, has ended or has failed.',
  },
  {
    name: 'sluice_query_failed',
    kind: 'gauge',
    unit: 'state',
    labels: query,
    help: '1 when the last run of the query failed.',
  },
  {
    name: 'sluice_query_healthy',
    kind: 'gauge',
    unit: 'state',
    labels: query,
    help: '1 unless the query has failed, restarts, or is busy and gives nothing: what /health/ready says.',
  },
  {
    name: 'sluice_query_last_batch_id',
    kind: 'gauge',
    unit: 'count',
    labels: query,
    help: 'Id of the batch that was finished last; -1 before the first.',
  },
  {
    name: 'sluice_query_last_activity_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: query,
    help: 'When anything last happened in the query; 0: nothing has.',
  },
  {
    name: 'sluice_query_last_batch_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: query,
    help: 'When a batch was last finished; 0: none has been.',
  },
  {
    name: 'sluice_query_trigger_interval_seconds',
    kind: 'gauge',
    unit: 'seconds',
    labels: query,
    help: 'Interval of the trigger; 0 for one that does not follow the clock.',
  },
  {
    name: 'sluice_query_batches_total',
    kind: 'counter',
    unit: 'count',
    labels: ['query', 'outcome'],
    help: 'Batches that were finished: committed, or abandoned (of a queue: they come again).',
  },
  {
    name: 'sluice_query_batches_replayed_total',
    kind: 'counter',
    unit: 'count',
    labels: query,
    help: 'Batches that an earlier run had planned and not finished.',
  },
  {
    name: 'sluice_query_batches_skipped_total',
    kind: 'counter',
    unit: 'count',
    labels: query,
    help: 'Batches that the sink held already; nothing was read for them.',
  },
  {
    name: 'sluice_query_batch_duration_seconds',
    kind: 'histogram',
    unit: 'seconds',
    labels: ['query', 'phase'],
    help: 'Time of a batch by phase; triggerExecution is the whole batch.',
    buckets: secondBuckets,
  },
  {
    name: 'sluice_query_batch_rows',
    kind: 'histogram',
    unit: 'rows',
    labels: query,
    help: 'Rows read by a batch.',
    buckets: rowBuckets,
  },
  {
    name: 'sluice_query_trigger_overruns_total',
    kind: 'counter',
    unit: 'count',
    labels: query,
    help: 'Ticks of the trigger that came during a batch.',
  },
  {
    name: 'sluice_query_starts_total',
    kind: 'counter',
    unit: 'count',
    labels: query,
    help: 'Runs that were started, restarts included.',
  },
  {
    name: 'sluice_query_restarts_total',
    kind: 'counter',
    unit: 'count',
    labels: query,
    help: 'Restarts after a failure.',
  },
  {
    name: 'sluice_query_port_retries_total',
    kind: 'counter',
    unit: 'count',
    labels: query,
    help: 'Calls of source, sink or log that were repeated, but for partitions.',
  },
  {
    name: 'sluice_query_warnings_total',
    kind: 'counter',
    unit: 'count',
    labels: query,
    help: 'Warnings of the query.',
  },
  {
    name: 'sluice_query_checkpoint_entries_total',
    kind: 'counter',
    unit: 'count',
    labels: ['query', 'kind'],
    help: 'Entries that were made durable in the checkpoint: plans and ends of batches.',
  },
  {
    name: 'sluice_query_checkpoint_seconds_total',
    kind: 'counter',
    unit: 'seconds',
    labels: ['query', 'kind'],
    help: 'Time that making them durable took.',
  },
  {
    name: 'sluice_query_checkpoint_written_bytes_total',
    kind: 'counter',
    unit: 'bytes',
    labels: query,
    help: 'Plans and journals written into the checkpoint.',
  },
  {
    name: 'sluice_query_journal_deduplicated_rows_total',
    kind: 'counter',
    unit: 'rows',
    labels: query,
    help: 'Rows of a journaled source that were delivered again and left out.',
  },
  {
    name: 'sluice_query_settlements_total',
    kind: 'counter',
    unit: 'count',
    labels: ['query', 'kind'],
    help: 'What became of the deliveries of a queue.',
  },
  {
    name: 'sluice_query_partitions_other',
    kind: 'gauge',
    unit: 'count',
    labels: query,
    help: 'Partitions under way that have no series of their own and share "_other".',
  },
  {
    name: 'sluice_source_lag_rows',
    kind: 'gauge',
    unit: 'rows',
    labels: ['query', 'source'],
    help: 'Rows from the end of the last batch to the head of the source, as far as the source can tell; missing where it can not.',
  },
  {
    name: 'sluice_source_lag_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: ['query', 'source'],
    help: 'When the source was last asked for its head.',
  },
  {
    name: 'sluice_partition_rows_read_total',
    kind: 'counter',
    unit: 'rows',
    labels: partition,
    help: 'Rows read, those of attempts that failed included.',
  },
  {
    name: 'sluice_partition_rows_delivered_total',
    kind: 'counter',
    unit: 'rows',
    labels: partition,
    help: 'Rows that the sink has taken, those of attempts that failed included.',
  },
  {
    name: 'sluice_partition_rows_committed_total',
    kind: 'counter',
    unit: 'rows',
    labels: partition,
    help: 'Rows delivered in batches that were committed.',
  },
  {
    name: 'sluice_partition_bytes_read_total',
    kind: 'counter',
    unit: 'bytes',
    labels: partition,
    help: 'Bytes read, as far as the source reports them.',
  },
  {
    name: 'sluice_partition_bytes_delivered_total',
    kind: 'counter',
    unit: 'bytes',
    labels: partition,
    help: 'Bytes written, as far as the sink reports them.',
  },
  {
    name: 'sluice_partition_bytes_committed_total',
    kind: 'counter',
    unit: 'bytes',
    labels: partition,
    help: 'Bytes written in batches that were committed, as far as the sink reports them.',
  },
  {
    name: 'sluice_partition_chunks_read_total',
    kind: 'counter',
    unit: 'chunks',
    labels: partition,
    help: 'Chunks read.',
  },
  {
    name: 'sluice_partition_rows_left_out_total',
    kind: 'counter',
    unit: 'rows',
    labels: ['query', 'partition', 'reason'],
    help: 'Rows that were read and not delivered: filtered by filterRows, known already, too late, or refused into the dead letters.',
  },
  {
    name: 'sluice_partition_time_seconds_total',
    kind: 'counter',
    unit: 'seconds',
    labels: ['query', 'partition', 'activity'],
    help: 'Where the time goes; of one partition all activities together are the time since it was first seen.',
  },
  {
    name: 'sluice_partition_step_seconds_total',
    kind: 'counter',
    unit: 'seconds',
    labels: ['query', 'partition', 'step'],
    help: 'Time in which a chunk was being read, written, or the writer was finishing; these run side by side.',
  },
  {
    name: 'sluice_partition_attempts_total',
    kind: 'counter',
    unit: 'count',
    labels: partition,
    help: 'Attempts at the partition, the first ones included.',
  },
  {
    name: 'sluice_partition_failures_total',
    kind: 'counter',
    unit: 'count',
    labels: ['query', 'partition', 'kind'],
    help: 'Attempts that failed.',
  },
  {
    name: 'sluice_partition_retries_total',
    kind: 'counter',
    unit: 'count',
    labels: partition,
    help: 'Attempts that followed a failed one.',
  },
  {
    name: 'sluice_partition_stalls_total',
    kind: 'counter',
    unit: 'count',
    labels: partition,
    help: 'Times that nothing more came from the partition.',
  },
  {
    name: 'sluice_partition_watchdog_aborts_total',
    kind: 'counter',
    unit: 'count',
    labels: partition,
    help: 'Attempts that the watchdog gave up.',
  },
  {
    name: 'sluice_partition_lag_rows',
    kind: 'gauge',
    unit: 'rows',
    labels: partition,
    help: 'Rows to the head of the source, of partitions with positions of their own; missing where the source can not tell.',
  },
  {
    name: 'sluice_partition_in_flight_rows',
    kind: 'gauge',
    unit: 'rows',
    labels: partition,
    help: 'Rows handed to the writer and not written yet.',
  },
  {
    name: 'sluice_partition_in_flight_chunks',
    kind: 'gauge',
    unit: 'chunks',
    labels: partition,
    help: 'Chunks between reader and writer.',
  },
  {
    name: 'sluice_partition_uncommitted_rows',
    kind: 'gauge',
    unit: 'rows',
    labels: partition,
    help: 'Rows delivered and not committed: what a crash now would repeat.',
  },
  {
    name: 'sluice_partition_state',
    kind: 'gauge',
    unit: 'state',
    labels: ['query', 'partition', 'state'],
    help: '1 for the state that the partition is in, 0 for the others.',
  },
  {
    name: 'sluice_partition_last_read_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: partition,
    help: 'When a chunk last came; 0: none has.',
  },
  {
    name: 'sluice_partition_last_row_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: partition,
    help: 'When a chunk with rows last came; 0: none has.',
  },
  {
    name: 'sluice_partition_last_commit_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: partition,
    help: 'When a batch with the partition was last committed; 0: none has been.',
  },
  {
    name: 'sluice_partition_last_error_timestamp_seconds',
    kind: 'gauge',
    unit: 'timestamp',
    labels: partition,
    help: 'When an attempt last failed; 0: none has.',
  },
] as const satisfies readonly MetricDefinition[]

/** The name of something that is measured. */
export type MetricName = (typeof metricDefinitions)[number]['name']

/** By its name. */
export function definitionOf(name: MetricName): MetricDefinition {
  return metricDefinitions.find((definition) => definition.name === name) as MetricDefinition
}

/** The partition label that the partitions beyond the first ones share. */
export const otherPartitions = '_other'
