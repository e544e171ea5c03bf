import { NEVER, throwError, VirtualTimeScheduler } from 'rxjs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { Monitor } from '../../src/metrics/monitor.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'
import { numberSink, numberSource } from '../engine/recording.ts'
import { attemptIn, testContext } from '../operators/a-run.ts'
import { fakeRun, partitionsOf, seriesValue } from './a-monitor.ts'

/** A query of one partition a row, with names that somebody else has chosen. */
function named(names: readonly string[], name = 'q', changes: Parameters<typeof numberSource>[2] = {}) {
  const source = numberSource(() => names.length, [], {
    partitions: (start, end) =>
      Array.from({ length: end.offset - start.offset }, (_, i) => ({
        from: start.offset + i,
        to: start.offset + i + 1,
      })),
    partitionKey: ({ from }) => names[from] as string,
    ...changes,
  })
  return readStream(source).writeStream(numberSink(), { name, checkpoint: memoryCheckpoint(), trigger: availableNow() })
}

async function run(monitor: Monitor, query: ReturnType<typeof named>): Promise<void> {
  const started = query.start()
  monitor.watch(started)
  await started.terminated
}

const seriesIn = (text: string, metric: string) =>
  text.split('\n').flatMap((line) => (line.startsWith(`${metric}{`) ? [line.slice(metric.length)] : []))

function warningsOf(): string[] {
  const warnings: string[] = []
  const note = ({ message }: Error): void => void warnings.push(message)
  process.on('warning', note)
  onTestFinished(() => void process.off('warning', note))
  return warnings
}

describe('names that somebody else has chosen', () => {
  it('make labels that can be read, however long and strange they are', async () => {
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor)
    const mega = 'm'.repeat(2 ** 20)
    const names = ['a"b', 'a\\', 'a\nb} 7\nevil_total 1', '\ud800', '__proto__', `${mega}1`, `${mega}2`, '', '\u0000']
    await run(monitor, named([...names, 'https://u:hunter2@h/?access_token=hunter2']))
    const { text } = await metrics.render()
    expect(text.length).toBeLessThan(200_000)
    expect(text).not.toContain('hunter2')
    expect(text).not.toMatch(/^evil/m)
    expect(seriesIn(text, 'sluice_partition_rows_committed_total')).toHaveLength(names.length + 1)
    const line = /^\{query="q",partition="(?:[^"\\\n]|\\["\\n])*"\} 1$/
    for (const series of seriesIn(text, 'sluice_partition_rows_committed_total')) expect(series).toMatch(line)
    const shown = JSON.stringify(monitor.queries())
    expect(shown.length).toBeLessThan(200_000)
    expect(shown).not.toContain('hunter2')
  })

  it('are never taken for each other', async () => {
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor)
    await run(monitor, named(['a'], 'b,query:c'))
    await run(monitor, named(['a,query:b'], 'c'))
    for (const format of ['prometheus', 'openmetrics'] as const) {
      const { text } = await metrics.render(format)
      expect(seriesIn(text, 'sluice_partition_rows_committed_total')).toEqual([
        '{query="b,query:c",partition="a"} 1',
        '{query="c",partition="a,query:b"} 1',
      ])
    }
  })
})

describe('two queries of one name', () => {
  it('that run at once have figures of their own, and no counter goes back', async () => {
    const warnings = warningsOf()
    const monitor = new Monitor()
    const endless = named(['p'], 'q', { read: () => NEVER })
    const first = endless.start()
    monitor.watch(first)
    await run(monitor, named(['p', 'r']))
    const rows = (query: string) => seriesValue(monitor, 'sluice_partition_rows_committed_total', { query })
    expect([rows('q'), rows('q (2)')]).toEqual([0, 2])
    expect(monitor.health().queries).toEqual({ q: 'busy', 'q (2)': 'ended' })
    await run(monitor, named(['p']))
    expect([rows('q'), rows('q (2)')]).toEqual([0, 3])
    await first.stop()
    await run(monitor, named(['p']))
    expect([rows('q'), rows('q (2)')]).toEqual([1, 3])
    await new Promise(setImmediate)
    expect(warnings).toContain('two queries named "q" run at once; one is shown as q (2)')
  })

  it('is one that is watched twice', async () => {
    const monitor = new Monitor()
    const started = named(['p']).start()
    expect(monitor.watch(started)).toBe(monitor.watch(started))
    await started.terminated
    expect(seriesValue(monitor, 'sluice_partition_rows_committed_total')).toBe(1)
    expect(seriesValue(monitor, 'sluice_query_starts_total')).toBe(1)
  })
})

