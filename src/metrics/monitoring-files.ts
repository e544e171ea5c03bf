import { alertRules } from './alerts.ts'
import { grafanaDashboard } from './grafana.ts'

/** The files of `examples/monitoring` by name, as they must be. */
export function monitoringFiles(): Readonly<Record<string, string>> {
  return {
    'alerts.yaml': alertsYaml(),
    'grafana-dashboard.json': `${JSON.stringify(grafanaDashboard(), undefined, 2)}\n`,
    'prometheus.yaml': prometheusYaml,
  }
}

const prometheusYaml = `# Scrapes a process that serves its metrics (serveMetrics or serveDashboard) on port 9464 of this machine.
scrape_configs:
  - job_name: sluice
    scrape_interval: 10s
    static_configs:
      - targets: ['127.0.0.1:9464']
rule_files:
  - alerts.yaml
`

/** Texts in YAML's double quotes, which are those of JSON. */
function alertsYaml(): string {
  const rules = alertRules.map(
    ({ alert, expr, for: holds, severity, summary, description }) => `      - alert: ${alert}
        expr: ${JSON.stringify(expr)}
        for: ${holds}
        labels:
          severity: ${severity}
        annotations:
          summary: ${JSON.stringify(summary)}
          description: ${JSON.stringify(description)}
`,
  )
  return `# Made from src/metrics/alerts.ts by scripts/generate-monitoring.ts.
groups:
  - name: sluice
    rules:
${rules.join('')}`
}
