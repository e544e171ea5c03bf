// Observing runs
export { type HistogramValue, Monitor, type MonitorChange, type MonitorOptions, type ObservedRun } from './monitor.ts'
export type { QueryCounts, QueryHealth, QueryProblem, QuerySnapshot } from './query-snapshot.ts'
export type { PartitionSnapshot, PartitionTotals } from './partition-watch.ts'

// What is measured
export { type MetricName, metricDefinitions } from './definitions.ts'
export type { MetricDefinition, MetricLabel, MetricUnit } from './metric-definition.ts'
export type { FailureKind, PartitionActivity, PartitionState } from './vocabulary.ts'
export type { Sample, Samples } from './samples.ts'

// Prometheus
export {
  type MetricFormat,
  type MetricRegistry,
  type PrometheusMetrics,
  type PrometheusOptions,
  prometheusMetrics,
} from './prometheus.ts'
export { type MetricsServer, type ServeMetricsOptions, serveMetrics } from './serve-metrics.ts'
export type { RunningServer, ServerOptions } from './http-server.ts'

// For alerts and dashboards
export { type AlertRule, alertRules } from './alerts.ts'
export { grafanaDashboard } from './grafana.ts'
export { monitoringFiles } from './monitoring-files.ts'
export { metricsTable, withTable } from './metrics-table.ts'

// Terminal and logs
export { type ConsoleProgressOptions, consoleProgress, type ProgressStream } from './console-progress.ts'
export { type Logger, logRun } from './logger.ts'