describe('a run that is not observed to its end', () => {
  it('is neither up nor unhealthy when its observer left, or came when it was over', async () => {
    const scheduler = new VirtualTimeScheduler()
    const monitor = new Monitor({ scheduler, staleAfter: 1_000 })
    monitor.watch(fakeRun('left')).unsubscribe()
    const over = fakeRun('over')
    over.events$.complete()
    over.progress$.complete()
    monitor.watch(over)
    scheduler.schedule(() => {}, 5_000)
    scheduler.flush()
    expect(monitor.health()).toEqual({ ready: true, queries: { left: 'ended', over: 'ended' } })
    expect(seriesValue(monitor, 'sluice_query_up')).toBe(0)
  })

  it('goes on when it is observed again', () => {
    const monitor = new Monitor()
    const once = fakeRun()
    monitor.watch(once).unsubscribe()
    monitor.watch(once)
    expect(monitor.health().queries).toEqual({ q: 'busy' })
  })
})

describe('a query that fails for ever', () => {
  const place = { batchId: 0, partitionId: 0, partition: 'a' }
  const error = new Error('refused')

  function watched() {
    const scheduler = new VirtualTimeScheduler()
    const monitor = new Monitor({ scheduler, staleAfter: 1_000 })
    const told = fakeRun()
    monitor.watch(told)
    told.tell(0, { type: 'triggered' })
    const each = (fails: () => void): readonly boolean[] => {
      const ready: boolean[] = []
      for (let at = 0; at < 2_000; at += 400) {
        scheduler.schedule(() => {
          fails()
          ready.push(monitor.health().ready)
        }, at)
      }
      scheduler.flush()
      return ready
    }
    return { scheduler, monitor, told, each }
  }

  it('is not healthy, though it never is silent: a partition', () => {
    const { scheduler, monitor, told, each } = watched()
    let attempt = 0
    const fails = () => {
      const at = scheduler.now()
      const { liveFigures } = attemptIn(testContext({ scheduler }))
      told.tell(at, { type: 'partition-started', ...place, attempt, figures: () => liveFigures })
      told.tell(at, { type: 'partition-failed', ...place, attempt, error })
      told.tell(at, {
        type: 'retry',
        port: 'partition',
        attempt: ++attempt,
        delayMs: 400,
        error,
        batchId: 0,
        partitionId: 0,
      })
    }
    expect(each(fails)).toEqual([true, true, true, false, false])
    expect(monitor.health().queries).toEqual({ q: 'partition a fails again and again: for 2 s' })
    const { liveFigures } = attemptIn(testContext({ scheduler }))
    told.tell(scheduler.now(), { type: 'partition-started', ...place, attempt, figures: () => liveFigures })
    told.tell(scheduler.now(), { type: 'partition-finished', ...place, attempt, ...liveFigures })
    expect(monitor.health().ready).toBe(true)
  })

  it('is not healthy, though it never is silent: a call of a port', () => {
    const { scheduler, monitor, told, each } = watched()
    let attempt = 0
    const fails = () =>
      told.tell(scheduler.now(), { type: 'retry', port: 'latestOffset', attempt: ++attempt, delayMs: 400, error })
    expect(each(fails)).toEqual([true, true, true, false, false])
    expect(monitor.health().queries).toEqual({ q: 'it fails again and again: for 2 s' })
    told.tell(scheduler.now(), { type: 'phase', phase: 'latestOffset', durationMs: 1 })
    expect(monitor.health().ready).toBe(true)
  })
})

