/** What a number is a number of: the base units of Prometheus. */
export type MetricUnit = 'rows' | 'chunks' | 'bytes' | 'seconds' | 'timestamp' | 'count' | 'info' | 'state'

/** All labels there are: each has few values. Never an address, an id or the text of an error. */
export type MetricLabel =
  | 'query'
  | 'partition'
  | 'source'
  | 'version'
  | 'activity'
  | 'step'
  | 'state'
  | 'kind'
  | 'reason'
  | 'phase'
  | 'outcome'
  | 'guarantee'

/** One thing that is measured: what is rendered, alerted on, drawn and documented comes from here. */
export interface MetricDefinition<Name extends `sluice_${string}` = `sluice_${string}`> {
  readonly name: Name
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly unit: MetricUnit
  readonly labels: readonly MetricLabel[]
  readonly help: string
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[]
}

/** What only grows; its name ends in `_total`. */
export function counter<const Name extends `sluice_${string}_total`>(
  name: Name,
  unit: MetricUnit,
  labels: readonly MetricLabel[],
  help: string,
) {
  return { name, kind: 'counter', unit, labels, help } as const satisfies MetricDefinition<Name>
}

/** What stands at something. */
export function gauge<const Name extends `sluice_${string}`>(
  name: Name,
  unit: MetricUnit,
  labels: readonly MetricLabel[],
  help: string,
) {
  return { name, kind: 'gauge', unit, labels, help } as const satisfies MetricDefinition<Name>
}

/** How values are spread. @param buckets their upper bounds. */
export function histogram<const Name extends `sluice_${string}`>(
  name: Name,
  unit: MetricUnit,
  labels: readonly MetricLabel[],
  help: string,
  buckets: readonly number[],
) {
  return { name, kind: 'histogram', unit, labels, help, buckets } as const satisfies MetricDefinition<Name>
}
