import { gauge, type MetricDefinition } from './metric-definition.ts'
import { partitionMetrics } from './partition-metrics.ts'
import { queryMetrics } from './query-metrics.ts'

/** The whole list, in the order in which it is shown. */
export const metricDefinitions = [
  gauge('sluice_build_info', 'info', ['version'], 'Always 1; the version is a label.'),
  ...queryMetrics,
  ...partitionMetrics,
] as const

/** The name of something that is measured. */
export type MetricName = (typeof metricDefinitions)[number]['name']

/** By its name. */
export function definitionOf(name: MetricName): MetricDefinition {
  return metricDefinitions.find((definition) => definition.name === name) as MetricDefinition
}