describe('figures that are none', () => {
  it('count nothing, and break nothing', async () => {
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor)
    const wrong = [Number.NaN, -5, Infinity, undefined as unknown as number]
    await run(
      monitor,
      named(['p'], 'q', {
        *read(_partition, { report }) {
          for (const bytes of [...wrong, 12]) report({ bytes, late: bytes, deduplicated: bytes })
          yield [{ n: 1 }]
        },
      }),
    )
    const { text } = await metrics.render()
    expect(seriesIn(text, 'sluice_partition_bytes_read_total')).toEqual(['{query="q",partition="p"} 12'])
    expect(seriesIn(text, 'sluice_partition_rows_left_out_total')).toContain(
      '{query="q",partition="p",reason="late"} 12',
    )
  })

  it('of settlements are as they were before; and no kind goes back when another source begins with more of one', () => {
    const monitor = new Monitor()
    const told = fakeRun()
    monitor.watch(told)
    const counts = { acknowledged: 5, released: 0, stale: 3, redelivered: 0, deadLettered: 0 }
    const kind = (name: string) => seriesValue(monitor, 'sluice_query_settlements_total', { kind: name })
    told.tell(0, { type: 'settlements', batchId: 0, counts })
    told.tell(0, { type: 'settlements', batchId: 0, counts: { ...counts, stale: Number.NaN } })
    expect([kind('acknowledged'), kind('stale')]).toEqual([5, 3])
    told.tell(0, { type: 'settlements', batchId: 0, counts: { ...counts, acknowledged: 7, stale: 0 } })
    expect([kind('acknowledged'), kind('stale')]).toEqual([12, 3])
  })
})

describe('a clock that is set back', () => {
  it('costs no more than what it was set back by, and no counter goes back', () => {
    let now = 1_000_000
    const scheduler = Object.assign(new VirtualTimeScheduler(), { now: () => now })
    const monitor = new Monitor({ scheduler })
    const told = fakeRun()
    monitor.watch(told)
    const place = { batchId: 0, partitionId: 0, partition: 'a', attempt: 0 }
    const seen = new Map<string, number>()
    const look = (): number => {
      for (const { labels, value } of monitor.samples().get('sluice_partition_time_seconds_total') ?? []) {
        const key = JSON.stringify(labels)
        expect(value).toBeGreaterThanOrEqual(seen.get(key) ?? 0)
        seen.set(key, value)
      }
      return [...seen.values()].reduce((sum, seconds) => sum + seconds, 0)
    }
    const steps = [100, 400, -3_000, 50, 700, -10, 300, 2_000, 3_000]
    let passed = 0
    for (const [batchId, ms] of steps.entries()) {
      const attempt = attemptIn(testContext({ scheduler }))
      told.tell(now, { type: 'partition-started', ...place, batchId, figures: () => attempt.liveFigures })
      now += ms
      look()
      attempt.clock.stop()
      told.tell(now, { ...attempt.finished(), ...place, batchId })
      told.tell(now, { type: 'done', batchId, outcome: 'committed' })
      now += 100
      passed += Math.max(0, ms) + 100
      look()
    }
    const sum = look() * 1_000
    expect(sum).toBeLessThanOrEqual(passed)
    expect(sum).toBeGreaterThanOrEqual(passed - 3_010)
    expect(partitionsOf(monitor)).toEqual(['a'])
  })
})

describe('the lag of partitions without series of their own', () => {
  it('is that of all of them', () => {
    const monitor = new Monitor({ maxPartitions: 1 })
    const told = fakeRun()
    monitor.watch(told)
    for (const [partitionId, partition] of ['p', 'r', 's'].entries()) {
      const { liveFigures } = attemptIn(testContext())
      told.tell(0, {
        type: 'partition-started',
        batchId: 0,
        partitionId,
        partition,
        attempt: 0,
        figures: () => liveFigures,
      })
    }
    const lag = (source: string, partitions: Readonly<Record<string, number>>) => ({
      source,
      latestOffset: {},
      rows: 0,
      partitions,
    })
    told.tell(0, { type: 'lag', batchId: 0, sources: [lag('eu', { p: 3, r: 4 }), lag('us', { s: 5 })] })
    const behind = (partition: string) => seriesValue(monitor, 'sluice_partition_lag_rows', { partition })
    expect([behind('p'), behind('_other')]).toEqual([3, 9])
  })
})

it('a failed query says so without its secrets, wherever it is asked', async () => {
  const monitor = new Monitor()
  const error = () => throwError(() => new Error('GET https://me:hunter2@h/?api_key=hunter2: 500'))
  await run(monitor, named(['p'], 'q', { latestOffset: error })).catch(() => {})
  const shown = JSON.stringify(monitor.queries()) + JSON.stringify([...monitor.samples()])
  expect(shown).toContain('failed')
  expect(shown).not.toContain('hunter2')
})
