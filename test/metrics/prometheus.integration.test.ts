import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { availableNow, memoryCheckpoint, processingTime, readStream } from 'sluice'
import { serveMetrics } from 'sluice/metrics'
import { describe, expect, it, onTestFinished } from 'vitest'
import { program } from '../../scripts/services/programs.mjs'
import { drawnExpressions } from '../../src/metrics/grafana.ts'
import { numberSink, numberSource } from '../engine/recording.ts'
import { startPrometheus } from './prometheus-server.ts'

const alerts = resolve('examples/monitoring/alerts.yaml')

async function folderOf(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-promtool-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

function promtool(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program('promtool'), [...args], { encoding: 'utf8' })
  return { status, said: stdout + stderr }
}

describe('promtool', () => {
  it('takes the rules and the configuration', () => {
    expect(promtool('check', 'rules', alerts)).toMatchObject({ status: 0, said: expect.stringContaining('SUCCESS') })
    expect(promtool('check', 'config', 'examples/monitoring/prometheus.yaml').status).toBe(0)
  })

  it('fires alerts when it should, and only then', async () => {
    const folder = await folderOf()
    const query = 'query="q",instance="i",job="j"'
    const partition = `${query},partition="p"`
    const text = await readFile(alerts, 'utf8')
    function fired(name: string, severity: string) {
      const block = text.slice(text.indexOf(`- alert: ${name}`))
      const of = (key: string) => JSON.parse(new RegExp(`${key}: (".*")`).exec(block)?.[1] ?? '""') as string
      const fill = (template: string) => template.replaceAll('{{ $labels.query }}', 'q')
      return {
        exp_labels: { severity, query: 'q', instance: 'i', job: 'j' },
        exp_annotations: { summary: fill(of('summary')), description: fill(of('description')) },
      }
    }
    const rules = {
      rule_files: [alerts],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: [
            { series: `sluice_query_failed{${query}}`, values: '0 0 0 0 0 1 1 1 1 1 1' },
            { series: `sluice_partition_state{${partition},state="stalled"}`, values: '1x30' },
            { series: `sluice_source_lag_rows{query="q",source="s",instance="i",job="j"}`, values: '100+10x80' },
            { series: `sluice_query_healthy{${query}}`, values: '1x30' },
            { series: `sluice_query_up{${query}}`, values: '1x30' },
            { series: `sluice_partition_time_seconds_total{${partition},activity="backpressured"}`, values: '0+54x80' },
            { series: `sluice_partition_time_seconds_total{${partition},activity="write"}`, values: '0+6x80' },
          ],
          alert_rule_test: [
            { eval_time: '4m', alertname: 'SluiceQueryFailed', exp_alerts: [] },
            {
              eval_time: '8m',
              alertname: 'SluiceQueryFailed',
              exp_alerts: [fired('SluiceQueryFailed', 'critical')],
            },
            { eval_time: '3m', alertname: 'SluicePartitionStalled', exp_alerts: [] },
            { eval_time: '20m', alertname: 'SluiceQueryUnhealthy', exp_alerts: [] },
            { eval_time: '10m', alertname: 'SluiceBackpressured', exp_alerts: [] },
            {
              eval_time: '70m',
              alertname: 'SluiceBackpressured',
              exp_alerts: [fired('SluiceBackpressured', 'warning')],
            },
            { eval_time: '10m', alertname: 'SluiceLagGrows', exp_alerts: [] },
          ],
        },
      ],
    }
    const file = join(folder, 'test.yaml')
    await writeFile(file, JSON.stringify(rules)) // JSON is YAML
    expect(promtool('test', 'rules', file)).toMatchObject({ status: 0 })
    const wrong = JSON.stringify(rules).replace('"eval_time":"4m"', '"eval_time":"9m"')
    await writeFile(file, wrong)
    expect(promtool('test', 'rules', file).status).not.toBe(0)
  })

  it('finds nothing wrong with what is served', async () => {
    await using server = await serveMetrics({ port: 0 })
    const run = readStream(numberSource(() => 30))
      .writeStream(numberSink(), { name: 'q', checkpoint: memoryCheckpoint() })
      .start()
    server.watch(run)
    await run.processAllAvailable()
    await run.stop()
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const { status, stderr } = spawnSync(program('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
  })
})

