import { describe, expect, it } from 'vitest'
import type { LiveFigures } from '../../src/events.ts'
import { metricDefinitions } from '../../src/metrics/definitions.ts'
import { Monitor } from '../../src/metrics/monitor.ts'
import type { Samples } from '../../src/metrics/samples.ts'
import { version } from '../../src/metrics/version.ts'
import type { QueryProgress } from '../../src/progress.ts'
import { fakeRun } from './a-monitor.ts'

/** Every figure another prime, so that none can stand where another one belongs. */
const figures: LiveFigures = {
  chunksRead: 2,
  rowsRead: 3,
  bytesRead: 5,
  rowsWritten: 7,
  bytesWritten: 11,
  rowsDropped: 13,
  rowsFiltered: 17,
  rowsDeduplicated: 19,
  rowsLate: 23,
  durationMs: 0,
  startedAt: 800,
  activity: 'write',
  activityMs: { fetch: 29, quota: 31, breaker: 37, backoff: 41, transform: 43, write: 47, backpressured: 53 },
  readMs: 59,
  writeMs: 61,
  finishMs: 67,
  rowsInFlight: 71,
  chunksInFlight: 73,
  lastReadAt: 2_000,
  lastRowAt: 3_000,
  lastWriteAt: 4_000,
}

/** `name{label=value}` by value, of series that aren't 0. */
function shown(samples: Samples, prefix: string): Record<string, number> {
  const lines: [string, number][] = []
  for (const [name, series] of samples) {
    if (!name.startsWith(prefix)) continue
    for (const { labels, value } of series) {
      const { query: _, ...others } = labels
      const text = Object.entries(others).map(([label, of]) => `${label}=${of}`)
      if (value !== 0) lines.push([`${name.slice(prefix.length)}{${text.join()}}`, value])
    }
  }
  return Object.fromEntries(lines)
}

/** A query to which everything happens that can happen; told of it are both looks, in the midst of it and at its end. */
function everything() {
  let now = 500
  const clock = { now: () => now, schedule: () => expect.unreachable() }
  const monitor = new Monitor({ maxPartitions: 1, scheduler: clock as never })
  const values: string[] = []
  monitor.values$.subscribe(({ name, labels, value }) => values.push(`${name} ${labels.phase ?? ''} ${value}`))
  const { tell, ...run } = fakeRun()
  monitor.watch(run)
  const guarantee = { level: 'exactly-once', reason: 'because' } as const
  const ids = { queryId: 'i', runId: 'r', name: 'q' }
  tell(600, { type: 'started', ...ids, guarantee, sources: ['s'], sink: 'k', intervalMs: 9_000 })
  tell(700, { type: 'triggered' })
  tell(710, { type: 'overrun' })
  tell(720, { type: 'phase', phase: 'walCommit', durationMs: 83 })
  tell(800, { type: 'planned', batchId: 0, start: {}, end: {}, partitions: 3, replay: true })
  tell(800, { type: 'captured', batchId: 0, bytes: 1, deduplicated: 89 })
  const at = (partitionId: number, attempt = 0) => ({
    batchId: 0,
    partitionId,
    partition: 'abc'[partitionId] as string,
    attempt,
  })
  for (const slot of [0, 1, 2]) tell(800, { type: 'partition-started', ...at(slot), figures: () => figures })
  tell(900, {
    type: 'lag',
    batchId: 0,
    sources: [{ source: 's', latestOffset: {}, rows: 97, partitions: { a: 101, b: 1, c: 2 } }],
  })
  tell(910, { type: 'stall', ...at(0), idleMs: 60_000 })
  now = 4_100
  const midst = monitor.samples()
  tell(4_200, { type: 'watchdog', ...at(0), idleMs: 1, limitMs: 1, figures })
  const error = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
  tell(4_200, { type: 'partition-failed', ...at(0), error })
  tell(4_200, { type: 'retry', port: 'partition', batchId: 0, partitionId: 0, attempt: 1, delayMs: 0, error })
  tell(4_300, { type: 'partition-started', ...at(0, 1), figures: () => ({ ...figures, startedAt: 4_300 }) })
  for (const slot of [0, 1, 2]) tell(4_800, { type: 'partition-finished', ...at(slot), ...figures })
  tell(4_810, { type: 'phase', phase: 'addBatch', durationMs: 1 })
  tell(4_900, { type: 'retry', port: 'commit', attempt: 1, delayMs: 0, error })
  tell(4_950, { type: 'phase', phase: 'commitOffsets', durationMs: 107 })
  tell(5_000, { type: 'done', batchId: 41, outcome: 'committed', checkpointBytes: 103 })
  const counts = { acknowledged: 109, released: 113, stale: 127, redelivered: 131, deadLettered: 137 }
  tell(5_000, { type: 'settlements', batchId: 0, counts })
  now = 5_010
  run.progress$.next({ skipped: true, numInputRows: 139, durationMs: { addBatch: 149 } } as unknown as QueryProgress)
  tell(5_100, { type: 'planned', batchId: 42, start: {}, end: {}, partitions: 1, replay: false })
  tell(5_200, { type: 'done', batchId: 42, outcome: 'abandoned' })
  tell(5_300, { type: 'warning', message: 'beware' })
  tell(5_400, { type: 'restarting', attempt: 1, delayMs: 0, error })
  tell(5_500, { type: 'failed', error })
  now = 6_000
  return { midst, end: monitor.samples(), values }
}

