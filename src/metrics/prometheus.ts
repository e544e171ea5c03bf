import { Histogram, type Metric, type OpenMetricsContentType, type PrometheusContentType, Registry } from 'prom-client'
import type { Subscription } from 'rxjs'
import { OptionError } from '../errors.ts'
import { rules, validateOptions } from '../options.ts'
import { type MetricName, metricDefinitions } from './definitions.ts'
import type { Monitor } from './monitor.ts'
import type { Samples } from './samples.ts'

/** A registry of prom-client, in either of its formats. */
export type MetricRegistry = Registry<PrometheusContentType> | Registry<OpenMetricsContentType>

/** Options of {@link prometheusMetrics}. */
export interface PrometheusOptions {
  /** Where the metrics are registered, beside your own; e.g. prom-client's global `register`. @default a registry of their own */
  readonly registry?: MetricRegistry
}

/** The two text formats that Prometheus scrapes. */
export type MetricFormat = 'prometheus' | 'openmetrics'

/** A monitor's metrics in a registry. */
export interface PrometheusMetrics {
  readonly registry: MetricRegistry
  /** The text of all metrics of the registry. @param format a registry that is in OpenMetrics stays in it. @default the registry's own */
  readonly render: (format?: MetricFormat) => Promise<{ readonly contentType: string; readonly text: string }>
  /** Takes them out of the registry. */
  readonly remove: () => void
}

/**
 * Registers a monitor's metrics with prom-client. Counters and gauges are filled in when they are scraped, so that between two scrapes nothing is done.
 *
 * Call it before the queries start: histograms count from here.
 * @throws OptionError when the registry has metrics of these names already.
 */
export function prometheusMetrics(monitor: Monitor, options: PrometheusOptions = {}): PrometheusMetrics {
  validateOptions('prometheusMetrics', options, { registry: rules.object })
  const registry: MetricRegistry = options.registry ?? new Registry()
  const taken = metricDefinitions.find(({ name }) => registry.getSingleMetric(name) !== undefined)
  if (taken !== undefined)
    throw new OptionError(
      `prometheusMetrics: the registry has a metric ${taken.name} already; one monitor for each registry`,
    )
  const registers = [registry as Registry]
  const scrape = new Scrape(monitor)
  const subscriptions: Subscription[] = []
  let removed = false
  for (const definition of metricDefinitions) {
    const { name, help, kind, labels } = definition
    if (kind !== 'histogram') registry.registerMetric(pulled(definition, scrape))
    else {
      const histogram = new Histogram({
        name,
        help,
        labelNames: [...labels],
        registers,
        buckets: [...definition.buckets],
      })
      subscriptions.push(
        monitor.values$.subscribe((value) => {
          if (value.name === name) histogram.observe(value.labels, value.value)
        }),
      )
    }
  }
  return {
    registry,
    render: async (format) => {
      const own = registry.contentType === Registry.OPENMETRICS_CONTENT_TYPE ? 'openmetrics' : 'prometheus'
      const as = own === 'openmetrics' ? own : (format ?? own)
      const text = await inFormat(registry, as)
      return { contentType: contentTypes[as], text }
    },
    remove: () => {
      if (removed) return
      removed = true
      for (const subscription of subscriptions) subscription.unsubscribe()
      for (const { name } of metricDefinitions) registry.removeSingleMetric(name)
    },
  }
}

/**
 * A metric that has the monitor's values when it is asked. prom-client's own keep theirs by `name:value,name:value`, and one partition whose name looks
 * like another's would be added to it.
 */
function pulled({ name, help, kind }: (typeof metricDefinitions)[number], scrape: Scrape): Metric {
  const metric = {
    name, // renamed by a registry that is in OpenMetrics
    help,
    type: kind,
    aggregator: 'sum',
    get: async () => ({ ...metric, values: scrape.of(name).map(({ labels, value }) => ({ labels, value })) }),
    reset: () => {}, // there is nothing here to forget
  }
  return metric as unknown as Metric
}

const contentTypes = {
  prometheus: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
} as const satisfies Record<MetricFormat, string>

/**
 * OpenMetrics wants counters without `_total` in their type line, and prom-client renames the metrics themselves for that: what is rendered so is a copy.
 * The other way round nothing can be got back, and a registry in OpenMetrics stays in it.
 */
async function inFormat(registry: MetricRegistry, format: MetricFormat): Promise<string> {
  if (registry.contentType === contentTypes[format]) return registry.metrics()
  const copy = new Registry()
  ;(copy as { setContentType: (type: string) => void }).setContentType(contentTypes[format])
  for (const metric of await registry.getMetricsAsJSON()) {
    const name = metric.name.replace(/_total$/, '')
    const get = async () => ({ ...metric, name })
    copy.registerMetric({ name, get } as unknown as Metric)
  }
  return copy.metrics()
}

/** One look at the monitor for all metrics of a scrape: prom-client asks each by itself, all in one turn. */
class Scrape {
  readonly #monitor: Monitor
  #samples: Samples | undefined

  constructor(monitor: Monitor) {
    this.#monitor = monitor
  }

  of(name: MetricName): NonNullable<ReturnType<Samples['get']>> {
    if (this.#samples === undefined) {
      this.#samples = this.#monitor.samples()
      queueMicrotask(() => {
        this.#samples = undefined
      })
    }
    return this.#samples.get(name) ?? []
  }
}
