import fc from 'fast-check'
import { lastValueFrom, NEVER, of, throwError, timer, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { filterRows } from '../../operators/filter-rows.ts'
import { throttleRows } from '../../operators/throttle-rows.ts'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { Monitor } from '../../src/metrics/monitor.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow, processingTime } from '../../src/trigger.ts'
import { type Numbered, numberSink, numberSource } from '../engine/recording.ts'
import { attemptIn, testContext } from '../operators/a-run.ts'
import { fakeRun, partitionsOf, seriesValue } from './a-monitor.ts'

const seconds = (monitor: Monitor, partition: string) =>
  seriesValue(monitor, 'sluice_partition_time_seconds_total', { partition }) ?? Number.NaN

/** A query on virtual time, and a monitor with the same clock. */
function watched(options: Parameters<typeof numberSource>[2] = {}, maxPartitions = 200) {
  const scheduler = new VirtualTimeScheduler()
  const monitor = new Monitor({ scheduler, maxPartitions })
  return {
    scheduler,
    monitor,
    source: numberSource(() => 40, [], options),
    base: { name: 'q', checkpoint: memoryCheckpoint(), scheduler },
  }
}

describe('a monitor of a real query', () => {
  it('counts what was read, left out, delivered and committed', async () => {
    const monitor = new Monitor()
    const run = readStream(
      numberSource(() => 40, [], { partitionKey: ({ from }) => (from % 20 === 0 ? 'low' : 'high') }),
    )
      .pipe(filterRows((row: Numbered) => row.n % 4 !== 0))
      .writeStream(numberSink(), {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 20 },
      })
      .start()
    monitor.watch(run)
    const progress = lastValueFrom(run.progress$)
    await run.terminated
    const total = (name: Parameters<typeof seriesValue>[1], labels = {}) => seriesValue(monitor, name, labels)
    expect(total('sluice_partition_rows_read_total')).toBe(40)
    expect(total('sluice_partition_rows_delivered_total')).toBe(30)
    expect(total('sluice_partition_rows_committed_total')).toBe(30)
    expect(total('sluice_partition_rows_left_out_total', { reason: 'filtered' })).toBe(10)
    expect(total('sluice_partition_uncommitted_rows')).toBe(0)
    expect(total('sluice_query_batches_total', { outcome: 'committed' })).toBe(2)
    expect(total('sluice_query_checkpoint_entries_total', { kind: 'plan' })).toBe(2)
    expect(total('sluice_query_checkpoint_written_bytes_total')).toBeGreaterThan(100)
    expect(total('sluice_query_up')).toBe(0)
    expect([...partitionsOf(monitor)].sort()).toEqual(['high', 'low'])
    expect(monitor.queries()[0]?.lastProgress).toEqual(await progress)
  })

  it('accounts for all of the time of a partition: its activities together are the time since it was first seen', () => {
    const { scheduler, monitor, source, base } = watched()
    let failures = 2
    const sink = numberSink([], [], {
      write: (_ns, partitionId) => {
        if (partitionId === 1 && failures-- > 0) return throwError(() => new Error('full'))
        return timer(partitionId === 0 ? 70 : 30, scheduler)
      },
      commit: () => timer(11, scheduler),
    })
    const run = readStream(source)
      .pipe(throttleRows({ rows: 5, per: 13, scheduler }))
      .writeStream(sink, {
        ...base,
        trigger: processingTime(500),
        limit: { maxRows: 12 },
        retry: { initialDelayMs: 40, random: () => 1 },
      })
    const controlled = run.start()
    monitor.watch(controlled)
    return Promise.resolve().then(() => {
      const looks: number[] = []
      for (const at of [3, 100, 170, 499, 777, 1_000, 1_600]) {
        scheduler.schedule(() => {
          for (const { firstSeenAt, timesMs } of monitor.queries()[0]?.partitions ?? []) {
            const sum = Object.values(timesMs).reduce((a, b) => a + b, 0)
            expect(sum).toBe(scheduler.now() - firstSeenAt)
            looks.push(sum)
          }
        }, at)
      }
      scheduler.maxFrames = 1_700
      scheduler.flush()
      expect(looks.length).toBe(14)
      const spent = (activity: string) => seriesValue(monitor, 'sluice_partition_time_seconds_total', { activity }) ?? 0
      for (const activity of ['write', 'quota', 'backoff', 'commit', 'idle'])
        expect([activity, spent(activity)]).toEqual([activity, expect.any(Number)])
      for (const activity of ['write', 'quota', 'backoff', 'commit', 'idle']) expect(spent(activity)).toBeGreaterThan(0)
      expect(seriesValue(monitor, 'sluice_partition_retries_total')).toBe(2)
      expect(seriesValue(monitor, 'sluice_partition_failures_total', { kind: 'other' })).toBe(2)
      expect(seconds(monitor, '0')).toBeGreaterThan(1)
      void controlled.stop()
    })
  })

  it('shows what is under way: rows in flight, what a crash would repeat, and the state', async () => {
    const monitor = new Monitor()
    const sink = numberSink([], [], { write: (ns) => (ns.includes(0) ? undefined : NEVER), commit: () => NEVER })
    const run = readStream(
      numberSource(() => 10, [], {
        partitions: (start, end) => [
          { from: start.offset, to: 4 },
          { from: 4, to: end.offset },
        ],
      }),
    )
      .writeStream(sink, { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow() })
      .start()
    monitor.watch(run)
    await new Promise((resolve) => setTimeout(resolve, 20))
    const of = (name: Parameters<typeof seriesValue>[1], labels: Record<string, string>) =>
      seriesValue(monitor, name, labels)
    expect(of('sluice_partition_uncommitted_rows', { partition: '0' })).toBe(4)
    expect(of('sluice_partition_rows_delivered_total', { partition: '1' })).toBe(0)
    expect(of('sluice_partition_in_flight_rows', { partition: '1' })).toBe(6)
    expect(of('sluice_partition_state', { partition: '1', state: 'running' })).toBe(1)
    expect(of('sluice_partition_rows_committed_total', { partition: '0' })).toBe(0)
    void run.stop()
    const sums = monitor.queries()[0]?.partitions.map(({ timesMs }) => timesMs.write)
    expect(sums?.[1]).toBeGreaterThanOrEqual(15)
  })

  it('gives the first partitions series of their own, and the rest share one; no counter ever goes back', async () => {
    const monitor = new Monitor({ maxPartitions: 3 })
    const seen = new Map<string, number>()
    const look = () => {
      for (const [name, samples] of monitor.samples()) {
        if (!name.endsWith('_total')) continue
        for (const { labels, value } of samples) {
          const key = name + JSON.stringify(labels)
          expect(value, key).toBeGreaterThanOrEqual(seen.get(key) ?? 0)
          seen.set(key, value)
        }
      }
    }
    let failures = 9
    const keys = {
      partitions: (start: { offset: number }, end: { offset: number }) =>
        Array.from({ length: end.offset - start.offset }, (_, i) => ({
          from: start.offset + i,
          to: start.offset + i + 1,
        })),
      partitionKey: ({ from }: { from: number }) => `k${from % 7}`,
    }
    const sink = numberSink([], [], {
      write: () => {
        look()
        return failures-- % 3 === 0 ? throwError(() => new Error('once')) : of(0)
      },
    })
    const run = readStream(numberSource(() => 42, [], keys))
      .writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        limit: { maxRows: 14 },
        retry: { initialDelayMs: 0, maxAttempts: 20 },
      })
      .start()
    monitor.watch(run)
    await run.terminated
    look()
    expect(partitionsOf(monitor)).toEqual(['k0', 'k1', 'k2', '_other'])
    expect(seriesValue(monitor, 'sluice_partition_rows_committed_total')).toBe(42)
    expect(seriesValue(monitor, 'sluice_partition_rows_committed_total', { partition: '_other' })).toBe(24)
  })

  it('goes on counting when a query is run again, and tells what a failed one came to', async () => {
    const monitor = new Monitor()
    const checkpoint = memoryCheckpoint()
    const run = (head: number, fail = false) => {
      const sink = numberSink([], [], fail ? { commit: () => throwError(() => new Error('disk full')) } : {})
      const started = readStream(numberSource(() => head))
        .writeStream(sink, { name: 'q', checkpoint, trigger: availableNow(), retry: { maxAttempts: 1 } })
        .start()
      monitor.watch(started)
      return started.terminated
    }
    await run(10)
    await run(16)
    expect(seriesValue(monitor, 'sluice_partition_rows_committed_total')).toBe(16)
    expect(seriesValue(monitor, 'sluice_query_starts_total')).toBe(2)
    expect(monitor.health()).toEqual({ ready: true, queries: { q: 'ended' } })
    await expect(run(20, true)).rejects.toThrow('disk full')
    expect(monitor.health()).toEqual({ ready: false, queries: { q: 'failed' } })
    expect(seriesValue(monitor, 'sluice_query_failed')).toBe(1)
    expect(monitor.queries()[0]?.problems[0]).toMatchObject({
      what: 'failed',
      message: expect.stringContaining('disk full'),
    })
  })

  it('counts ticks that come during a batch', () => {
    const { scheduler, monitor, source, base } = watched()
    const run = readStream(source)
      .writeStream(numberSink([], [], { commit: () => timer(250, scheduler) }), {
        ...base,
        trigger: processingTime(100),
        limit: { maxRows: 10 },
      })
      .start()
    monitor.watch(run)
    return Promise.resolve().then(() => {
      scheduler.maxFrames = 600
      scheduler.flush()
      expect(seriesValue(monitor, 'sluice_query_trigger_overruns_total')).toBeGreaterThanOrEqual(4)
      void run.stop()
    })
  })
})

