import type { MetricName } from './definitions.ts'
import type { PartitionSnapshot } from './partition-watch.ts'
import type { QuerySnapshot } from './query-snapshot.ts'
import { version } from './version.ts'
import { failureKinds, leftOutReasons, partitionActivities, partitionStates, settlementKinds } from './vocabulary.ts'

/** One value of a series. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** All series by name; a name without series has an empty list. */
export type Samples = ReadonlyMap<MetricName, readonly Sample[]>

type Labels = Readonly<Record<string, string>>
type Put = (name: MetricName, labels: Labels, value: number) => void

/** Counters and gauges of queries as they stand, in base units. Every series that will ever be there is there from the beginning, with 0. */
export function samplesOf(queries: readonly QuerySnapshot[]): Samples {
  const samples = new Map<MetricName, Sample[]>()
  const put: Put = (name, labels, value) => {
    const list = samples.get(name)
    if (list === undefined) samples.set(name, [{ labels, value }])
    else list.push({ labels, value })
  }
  put('sluice_build_info', { version }, 1)
  for (const query of queries) {
    putQuery(put, query)
    for (const partition of query.partitions) putPartition(put, query.name, partition)
  }
  return samples
}

function putQuery(put: Put, snapshot: QuerySnapshot): void {
  const { counts, guarantee, settlements, lags } = snapshot
  const query = { query: snapshot.name }
  if (guarantee !== undefined) put('sluice_query_info', { ...query, guarantee: guarantee.level }, 1)
  put('sluice_query_up', query, Number(snapshot.up))
  put('sluice_query_failed', query, Number(snapshot.failed))
  put('sluice_query_healthy', query, Number(snapshot.health.healthy))
  put('sluice_query_last_batch_id', query, snapshot.lastBatchId)
  put('sluice_query_last_activity_timestamp_seconds', query, snapshot.lastActivityAt / 1_000)
  put('sluice_query_last_batch_timestamp_seconds', query, snapshot.lastBatchAt / 1_000)
  put('sluice_query_trigger_interval_seconds', query, snapshot.intervalMs / 1_000)
  for (const outcome of ['committed', 'abandoned'] as const)
    put('sluice_query_batches_total', { ...query, outcome }, counts[outcome])
  put('sluice_query_batches_replayed_total', query, counts.replayed)
  put('sluice_query_batches_skipped_total', query, counts.skipped)
  put('sluice_query_trigger_overruns_total', query, counts.overruns)
  put('sluice_query_starts_total', query, counts.starts)
  put('sluice_query_restarts_total', query, counts.restarts)
  put('sluice_query_port_retries_total', query, counts.portRetries)
  put('sluice_query_warnings_total', query, counts.warnings)
  put('sluice_query_checkpoint_entries_total', { ...query, kind: 'plan' }, counts.planEntries)
  put('sluice_query_checkpoint_entries_total', { ...query, kind: 'done' }, counts.doneEntries)
  put('sluice_query_checkpoint_seconds_total', { ...query, kind: 'plan' }, counts.planMs / 1_000)
  put('sluice_query_checkpoint_seconds_total', { ...query, kind: 'done' }, counts.doneMs / 1_000)
  put('sluice_query_checkpoint_written_bytes_total', query, counts.checkpointBytes)
  put('sluice_query_journal_deduplicated_rows_total', query, counts.journalDeduplicated)
  const settled = {
    acknowledged: settlements?.acknowledged,
    released: settlements?.released,
    stale: settlements?.stale,
    redelivered: settlements?.redelivered,
    dead_lettered: settlements?.deadLettered,
  }
  for (const kind of settlementKinds) put('sluice_query_settlements_total', { ...query, kind }, settled[kind] ?? 0)
  put('sluice_query_partitions_other', query, snapshot.otherPartitions)
  for (const { source, rows, at } of lags) {
    put('sluice_source_lag_rows', { ...query, source }, rows)
    put('sluice_source_lag_timestamp_seconds', { ...query, source }, at / 1_000)
  }
}

function putPartition(put: Put, query: string, snapshot: PartitionSnapshot): void {
  const labels = { query, partition: snapshot.partition }
  put('sluice_partition_rows_read_total', labels, snapshot.rowsRead)
  put('sluice_partition_rows_delivered_total', labels, snapshot.rowsDelivered)
  put('sluice_partition_rows_committed_total', labels, snapshot.rowsCommitted)
  put('sluice_partition_bytes_read_total', labels, snapshot.bytesRead)
  put('sluice_partition_bytes_delivered_total', labels, snapshot.bytesDelivered)
  put('sluice_partition_bytes_committed_total', labels, snapshot.bytesCommitted)
  put('sluice_partition_chunks_read_total', labels, snapshot.chunksRead)
  const leftOut = {
    filtered: snapshot.filtered,
    duplicate: snapshot.duplicate,
    late: snapshot.late,
    dead_letter: snapshot.deadLetter,
  }
  for (const reason of leftOutReasons)
    put('sluice_partition_rows_left_out_total', { ...labels, reason }, leftOut[reason])
  for (const activity of partitionActivities)
    put('sluice_partition_time_seconds_total', { ...labels, activity }, snapshot.timesMs[activity] / 1_000)
  const steps = { read: snapshot.readMs, write: snapshot.writeMs, finish: snapshot.finishMs }
  for (const [step, ms] of Object.entries(steps))
    put('sluice_partition_step_seconds_total', { ...labels, step }, ms / 1_000)
  put('sluice_partition_attempts_total', labels, snapshot.attempts)
  for (const kind of failureKinds) put('sluice_partition_failures_total', { ...labels, kind }, snapshot.failures[kind])
  put('sluice_partition_retries_total', labels, snapshot.retries)
  put('sluice_partition_stalls_total', labels, snapshot.stalls)
  put('sluice_partition_watchdog_aborts_total', labels, snapshot.watchdogAborts)
  if (snapshot.lagRows !== undefined) put('sluice_partition_lag_rows', labels, snapshot.lagRows)
  put('sluice_partition_in_flight_rows', labels, snapshot.inFlightRows)
  put('sluice_partition_in_flight_chunks', labels, snapshot.inFlightChunks)
  put('sluice_partition_uncommitted_rows', labels, snapshot.uncommittedRows)
  for (const state of partitionStates)
    put('sluice_partition_state', { ...labels, state }, Number(state === snapshot.state))
  put('sluice_partition_last_read_timestamp_seconds', labels, snapshot.lastReadAt / 1_000)
  put('sluice_partition_last_row_timestamp_seconds', labels, snapshot.lastRowAt / 1_000)
  put('sluice_partition_last_commit_timestamp_seconds', labels, snapshot.lastCommitAt / 1_000)
  put('sluice_partition_last_error_timestamp_seconds', labels, snapshot.lastErrorAt / 1_000)
}