describe('Prometheus', () => {
  it('scrapes what was moved: its numbers are the rows', async () => {
    const token = 'scrape-me'
    await using server = await serveMetrics({ port: 0, token })
    let head = 1_000
    let broken = false
    const sink = numberSink([], [], {
      commit: () => {
        if (broken) throw new Error('disk full')
      },
    })
    const run = readStream(
      numberSource(() => head, [], {
        distance: (a, b) => b.offset - a.offset,
        reportLatestOffset: () => ({ offset: head }),
      }),
    )
      .writeStream(sink, {
        name: 'numbers',
        checkpoint: memoryCheckpoint(),
        trigger: processingTime(50),
        limit: { maxRows: 300 },
        retry: { maxAttempts: 1 },
      })
      .start()
    server.watch(run)
    const prometheus = await startPrometheus({ port: server.port, token }, alerts)
    onTestFinished(() => prometheus.close())
    await run.processAllAvailable()
    for (const stage of ['read', 'delivered', 'committed'])
      expect([
        stage,
        await prometheus.settles(`sum(sluice_partition_rows_${stage}_total{query="numbers"})`, 1_000),
      ]).toEqual([stage, 1_000])
    expect(await prometheus.value('sluice_query_batches_total{outcome="committed"}')).toBe(4)
    expect(await prometheus.value('sluice_query_batch_rows_sum')).toBe(1_000)
    head = 1_750
    await run.processAllAvailable()
    expect(await prometheus.settles('sum(sluice_partition_rows_committed_total)', 1_750)).toBe(1_750)
    expect(await prometheus.settles('sluice_source_lag_rows', 0)).toBe(0)
    expect(await prometheus.value('sluice_query_healthy')).toBe(1)
    const wall = await prometheus.value('sum by (partition) (sluice_partition_time_seconds_total{partition="0"})')
    expect(wall).toBeGreaterThan(0.5)
    expect(await prometheus.targets()).toMatchObject([{ health: 'up', lastError: '' }])
    for (const expr of drawnExpressions) await expect(prometheus.value(expr)).resolves.not.toThrow()
    broken = true
    head = 1_800
    await run.terminated.catch(() => {})
    expect(await prometheus.settles('sluice_query_failed', 1)).toBe(1)
    expect(await prometheus.value('sum(sluice_partition_rows_committed_total)')).toBe(1_750)
    expect(await prometheus.value('sum(sluice_partition_rows_delivered_total)')).toBe(1_800)
  })

  it('scrapes names that somebody else has chosen: none is lost, and none becomes another', async () => {
    await using server = await serveMetrics({ port: 0 })
    const names = [
      'a"b',
      'a\\',
      'a\nb} 7',
      '\ud800',
      'm'.repeat(2 ** 20),
      `${'m'.repeat(2 ** 20)}2`,
      'ø→日',
      '\u0000',
      'p,query:q',
      '{}#',
    ]
    const source = numberSource(() => names.length, [], {
      partitions: () => names.map((_, from) => ({ from, to: from + 1 })),
      partitionKey: ({ from }) => names[from] as string,
    })
    for (const name of ['q', 'q,partition:p']) {
      const run = readStream(source)
        .writeStream(numberSink(), { name, checkpoint: memoryCheckpoint(), trigger: availableNow() })
        .start()
      server.watch(run)
      await run.terminated
    }
    const text = await (await fetch(`${server.url}/metrics`)).text()
    const { status, stderr } = spawnSync(program('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' })
    expect([status, stderr]).toEqual([0, ''])
    const prometheus = await startPrometheus({ port: server.port }, alerts)
    onTestFinished(() => prometheus.close())
    const series = 2 * names.length
    expect(await prometheus.settles('count(sluice_partition_rows_committed_total == 1)', series)).toBe(series)
    expect(await prometheus.targets()).toMatchObject([{ health: 'up', lastError: '' }])
  })
})
