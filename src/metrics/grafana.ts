import { definitionOf, type MetricName } from './definitions.ts'

interface Panel {
  readonly title: string
  readonly metrics: readonly MetricName[]
  readonly queries: readonly { readonly expr: string; readonly legend: string }[]
  readonly unit: string
  readonly stacked?: true
  readonly single?: true
}

const here = 'job=~"$job",query=~"$query"'
const rateOf = (name: MetricName, by: string, more = ''): string =>
  `sum by (${by}) (rate(${name}{${here}${more}}[$__rate_interval]))`

const panels: readonly Panel[] = [
  {
    title: 'Healthy',
    metrics: ['sluice_query_healthy'],
    queries: [{ expr: `min by (query) (sluice_query_healthy{${here}})`, legend: '{{query}}' }],
    unit: 'bool_yes_no',
    single: true,
  },
  {
    title: 'Rows behind',
    metrics: ['sluice_source_lag_rows'],
    queries: [{ expr: `sum by (query) (sluice_source_lag_rows{${here}})`, legend: '{{query}}' }],
    unit: 'short',
    single: true,
  },
  {
    title: 'Since the last batch',
    metrics: ['sluice_query_last_batch_timestamp_seconds'],
    queries: [
      { expr: `time() - max by (query) (sluice_query_last_batch_timestamp_seconds{${here}} > 0)`, legend: '{{query}}' },
    ],
    unit: 's',
    single: true,
  },
  {
    title: 'Rows that a crash would repeat',
    metrics: ['sluice_partition_uncommitted_rows'],
    queries: [{ expr: `sum by (query) (sluice_partition_uncommitted_rows{${here}})`, legend: '{{query}}' }],
    unit: 'short',
    single: true,
  },
  {
    title: 'Rows a second',
    metrics: ['sluice_partition_rows_read_total', 'sluice_partition_rows_committed_total'],
    queries: [
      { expr: rateOf('sluice_partition_rows_read_total', 'query'), legend: '{{query}} read' },
      { expr: rateOf('sluice_partition_rows_committed_total', 'query'), legend: '{{query}} committed' },
    ],
    unit: 'short',
  },
  {
    title: 'Batch duration, median and 95 %',
    metrics: ['sluice_query_batch_duration_seconds'],
    queries: [0.5, 0.95].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (query, le) (rate(sluice_query_batch_duration_seconds_bucket{${here},phase="triggerExecution"}[$__rate_interval])))`,
      legend: `{{query}} ${quantile}`,
    })),
    unit: 's',
  },
  {
    title: 'Batch duration by phase',
    metrics: ['sluice_query_batch_duration_seconds'],
    queries: [
      {
        expr: `sum by (phase) (rate(sluice_query_batch_duration_seconds_sum{${here},phase!="triggerExecution"}[$__rate_interval])) / ignoring (phase) group_left sum (rate(sluice_query_batch_duration_seconds_count{${here},phase="triggerExecution"}[$__rate_interval]))`,
        legend: '{{phase}}',
      },
    ],
    unit: 's',
    stacked: true,
  },
  {
    title: 'Where the time goes',
    metrics: ['sluice_partition_time_seconds_total'],
    queries: [{ expr: rateOf('sluice_partition_time_seconds_total', 'activity'), legend: '{{activity}}' }],
    unit: 's',
    stacked: true,
  },
  {
    title: 'Lag',
    metrics: ['sluice_source_lag_rows'],
    queries: [{ expr: `sum by (query, source) (sluice_source_lag_rows{${here}})`, legend: '{{query}} {{source}}' }],
    unit: 'short',
  },
  {
    title: 'The ten partitions furthest behind',
    metrics: ['sluice_partition_lag_rows'],
    queries: [{ expr: `topk(10, sluice_partition_lag_rows{${here}})`, legend: '{{query}} {{partition}}' }],
    unit: 'short',
  },
  {
    title: 'Partitions by state',
    metrics: ['sluice_partition_state'],
    queries: [{ expr: `sum by (state) (sluice_partition_state{${here}})`, legend: '{{state}}' }],
    unit: 'short',
    stacked: true,
  },
  {
    title: 'Failures, retries and aborts',
    metrics: [
      'sluice_partition_failures_total',
      'sluice_partition_retries_total',
      'sluice_partition_watchdog_aborts_total',
    ],
    queries: [
      { expr: rateOf('sluice_partition_failures_total', 'kind'), legend: 'failed: {{kind}}' },
      { expr: rateOf('sluice_partition_retries_total', 'query'), legend: '{{query}} retried' },
      { expr: rateOf('sluice_partition_watchdog_aborts_total', 'query'), legend: '{{query}} aborted' },
    ],
    unit: 'short',
  },
  {
    title: 'Bytes a second',
    metrics: ['sluice_partition_bytes_read_total', 'sluice_partition_bytes_delivered_total'],
    queries: [
      { expr: rateOf('sluice_partition_bytes_read_total', 'query'), legend: '{{query}} read' },
      { expr: rateOf('sluice_partition_bytes_delivered_total', 'query'), legend: '{{query}} delivered' },
    ],
    unit: 'Bps',
  },
  {
    title: 'Rows left out',
    metrics: ['sluice_partition_rows_left_out_total'],
    queries: [
      { expr: rateOf('sluice_partition_rows_left_out_total', 'query, reason'), legend: '{{query}} {{reason}}' },
    ],
    unit: 'short',
  },
  {
    title: 'Checkpoint entry, mean',
    metrics: ['sluice_query_checkpoint_seconds_total', 'sluice_query_checkpoint_entries_total'],
    queries: [
      {
        expr: `${rateOf('sluice_query_checkpoint_seconds_total', 'query, kind')} / ${rateOf('sluice_query_checkpoint_entries_total', 'query, kind')}`,
        legend: '{{query}} {{kind}}',
      },
    ],
    unit: 's',
  },
  {
    title: 'Restarts and overruns',
    metrics: ['sluice_query_restarts_total', 'sluice_query_trigger_overruns_total'],
    queries: [
      {
        expr: `sum by (query) (increase(sluice_query_restarts_total{${here}}[$__rate_interval]))`,
        legend: '{{query}} restarts',
      },
      {
        expr: `sum by (query) (increase(sluice_query_trigger_overruns_total{${here}}[$__rate_interval]))`,
        legend: '{{query}} overruns',
      },
    ],
    unit: 'short',
  },
]

/** The metrics that the dashboard shows. */
export const drawnMetrics: readonly MetricName[] = [...new Set(panels.flatMap(({ metrics }) => metrics))]

/** All expressions of the dashboard, with Grafana's variables filled in. */
export const drawnExpressions: readonly string[] = panels.flatMap(({ queries }) =>
  queries.map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(?:job|query)/g, '.*')),
)

/** A dashboard of Grafana (schema 39) over a Prometheus that is chosen when it is opened. */
export function grafanaDashboard(): object {
  const datasource = { type: 'prometheus', uid: '$datasource' }
  const variable = (name: string, label: string) => ({
    name,
    type: 'query',
    datasource,
    query: { query: `label_values(sluice_query_up, ${label})`, refId: name },
    includeAll: true,
    multi: true,
    current: { text: 'All', value: '$__all' },
    refresh: 2,
    sort: 1,
  })
  const singles = panels.filter(({ single }) => single === true).length
  return {
    uid: 'sluice',
    title: 'sluice',
    description: 'Queries of sluice: made from its definitions of metrics, by scripts/generate-monitoring.ts.',
    tags: ['sluice'],
    schemaVersion: 39,
    editable: true,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        { name: 'datasource', type: 'datasource', query: 'prometheus', current: {} },
        variable('job', 'job'),
        variable('query', 'query'),
      ],
    },
    panels: panels.map(({ title, metrics, queries, unit, stacked, single }, index) => ({
      id: index + 1,
      title,
      description: [...new Set(metrics)].map((name) => definitionOf(name).help).join(' '),
      type: single === true ? 'stat' : 'timeseries',
      datasource,
      gridPos:
        single === true
          ? { x: index * 6, y: 0, w: 6, h: 4 }
          : { x: ((index - singles) % 2) * 12, y: 4 + Math.floor((index - singles) / 2) * 8, w: 12, h: 8 },
      fieldConfig: {
        defaults: {
          unit,
          min: 0,
          ...(single === true
            ? {}
            : {
                custom: {
                  fillOpacity: stacked === true ? 60 : 8,
                  ...(stacked === true ? { stacking: { mode: 'normal', group: 'A' } } : {}),
                },
              }),
        },
        overrides: [],
      },
      targets: queries.map(({ expr, legend }, target) => ({
        refId: String.fromCharCode(65 + target),
        datasource,
        expr,
        legendFormat: legend,
      })),
    })),
  }
}
