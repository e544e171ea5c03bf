import { counter, gauge } from './metric-definition.ts'

const partition = ['query', 'partition'] as const

/** What is measured of each partition: no histograms, which have a dozen series each. */
export const partitionMetrics = [
  counter('sluice_partition_rows_read_total', 'rows', partition, 'Rows read, those of attempts that failed included.'),
  counter(
    'sluice_partition_rows_delivered_total',
    'rows',
    partition,
    'Rows that the sink has taken, those of attempts that failed included.',
  ),
  counter('sluice_partition_rows_committed_total', 'rows', partition, 'Rows delivered in batches that were committed.'),
  counter('sluice_partition_bytes_read_total', 'bytes', partition, 'Bytes read, as far as the source reports them.'),
  counter(
    'sluice_partition_bytes_delivered_total',
    'bytes',
    partition,
    'Bytes written, as far as the sink reports them.',
  ),
  counter(
    'sluice_partition_bytes_committed_total',
    'bytes',
    partition,
    'Bytes written in batches that were committed, as far as the sink reports them.',
  ),
  counter('sluice_partition_chunks_read_total', 'chunks', partition, 'Chunks read.'),
  counter(
    'sluice_partition_rows_left_out_total',
    'rows',
    ['query', 'partition', 'reason'],
    'Rows that were read and not delivered: filtered by filterRows, known already, too late, or refused into the dead letters.',
  ),
  counter(
    'sluice_partition_time_seconds_total',
    'seconds',
    ['query', 'partition', 'activity'],
    'Where the time goes; of one partition all activities together are the time since it was first seen.',
  ),
  counter(
    'sluice_partition_step_seconds_total',
    'seconds',
    ['query', 'partition', 'step'],
    'Time in which a chunk was being read, written, or the writer was finishing; these run side by side.',
  ),
  counter('sluice_partition_attempts_total', 'count', partition, 'Attempts at the partition, the first ones included.'),
  counter('sluice_partition_failures_total', 'count', ['query', 'partition', 'kind'], 'Attempts that failed.'),
  counter('sluice_partition_retries_total', 'count', partition, 'Attempts that followed a failed one.'),
  counter('sluice_partition_stalls_total', 'count', partition, 'Times that nothing more came from the partition.'),
  counter('sluice_partition_watchdog_aborts_total', 'count', partition, 'Attempts that the watchdog gave up.'),
  gauge(
    'sluice_partition_lag_rows',
    'rows',
    partition,
    'Rows to the head of the source, of partitions with positions of their own; missing where the source can not tell.',
  ),
  gauge('sluice_partition_in_flight_rows', 'rows', partition, 'Rows handed to the writer and not written yet.'),
  gauge('sluice_partition_in_flight_chunks', 'chunks', partition, 'Chunks between reader and writer.'),
  gauge(
    'sluice_partition_uncommitted_rows',
    'rows',
    partition,
    'Rows delivered and not committed: what a crash now would repeat.',
  ),
  gauge(
    'sluice_partition_state',
    'state',
    ['query', 'partition', 'state'],
    '1 for the state that the partition is in, 0 for the others.',
  ),
  gauge('sluice_partition_last_read_timestamp_seconds', 'timestamp', partition, 'When a chunk last came; 0: none has.'),
  gauge(
    'sluice_partition_last_row_timestamp_seconds',
    'timestamp',
    partition,
    'When a chunk with rows last came; 0: none has.',
  ),
  gauge(
    'sluice_partition_last_commit_timestamp_seconds',
    'timestamp',
    partition,
    'When a batch with the partition was last committed; 0: none has been.',
  ),
  gauge(
    'sluice_partition_last_error_timestamp_seconds',
    'timestamp',
    partition,
    'When an attempt last failed; 0: none has.',
  ),
] as const
