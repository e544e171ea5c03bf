import { Subject } from 'rxjs'
import type { QueryEvent, QueryEventBody } from '../../src/events.ts'
import type { MetricName } from '../../src/metrics/definitions.ts'
import type { Monitor } from '../../src/metrics/monitor.ts'
import type { QueryProgress } from '../../src/progress.ts'

/** The value of one series; `undefined` when there is none. */
export function seriesValue(monitor: Monitor, name: MetricName, labels: Readonly<Record<string, string>> = {}) {
  const fits = (monitor.samples().get(name) ?? []).filter((sample) =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  return fits.length === 0 ? undefined : fits.reduce((sum, { value }) => sum + value, 0)
}

/** The partitions that have series. */
export function partitionsOf(monitor: Monitor): readonly string[] {
  return (monitor.samples().get('sluice_partition_attempts_total') ?? []).map(
    ({ labels }) => labels.partition as string,
  )
}

/** A run that tells what it is told to tell. */
export function fakeRun(name = 'q') {
  const events$ = new Subject<QueryEvent>()
  const progress$ = new Subject<QueryProgress>()
  return { name, events$, progress$, tell: (at: number, event: QueryEventBody) => events$.next({ at, ...event }) }
}
