import { type MetricsServer, type ServeMetricsOptions, serveMonitor } from '../metrics/serve-metrics.ts'
import { assetRoutes } from './assets.ts'
import { Feed } from './feed.ts'

/** Options of {@link serveDashboard}. */
export interface ServeDashboardOptions extends ServeMetricsOptions {}

/**
 * Serves a page that shows queries as they run, beside all that `serveMetrics` serves: rates, batch durations by phase, lag, and the partitions with those that stall
 * on top.
 *
 * The page needs nothing from elsewhere, works in light and dark and on a phone, and finds back to a server that was started again. With a `token` it asks for that,
 * and keeps it until it is closed.
 *
 * ```ts
 * await using page = await serveDashboard({ port: 0 })
 * page.watch(query.start())
 * console.log(page.url)
 * ```
 *
 * @throws OptionError, also when the port is taken.
 */
export function serveDashboard(options: ServeDashboardOptions): Promise<MetricsServer> {
  let feed: Feed | undefined
  return serveMonitor(
    'serveDashboard',
    options,
    (monitor) => {
      feed = new Feed(monitor)
      return { ...assetRoutes(), '/events': { stream: feed.stream } }
    },
    () => feed?.close(),
  )
}
