// The page
export { type ServeDashboardOptions, serveDashboard } from './serve-dashboard.ts'

// What it is served by
export { type MetricsServer, serveMetrics } from '../metrics/serve-metrics.ts'
export { Monitor, type MonitorOptions } from '../metrics/monitor.ts'
