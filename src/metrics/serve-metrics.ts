import type { IncomingMessage } from 'node:http'
import type { Subscription } from 'rxjs'
import { rules, validateOptions } from '../options.ts'
import {
  json,
  type Route,
  type RunningServer,
  type ServerOptions,
  type StreamRoute,
  serverRules,
  startServer,
} from './http-server.ts'
import { Monitor, type ObservedRun } from './monitor.ts'
import { type MetricRegistry, prometheusMetrics } from './prometheus.ts'

/** Options of {@link serveMetrics}. */
export interface ServeMetricsOptions extends ServerOptions {
  /** What it shows. @default a new one, with its defaults */
  readonly monitor?: Monitor
  /** Where the metrics are registered, beside your own. @default a registry of their own */
  readonly registry?: MetricRegistry
}

/** A server of metrics that listens. */
export interface MetricsServer extends RunningServer {
  readonly monitor: Monitor
  readonly registry: MetricRegistry
  /** Shows a run, too: call it right after `start()`. */
  readonly watch: (run: ObservedRun) => Subscription
}

const monitorRule = {
  expected: 'a Monitor',
  accepts: (value: unknown): boolean => value instanceof Monitor,
}

/**
 * Serves what a monitor knows, over HTTP:
 *
 * - `/metrics`: in Prometheus' text format, or in OpenMetrics for whom accepts it;
 * - `/health/live`: 200 while the process answers; `/health/ready`: 200, or 503 when a query has failed, restarts, or is busy and silent. Neither needs the token; only with it they name queries;
 * - `/queries`: queries, progress and partitions as JSON.
 *
 * Everything else is a 404. It listens on loopback unless told otherwise, and speaks HTTP without TLS: put a proxy before it where others can listen.
 *
 * ```ts
 * await using server = await serveMetrics({ port: 9464 })
 * server.watch(query.start())
 * ```
 *
 * @throws OptionError, also when the port is taken.
 */
export function serveMetrics(options: ServeMetricsOptions): Promise<MetricsServer> {
  return serveMonitor('serveMetrics', options, () => ({}))
}

/** The same with further paths. @param owner for errors. */
export async function serveMonitor(
  owner: string,
  options: ServeMetricsOptions,
  further: (monitor: Monitor) => Readonly<Record<string, Route | StreamRoute>>,
  onClose: () => void = () => {},
): Promise<MetricsServer> {
  validateOptions(owner, options, { ...serverRules, monitor: monitorRule, registry: rules.object })
  const { monitor = new Monitor(), registry, ...server } = options
  const metrics = prometheusMetrics(monitor, registry === undefined ? {} : { registry })
  const routes: Record<string, Route | StreamRoute> = {
    '/metrics': { answer: (request) => rendered(request, metrics.render) },
    '/health/live': { open: true, answer: () => json({ live: true }) },
    '/health/ready': {
      open: true,
      answer: (_request, trusted) => {
        const { ready, queries } = monitor.health()
        return json(trusted ? { ready, queries } : { ready }, ready ? 200 : 503)
      },
    },
    '/queries': { answer: () => json(monitor.queries()) },
    ...further(monitor),
  }
  try {
    const running = await startServer(owner, server, routes)
    let closed = false
    const close = async (): Promise<void> => {
      if (!closed) {
        // Once: what is in a shared registry by then may be somebody else's.
        closed = true
        onClose()
        metrics.remove()
      }
      await running.close()
    }
    return {
      ...running,
      monitor,
      registry: metrics.registry,
      watch: (run) => monitor.watch(run),
      close,
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    metrics.remove()
    throw error
  }
}

async function rendered(
  { headers: { accept = '' } }: IncomingMessage,
  render: ReturnType<typeof prometheusMetrics>['render'],
): Promise<{ readonly contentType: string; readonly body: string }> {
  const { contentType, text } = await render(
    /application\/openmetrics-text/.test(accept) ? 'openmetrics' : 'prometheus',
  )
  return { contentType, body: text }
}