describe('a monitor of what it is told', () => {
  const place = (partition: string, partitionId = 0, attempt = 0) => ({ batchId: 0, partitionId, partition, attempt })
  const idle = { type: 'idle' } as const

  it('forgets partitions that nothing is heard of', () => {
    const scheduler = new VirtualTimeScheduler()
    const monitor = new Monitor({ scheduler, forgetAfter: 1_000 })
    const run = fakeRun()
    monitor.watch(run)
    const attempt = attemptIn(testContext({ scheduler }))
    run.tell(0, { type: 'partition-started', ...place('a'), figures: () => attempt.liveFigures })
    run.tell(0, { ...attempt.finished(), ...place('a') })
    run.tell(0, { type: 'done', batchId: 0, outcome: 'committed' })
    expect(partitionsOf(monitor)).toEqual(['a'])
    scheduler.schedule(() => {}, 1_001)
    scheduler.flush()
    expect(partitionsOf(monitor)).toEqual([])
  })

  it('is not ready when a busy query is silent, and ready when it is idle, waits on purpose or has ended', () => {
    const scheduler = new VirtualTimeScheduler()
    const monitor = new Monitor({ scheduler, staleAfter: 1_000 })
    const run = fakeRun()
    const at = (ms: number) => {
      scheduler.schedule(() => {}, ms - scheduler.now())
      scheduler.flush()
    }
    monitor.watch(run)
    run.tell(0, { type: 'triggered' })
    at(900)
    expect(monitor.health().ready).toBe(true)
    at(1_100)
    expect(monitor.health()).toEqual({ ready: false, queries: { q: 'busy and silent: for 1 s' } })
    run.tell(1_100, idle)
    at(9_000)
    expect(monitor.health()).toEqual({ ready: true, queries: { q: 'idle' } })
    const attempt = attemptIn(testContext({ scheduler }))
    attempt.clock.reading(true)
    run.tell(9_000, { type: 'triggered' })
    run.tell(9_000, { type: 'partition-started', ...place('a'), figures: () => attempt.liveFigures })
    at(10_500)
    expect(monitor.health()).toEqual({ ready: false, queries: { q: 'nothing moves in partition a: for 2 s' } })
    attempt.clock.waits('reader', 'quota')
    expect(monitor.health().ready).toBe(true)
    expect(seriesValue(monitor, 'sluice_partition_state', { partition: 'a', state: 'throttled' })).toBe(1)
    attempt.clock.waits('reader', undefined)
    attempt.clock.look()
    attempt.read(3)
    expect(monitor.health().ready).toBe(true)
    run.tell(10_500, { type: 'restarting', attempt: 1, delayMs: 100, error: new Error('gone') })
    expect(monitor.health()).toEqual({ ready: false, queries: { q: 'restarts after a failure' } })
    run.tell(10_600, { type: 'stopped' })
    expect(monitor.health()).toEqual({ ready: true, queries: { q: 'ended' } })
  })

  it('is not ready when a trigger that follows the clock is silent', () => {
    const scheduler = new VirtualTimeScheduler()
    const monitor = new Monitor({ scheduler, staleAfter: 1_000 })
    const run = fakeRun()
    monitor.watch(run)
    const guarantee = { level: 'at-least-once', reason: '' } as const
    run.tell(0, {
      type: 'started',
      queryId: 'i',
      runId: 'r',
      name: 'q',
      guarantee,
      sources: ['s'],
      sink: 'k',
      intervalMs: 1_000,
    })
    run.tell(0, { type: 'triggered' })
    run.tell(0, idle)
    scheduler.schedule(() => expect(monitor.health().ready).toBe(true), 2_900)
    scheduler.schedule(() => expect(monitor.health().ready).toBe(false), 3_100)
    scheduler.flush()
    expect.assertions(2)
  })

  it('adds up settlements over sources that begin anew', () => {
    const monitor = new Monitor()
    const run = fakeRun()
    monitor.watch(run)
    const counts = { acknowledged: 0, released: 0, stale: 0, redelivered: 0, deadLettered: 0 }
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1 }), (acknowledged) => {
        let before = seriesValue(monitor, 'sluice_query_settlements_total', { kind: 'acknowledged' }) ?? 0
        for (const count of acknowledged) {
          run.tell(0, { type: 'settlements', batchId: 0, counts: { ...counts, acknowledged: count } })
          const now = seriesValue(monitor, 'sluice_query_settlements_total', { kind: 'acknowledged' }) ?? 0
          expect(now).toBeGreaterThanOrEqual(before)
          before = now
        }
      }),
    )
  })

  it('that breaks down is a warning, and changes nothing else', async () => {
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const monitor = new Monitor()
    monitor.changes$.subscribe(() => undefined)
    const rows: number[] = []
    const run = readStream(numberSource(() => 9))
      .writeStream(numberSink([], rows), { name: 'q', checkpoint: memoryCheckpoint(), trigger: availableNow() })
      .start()
    monitor.watch({
      name: 'q',
      progress$: run.progress$,
      events$: run.events$,
    })
    const broken = fakeRun('broken')
    monitor.watch(broken)
    broken.tell(0, {
      type: 'partition-started',
      ...place('a'),
      figures: () => {
        throw new Error('password=hunter2')
      },
    })
    await run.terminated
    expect(rows.length).toBe(9)
    await new Promise(setImmediate)
    expect(warnings).toEqual([expect.stringMatching(/^the monitor failed: password=/)])
    expect(warnings.join()).not.toContain('hunter2')
  })
})
