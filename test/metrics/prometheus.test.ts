import { readFileSync } from 'node:fs'
import { Counter, Registry, register } from 'prom-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryCheckpoint } from '../../src/checkpoint/memory.ts'
import { OptionError } from '../../src/errors.ts'
import { metricDefinitions } from '../../src/metrics/definitions.ts'
import { failureKind } from '../../src/metrics/failure-kind.ts'
import { Monitor } from '../../src/metrics/monitor.ts'
import { prometheusMetrics } from '../../src/metrics/prometheus.ts'
import { version } from '../../src/metrics/version.ts'
import { readStream } from '../../src/stream.ts'
import { availableNow } from '../../src/trigger.ts'
import { numberSink, numberSource } from '../engine/recording.ts'

async function moved(monitor: Monitor, rows = 40): Promise<void> {
  const run = readStream(numberSource(() => rows))
    .writeStream(numberSink(), {
      name: 'numbers "quoted"\\\n',
      checkpoint: memoryCheckpoint(),
      trigger: availableNow(),
      limit: { maxRows: 20 },
    })
    .start()
  monitor.watch(run)
  await run.terminated
}

describe('the definitions', () => {
  it('keep the rules of Prometheus', () => {
    for (const { name, kind, unit, help, labels } of metricDefinitions) {
      expect(name).toMatch(/^sluice_(?:build_info|(?:query|source|partition)_[a-z_]+)$/)
      expect([name, name.endsWith('_total')]).toEqual([name, kind === 'counter'])
      const suffix = name.replace(/_total$/, '')
      if (unit === 'seconds') expect(suffix).toMatch(/_seconds$/)
      if (unit === 'timestamp') expect(suffix).toMatch(/_timestamp_seconds$/)
      if (unit === 'bytes') expect(suffix).toMatch(/bytes/)
      if (unit === 'rows') expect(suffix).toMatch(/rows/)
      if (kind === 'histogram') expect(labels).not.toContain('partition')
      expect(help).toMatch(/\.$/)
    }
    const names = metricDefinitions.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('know the version of the package', () => {
    expect(version).toBe((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version)
  })
})

describe('prometheusMetrics', () => {
  it('renders each definition, with 0 before anything has happened, and never into the global registry', async () => {
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor)
    const before = await metrics.render()
    for (const { name, kind } of metricDefinitions) expect(before.text).toContain(`# TYPE ${name} ${kind}\n`)
    expect(before.text).toContain(`sluice_build_info{version="${version}"} 1`)
    await moved(monitor, 0)
    const { text } = await metrics.render()
    const query = String.raw`query="numbers \"quoted\"\\\n"`
    for (const line of [
      `sluice_query_batches_total{${query},outcome="abandoned"} 0`,
      `sluice_query_restarts_total{${query}} 0`,
      `sluice_query_settlements_total{${query},kind="stale"} 0`,
      `sluice_query_last_batch_id{${query}} -1`,
    ])
      expect(text).toContain(line)
    expect(register.getMetricsAsArray()).toEqual([])
  })

  it('has the rows that were moved, and histograms of the batches, however often it is scraped', async () => {
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor)
    await moved(monitor)
    const [first, second] = await Promise.all([metrics.render(), metrics.render()])
    const third = await metrics.render()
    for (const { text, contentType } of [first, second, third]) {
      expect(contentType).toMatch(/^text\/plain; version=0\.0\.4/)
      const rows = [...text.matchAll(/^sluice_partition_rows_committed_total\{.*\} (\d+)$/gm)]
      expect(rows.map(([, value]) => Number(value))).toEqual([20, 20])
      expect(text).toMatch(/^sluice_query_batch_rows_count\{.*\} 2$/m)
      expect(text).toMatch(/^sluice_query_batch_rows_sum\{.*\} 40$/m)
      expect(text).toMatch(/^sluice_query_batch_duration_seconds_bucket\{le="\+Inf",.*phase="triggerExecution"\} 2$/m)
    }
  })

  it('renders OpenMetrics, and its own format after that', async () => {
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor)
    await moved(monitor)
    const before = await metrics.render('prometheus')
    const { text, contentType } = await metrics.render('openmetrics')
    expect(contentType).toMatch(/^application\/openmetrics-text; version=1\.0\.0/)
    expect(text).toContain('# TYPE sluice_partition_rows_committed counter\n')
    expect(text).toMatch(/^sluice_partition_rows_committed_total\{.*\} 20$/m)
    expect(text).not.toContain('_total_total')
    expect(text.endsWith('# EOF\n')).toBe(true)
    const after = await metrics.render('prometheus')
    const names = (rendered: string) => rendered.match(/^# TYPE .*$/gm)
    expect(names(after.text)).toEqual(names(before.text))
  })

  it('shares the caller’s registry, and leaves it', async () => {
    const registry = new Registry()
    const mine = new Counter({ name: 'mine_total', help: 'Mine.', registers: [registry] })
    mine.inc(3)
    registry.setDefaultLabels({ pod: 'p1' })
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor, { registry })
    expect(metrics.registry).toBe(registry)
    for (const format of ['prometheus', 'openmetrics'] as const)
      expect((await metrics.render(format)).text).toContain('mine_total{pod="p1"} 3')
    expect(() => prometheusMetrics(monitor, { registry })).toThrow(OptionError)
    metrics.remove()
    expect((await metrics.render()).text).not.toContain('sluice_')
    prometheusMetrics(monitor, { registry }).remove()
  })

  it('keeps secrets out', async () => {
    const monitor = new Monitor()
    const metrics = prometheusMetrics(monitor)
    const sink = numberSink([], [], {
      write: () => {
        throw new Error('https://user:hunter2@example.com/?token=hunter2 failed')
      },
    })
    const run = readStream(numberSource(() => 3))
      .writeStream(sink, {
        name: 'q',
        checkpoint: memoryCheckpoint(),
        trigger: availableNow(),
        retry: { maxAttempts: 1 },
      })
      .start()
    monitor.watch(run)
    await run.terminated.catch(() => {})
    const { text } = await metrics.render()
    expect(text).toMatch(/^sluice_partition_failures_total\{.*kind="other"\} 1$/m)
    expect(text + JSON.stringify(monitor.queries())).not.toContain('hunter2')
    expect(text).not.toContain('example.com')
  })

  it('is not hurt by a registry that breaks', async () => {
    const warnings: string[] = []
    const note = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', note)
    onTestFinished(() => void process.off('warning', note))
    const monitor = new Monitor()
    monitor.values$.subscribe(() => {
      throw new Error('the registry is broken')
    })
    await moved(monitor)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(monitor.health().ready).toBe(true)
    expect(warnings.length).toBe(1)
  })
})

describe('failureKind', () => {
  const withCode = (code: string, cause?: unknown) => Object.assign(new Error(code, { cause }), { code })
  it.each([
    ['network', withCode('ECONNREFUSED')],
    ['network', new Error('outer', { cause: withCode('UND_ERR_SOCKET') })],
    ['timeout', withCode('ETIMEDOUT')],
    ['timeout', new DOMException('late', 'TimeoutError')],
    ['stalled', withCode('SLUICE_STALLED')],
    ['row', withCode('SLUICE_ROW')],
    ['refused', Object.assign(new Error('no'), { retryable: false })],
    ['other', new Error('anything')],
    ['other', 'a text'],
    ['other', undefined],
  ] as const)('%s: %s', (kind, error) => {
    expect(failureKind(error)).toBe(kind)
  })
})