describe('every metric', () => {
  const { midst, end, values } = everything()

  it('of a partition that is under way is what its attempt says', () => {
    const a = Object.entries(shown(midst, 'sluice_partition_')).filter(([name]) => name.includes('partition=a'))
    const named = a.map(([name, value]) => [name.replace(/partition=a,?/, '').replace('{}', ''), value])
    expect(Object.fromEntries(named)).toEqual({
      rows_read_total: 3,
      rows_delivered_total: 7,
      bytes_read_total: 5,
      bytes_delivered_total: 11,
      chunks_read_total: 2,
      'rows_left_out_total{reason=filtered}': 17,
      'rows_left_out_total{reason=duplicate}': 19,
      'rows_left_out_total{reason=late}': 23,
      'rows_left_out_total{reason=dead_letter}': 13,
      'time_seconds_total{activity=fetch}': 0.029,
      'time_seconds_total{activity=quota}': 0.031,
      'time_seconds_total{activity=breaker}': 0.037,
      'time_seconds_total{activity=backoff}': 0.041,
      'time_seconds_total{activity=transform}': 0.043,
      'time_seconds_total{activity=write}': 0.047,
      'time_seconds_total{activity=backpressured}': 0.053,
      'step_seconds_total{step=read}': 0.059,
      'step_seconds_total{step=write}': 0.061,
      'step_seconds_total{step=finish}': 0.067,
      attempts_total: 1,
      stalls_total: 1,
      lag_rows: 101,
      in_flight_rows: 71,
      in_flight_chunks: 73,
      uncommitted_rows: 7,
      'state{state=stalled}': 1,
      last_read_timestamp_seconds: 2,
      last_row_timestamp_seconds: 3,
    })
    expect(shown(midst, 'sluice_query_')['partitions_other{}']).toBe(2)
  })

  it('of a partition that is over adds its attempts up', () => {
    const last = shown(end, 'sluice_partition_')
    const of = (name: string, partition: string) => last[`${name}{partition=${partition}}`]
    for (const partition of ['a', '_other']) {
      expect(of('rows_read_total', partition)).toBe(2 * 3)
      expect(of('rows_delivered_total', partition)).toBe(2 * 7)
      expect(of('bytes_delivered_total', partition)).toBe(2 * 11)
    }
    // Of the one that failed nothing was committed.
    expect([of('rows_committed_total', 'a'), of('bytes_committed_total', 'a')]).toEqual([7, 11])
    expect([of('rows_committed_total', '_other'), of('bytes_committed_total', '_other')]).toEqual([14, 22])
    expect([of('attempts_total', 'a'), of('retries_total', 'a'), of('watchdog_aborts_total', 'a')]).toEqual([2, 1, 1])
    expect(last['failures_total{partition=a,kind=network}']).toBe(1)
    expect(of('last_commit_timestamp_seconds', 'a')).toBe(5)
    expect(of('last_error_timestamp_seconds', 'a')).toBe(4.2)
    expect(of('lag_rows', '_other')).toBe(3)
    expect(last['time_seconds_total{partition=a,activity=commit}']).toBeCloseTo((5_010 - 4_810) / 1_000)
    expect(of('in_flight_rows', 'a')).toBeUndefined()
    expect(of('uncommitted_rows', 'a')).toBeUndefined()
  })

  it('of a query is what happened to it', () => {
    expect(shown(end, 'sluice_query_')).toEqual({
      'info{guarantee=exactly-once}': 1,
      'failed{}': 1,
      'last_batch_id{}': 42,
      'last_activity_timestamp_seconds{}': 5.5,
      'last_batch_timestamp_seconds{}': 5.01,
      'trigger_interval_seconds{}': 9,
      'batches_total{outcome=committed}': 1,
      'batches_total{outcome=abandoned}': 1,
      'batches_replayed_total{}': 1,
      'batches_skipped_total{}': 1,
      'trigger_overruns_total{}': 1,
      'starts_total{}': 2,
      'restarts_total{}': 1,
      'port_retries_total{}': 1,
      'warnings_total{}': 1,
      'checkpoint_entries_total{kind=plan}': 1,
      'checkpoint_entries_total{kind=done}': 1,
      'checkpoint_seconds_total{kind=plan}': 0.083,
      'checkpoint_seconds_total{kind=done}': 0.107,
      'checkpoint_written_bytes_total{}': 103,
      'journal_deduplicated_rows_total{}': 89,
      'settlements_total{kind=acknowledged}': 109,
      'settlements_total{kind=released}': 113,
      'settlements_total{kind=stale}': 127,
      'settlements_total{kind=redelivered}': 131,
      'settlements_total{kind=dead_lettered}': 137,
    })
    expect(shown(midst, 'sluice_query_')).toMatchObject({ 'up{}': 1, 'healthy{}': 1 })
    expect(shown(end, 'sluice_source_')).toEqual({ 'lag_rows{source=s}': 97, 'lag_timestamp_seconds{source=s}': 0.9 })
    expect(shown(end, 'sluice_build_')).toEqual({ [`info{version=${version}}`]: 1 })
    expect(values).toEqual(['sluice_query_batch_rows  139', 'sluice_query_batch_duration_seconds addBatch 0.149'])
  })

  it('is among them, so that another renderer finds all in samples() and values$', () => {
    const nonzero = (samples: Samples) =>
      [...samples].filter(([, series]) => series.some(({ value }) => value !== 0)).map(([name]) => name as string)
    const seen = new Set([...nonzero(midst), ...nonzero(end), ...values.map((value) => value.split(' ')[0])])
    expect(metricDefinitions.map(({ name }) => name as string).filter((name) => !seen.has(name))).toEqual([])
    for (const { name, kind, labels } of metricDefinitions) {
      if (kind === 'histogram') continue
      expect(end.has(name), name).toBe(true)
      for (const sample of end.get(name) ?? []) expect(Object.keys(sample.labels).sort()).toEqual([...labels].sort())
    }
  })
})
