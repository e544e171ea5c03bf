// Writes examples/monitoring from the definitions of the metrics: node scripts/generate-monitoring.ts
import { mkdirSync, writeFileSync } from 'node:fs'
import { monitoringFiles } from '../src/metrics/monitoring-files.ts'

const folder = new URL('../examples/monitoring/', import.meta.url)
mkdirSync(folder, { recursive: true })
for (const [name, text] of Object.entries(monitoringFiles())) writeFileSync(new URL(name, folder), text)
