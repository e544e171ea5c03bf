import { counter, gauge, histogram } from './metric-definition.ts'

/** Seconds; a batch in memory takes microseconds, one against an API minutes. */
const secondBuckets = [0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 60, 300]
const rowBuckets = [0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000]

const query = ['query'] as const

/** What is measured of a query as a whole, and of its sources. */
export const queryMetrics = [
  gauge(
    'sluice_query_info',
    'info',
    ['query', 'guarantee'],
    'Always 1; the delivery guarantee that was computed for the query is a label.',
  ),
  gauge('sluice_query_up', 'state', query, '1 while the query runs; 0 when it was stopped, has ended or has failed.'),
  gauge('sluice_query_failed', 'state', query, '1 when the last run of the query failed.'),
  gauge(
    'sluice_query_healthy',
    'state',
    query,
    '1 unless the query has failed, restarts, or is busy and gives nothing: what /health/ready says.',
  ),
  gauge('sluice_query_last_batch_id', 'count', query, 'Id of the batch that was finished last; -1 before the first.'),
  gauge(
    'sluice_query_last_activity_timestamp_seconds',
    'timestamp',
    query,
    'When anything last happened in the query; 0: nothing has.',
  ),
  gauge(
    'sluice_query_last_batch_timestamp_seconds',
    'timestamp',
    query,
    'When a batch was last finished; 0: none has been.',
  ),
  gauge(
    'sluice_query_trigger_interval_seconds',
    'seconds',
    query,
    'Interval of the trigger; 0 for one that does not follow the clock.',
  ),
  counter(
    'sluice_query_batches_total',
    'count',
    ['query', 'outcome'],
    'Batches that were finished: committed, or abandoned (of a queue: they come again).',
  ),
  counter(
    'sluice_query_batches_replayed_total',
    'count',
    query,
    'Batches that an earlier run had planned and not finished.',
  ),
  counter(
    'sluice_query_batches_skipped_total',
    'count',
    query,
    'Batches that the sink held already; nothing was read for them.',
  ),
  histogram(
    'sluice_query_batch_duration_seconds',
    'seconds',
    ['query', 'phase'],
    'Time of a batch by phase; triggerExecution is the whole batch.',
    secondBuckets,
  ),
  histogram('sluice_query_batch_rows', 'rows', query, 'Rows read by a batch.', rowBuckets),
  counter('sluice_query_trigger_overruns_total', 'count', query, 'Ticks of the trigger that came during a batch.'),
  counter('sluice_query_starts_total', 'count', query, 'Runs that were started, restarts included.'),
  counter('sluice_query_restarts_total', 'count', query, 'Restarts after a failure.'),
  counter(
    'sluice_query_port_retries_total',
    'count',
    query,
    'Calls of source, sink or log that were repeated, but for partitions.',
  ),
  counter('sluice_query_warnings_total', 'count', query, 'Warnings of the query.'),
  counter(
    'sluice_query_checkpoint_entries_total',
    'count',
    ['query', 'kind'],
    'Entries that were made durable in the checkpoint: plans and ends of batches.',
  ),
  counter('sluice_query_checkpoint_seconds_total', 'seconds', ['query', 'kind'], 'Time that making them durable took.'),
  counter(
    'sluice_query_checkpoint_written_bytes_total',
    'bytes',
    query,
    'Plans and journals written into the checkpoint.',
  ),
  counter(
    'sluice_query_journal_deduplicated_rows_total',
    'rows',
    query,
    'Rows of a journaled source that were delivered again and left out.',
  ),
  counter('sluice_query_settlements_total', 'count', ['query', 'kind'], 'What became of the deliveries of a queue.'),
  gauge(
    'sluice_query_partitions_other',
    'count',
    query,
    'Partitions under way that have no series of their own and share "_other".',
  ),
  gauge(
    'sluice_source_lag_rows',
    'rows',
    ['query', 'source'],
    'Rows from the end of the last batch to the head of the source, as far as the source can tell; missing where it can not.',
  ),
  gauge(
    'sluice_source_lag_timestamp_seconds',
    'timestamp',
    ['query', 'source'],
    'When the source was last asked for its head.',
  ),
] as const
