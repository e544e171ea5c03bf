import type { PartitionSnapshot } from '../metrics/partition-watch.ts'
import type { QuerySnapshot } from '../metrics/query-snapshot.ts'
import { version } from '../metrics/version.ts'
import type { History, QueryHistory } from './history.ts'

/** Partitions that a page shows: those that need a look come first. */
const shown = 500

/** What the page is sent. */
export interface PageState {
  readonly version: string
  /** Milliseconds, by the server's clock: ages are counted from it. */
  readonly now: number
  readonly queries: readonly PageQuery[]
}

type PageQuery = ReturnType<typeof pageQuery> & { readonly history: QueryHistory }

/** @param full all of the history; else only the latest of it. */
export function pageState(queries: readonly QuerySnapshot[], history: History, now: number, full: boolean): PageState {
  return {
    version,
    now,
    queries: queries.map((query) => ({
      ...pageQuery(query),
      history: full ? history.of(query.name) : latest(history.of(query.name)),
    })),
  }
}

function latest({ points, batches }: QueryHistory): QueryHistory {
  // More than one: a page that was busy, or a batch a millisecond.
  return { points: points.slice(-3), batches: batches.slice(-50) }
}

function pageQuery(query: QuerySnapshot) {
  const { name, status, up, failed, health, guarantee, sources, sink, intervalMs, lags, counts, lastProgress } = query
  const { partitions, problems, startedAt, lastBatchAt, lastBatchId } = query
  const sum = (figure: (partition: PartitionSnapshot) => number): number =>
    partitions.reduce((total, partition) => total + figure(partition), 0)
  return {
    name,
    status,
    up,
    failed,
    health,
    guarantee,
    sources,
    sink,
    intervalMs,
    startedAt,
    lastBatchAt,
    lastBatchId,
    lags,
    rows: {
      read: sum(({ rowsRead }) => rowsRead),
      delivered: sum(({ rowsDelivered }) => rowsDelivered),
      committed: sum(({ rowsCommitted }) => rowsCommitted),
      uncommitted: sum(({ uncommittedRows }) => uncommittedRows),
    },
    restarts: counts.restarts,
    overruns: counts.overruns,
    batch: lastProgress && {
      batchId: lastProgress.batchId,
      rows: lastProgress.numInputRows,
      inputRowsPerSecond: lastProgress.inputRowsPerSecond,
      processedRowsPerSecond: lastProgress.processedRowsPerSecond,
      durationMs: lastProgress.batchDuration,
    },
    partitionCount: partitions.length,
    partitions: partitions.toSorted(urgentFirst).slice(0, shown).map(pagePartition),
    problems: problems.slice(0, 12),
  }
}

function pagePartition(partition: PartitionSnapshot) {
  const { state, activity, rowsRead, rowsCommitted, uncommittedRows, inFlightRows, bytesRead } = partition
  const { attempts, retries, lastMovedAt, lastRowAt, timesMs } = partition
  return {
    partition: partition.partition,
    state,
    activity,
    rowsRead,
    rowsCommitted,
    uncommittedRows,
    inFlightRows,
    bytesRead,
    attempts,
    retries,
    lastMovedAt,
    lastRowAt,
    timesMs,
    lag: partition.lagRows,
  }
}

const urgency = { stalled: 0, failed: 1, breaker_open: 2, backoff: 3, throttled: 4, running: 5, idle: 6 } as const

function urgentFirst(a: PartitionSnapshot, b: PartitionSnapshot): number {
  return urgency[a.state] - urgency[b.state] || a.lastMovedAt - b.lastMovedAt
}
