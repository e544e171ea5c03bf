import type { MetricName } from './definitions.ts'

/** An alert of Prometheus. */
export interface AlertRule {
  readonly alert: `Sluice${string}`
  readonly expr: string
  /** How long it must hold. */
  readonly for: string
  readonly severity: 'warning' | 'critical'
  readonly summary: string
  readonly description: string
  /** What the expression is made of. */
  readonly metrics: readonly MetricName[]
}

/** An alert whose expression is written with the names of metrics, so that none can be misspelt. */
function alertOf<const Names extends readonly MetricName[]>(
  metrics: Names,
  expr: (...names: Names) => string,
  rest: Omit<AlertRule, 'metrics' | 'expr'>,
): AlertRule {
  return { ...rest, metrics, expr: expr(...metrics) }
}

/** What an operator wants to be woken for, and what can wait until the morning. */
export const alertRules: readonly AlertRule[] = [
  alertOf(['sluice_query_failed'], (failed) => `${failed} == 1`, {
    alert: 'SluiceQueryFailed',
    for: '1m',
    severity: 'critical',
    summary: 'Query {{ $labels.query }} has failed',
    description: 'Its last run ended with an error, and nothing starts it again.',
  }),
  alertOf(
    ['sluice_query_healthy', 'sluice_query_up'],
    (healthy, up) => `${healthy} == 0 and on (instance, job, query) ${up} == 1`,
    {
      alert: 'SluiceQueryUnhealthy',
      for: '2m',
      severity: 'critical',
      summary: 'Query {{ $labels.query }} is not healthy',
      description: 'It restarts after failures, or it is busy and gives nothing. /health/ready says which.',
    },
  ),
  alertOf(
    ['sluice_query_last_activity_timestamp_seconds', 'sluice_query_up', 'sluice_query_trigger_interval_seconds'],
    (last, up, interval) =>
      `time() - ${last} > 3 * ${interval} + 300 and on (instance, job, query) ${interval} > 0 and on (instance, job, query) ${up} == 1`,
    {
      alert: 'SluiceQuerySilent',
      for: '1m',
      severity: 'critical',
      summary: 'Nothing happens in query {{ $labels.query }}',
      description:
        'Its trigger should have fired three times since anything last happened, and five minutes have passed.',
    },
  ),
  alertOf(['sluice_partition_state'], (state) => `${state}{state="stalled"} == 1`, {
    alert: 'SluicePartitionStalled',
    for: '5m',
    severity: 'warning',
    summary: 'Partition {{ $labels.partition }} of query {{ $labels.query }} gives nothing',
    description:
      'It is being read, and nothing comes from it. The option "watchdog" of the query aborts such attempts.',
  }),
  alertOf(['sluice_partition_watchdog_aborts_total'], (aborts) => `increase(${aborts}[30m]) > 3`, {
    alert: 'SluicePartitionKeepsStalling',
    for: '0m',
    severity: 'warning',
    summary: 'Partition {{ $labels.partition }} of query {{ $labels.query }} stalls again and again',
    description: 'The watchdog gave up more than three attempts at it in half an hour.',
  }),
  alertOf(
    ['sluice_partition_failures_total', 'sluice_partition_attempts_total'],
    (failures, attempts) =>
      `sum by (instance, job, query, partition) (rate(${failures}[15m])) / sum by (instance, job, query, partition) (rate(${attempts}[15m])) > 0.5`,
    {
      alert: 'SluicePartitionFails',
      for: '15m',
      severity: 'warning',
      summary: 'More than half of the attempts at partition {{ $labels.partition }} of query {{ $labels.query }} fail',
      description: 'Retries still get through, or the query would have failed.',
    },
  ),
  alertOf(['sluice_query_restarts_total'], (restarts) => `increase(${restarts}[30m]) > 3`, {
    alert: 'SluiceQueryRestarts',
    for: '0m',
    severity: 'warning',
    summary: 'Query {{ $labels.query }} restarts again and again',
    description: 'More than three restarts in half an hour.',
  }),
  alertOf(
    ['sluice_source_lag_rows'],
    (lag) => `${lag} > 0 and ${lag} > 1.2 * ${lag} offset 30m and ${lag} > 1.1 * ${lag} offset 15m`,
    {
      alert: 'SluiceLagGrows',
      for: '15m',
      severity: 'warning',
      summary: 'Query {{ $labels.query }} falls behind {{ $labels.source }}',
      description: '{{ $value }} rows are waiting, a fifth more than half an hour ago.',
    },
  ),
  alertOf(
    ['sluice_query_trigger_overruns_total', 'sluice_query_batches_total'],
    (overruns, batches) => `rate(${overruns}[30m]) > 0.5 * sum by (instance, job, query) (rate(${batches}[30m])) > 0`,
    {
      alert: 'SluiceTriggerOverruns',
      for: '30m',
      severity: 'warning',
      summary: 'Batches of query {{ $labels.query }} take longer than its interval',
      description: 'Every second batch or more was still running when the next one was due.',
    },
  ),
  alertOf(
    ['sluice_partition_time_seconds_total'],
    (time) =>
      `sum by (instance, job, query) (rate(${time}{activity="backpressured"}[15m])) / sum by (instance, job, query) (rate(${time}[15m])) > 0.8`,
    {
      alert: 'SluiceBackpressured',
      for: '30m',
      severity: 'warning',
      summary: 'The sink of query {{ $labels.query }} is too slow for its source',
      description: 'Partitions spend more than four fifths of their time waiting for the sink.',
    },
  ),
  alertOf(
    ['sluice_partition_rows_left_out_total', 'sluice_partition_rows_read_total'],
    (left, read) =>
      `sum by (instance, job, query) (rate(${left}{reason="dead_letter"}[15m])) / sum by (instance, job, query) (rate(${read}[15m])) > 0.01`,
    {
      alert: 'SluiceDeadLetters',
      for: '15m',
      severity: 'warning',
      summary: 'More than a hundredth of the rows of query {{ $labels.query }} are refused',
      description: 'They do not fit their schema, and lie in the dead-letter sink.',
    },
  ),
  alertOf(
    ['sluice_query_settlements_total'],
    (settlements) =>
      `increase(${settlements}{kind="stale"}[30m]) > 0 and increase(${settlements}{kind="redelivered"}[30m]) > 0`,
    {
      alert: 'SluiceRedeliveries',
      for: '0m',
      severity: 'warning',
      summary: 'The queue of query {{ $labels.query }} delivers messages again',
      description: 'Connections were lost before their messages could be acknowledged.',
    },
  ),
]
