import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { alertRules } from '../../src/metrics/alerts.ts'
import { metricDefinitions } from '../../src/metrics/definitions.ts'
import { drawnExpressions, drawnMetrics } from '../../src/metrics/grafana.ts'
import { metricsTable, withTable } from '../../src/metrics/metrics-table.ts'
import { monitoringFiles } from '../../src/metrics/monitoring-files.ts'

const names = metricDefinitions.map(({ name }) => name as string)
const labels = new Set<string>([
  ...metricDefinitions.flatMap((definition) => [...definition.labels]),
  'instance',
  'job',
  'le',
])

/** What an expression speaks of that isn't defined. */
function unknownIn(expr: string): readonly string[] {
  const metrics = (expr.match(/\bsluice_\w+/g) ?? []).map((name) => name.replace(/_(?:bucket|sum|count)$/, ''))
  const used = [...expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!=|=)/g), ...expr.matchAll(/\b(?:by|on|ignoring) \(([^)]*)\)/g)]
  const usedLabels = used.flatMap(([, list = '']) => list.split(',').map((name) => name.trim()))
  return [...metrics.filter((name) => !names.includes(name)), ...usedLabels.filter((label) => !labels.has(label))]
}

describe('alert rules and dashboard', () => {
  it.each(Object.entries(monitoringFiles()))('%s is what the definitions make of it', (name, text) => {
    expect(readFileSync(`examples/monitoring/${name}`, 'utf8')).toBe(text)
  })

  it('are in the guide', () => {
    const guide = readFileSync('src/metrics/README.md', 'utf8')
    expect(guide).toBe(withTable(guide, metricsTable()))
  })

  it('speak of nothing that is not measured', () => {
    expect(unknownIn('rate(sluice_nothing_total{foo="x"}[1m])')).toEqual(['sluice_nothing_total', 'foo'])
    for (const { expr, metrics } of alertRules) {
      expect([expr, unknownIn(expr)]).toEqual([expr, []])
      for (const metric of metrics) expect(expr).toContain(metric)
    }
    for (const expr of drawnExpressions) expect([expr, unknownIn(expr)]).toEqual([expr, []])
    for (const metric of drawnMetrics) expect(names).toContain(metric)
  })
})
