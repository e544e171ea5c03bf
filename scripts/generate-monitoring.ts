// Writes examples/monitoring and the guide's table from the definitions of the metrics: node scripts/generate-monitoring.ts
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { metricsTable, withTable } from '../src/metrics/metrics-table.ts'
import { monitoringFiles } from '../src/metrics/monitoring-files.ts'

const folder = new URL('../examples/monitoring/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [name, text] of Object.entries(monitoringFiles())) writeFileSync(new URL(name, folder), text)

const guide = new URL('../src/metrics/README.md', import.meta.url)
writeFileSync(guide, withTable(readFileSync(guide, 'utf8'), metricsTable()))
