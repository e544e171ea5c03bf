// Rows
export { mapRows } from './map-rows.ts'
export { filterRows } from './filter-rows.ts'
export { flatMapRows } from './flat-map-rows.ts'
export { type MapChunksOptions, mapChunks } from './map-chunks.ts'
export { checkRows, type RowMode } from './check-rows.ts'
export { type ThrottleRowsOptions, throttleRows } from './throttle-rows.ts'

// Calls
export { type CircuitBreaker, type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts'
export type { CircuitState } from '../src/circuit.ts'

// Stages of the pipeline, in their order
export { conflateMap } from './conflate-map.ts'
export { recoverBatch } from './recover-batch.ts'
export { latestOffset, type OffsetRange } from './latest-offset.ts'
export { type HoldBackOptions, holdBack } from './hold-back.ts'
export { type PlannedRange, planPartitions } from './plan-partitions.ts'
export { flushMeanwhile } from './flush-meanwhile.ts'
export { logPlan } from './log-plan.ts'
export { beginBatch } from './begin-batch.ts'
export { attemptPartition } from './attempt-partition.ts'
export { readPartition } from './read-partition.ts'
export { type RowsOperator, transformRows } from './transform-rows.ts'
export { mergeBounded } from '../src/merge-bounded.ts'
export { watchProgress } from './watch-progress.ts'
export { type PartitionMessage, writeTo } from './write-to.ts'
export { type CommittableReader, commitTo } from './commit-to.ts'
export { restartBatch } from './restart-batch.ts'

// Around the stages
export { callPort, commandPort } from './call-port.ts'
export { type RetryBackoffOptions, retryBackoff } from './retry-backoff.ts'
export { type ErrorPlace, locateError } from './locate-error.ts'
export { timed } from './timed.ts'
export { reportLag } from './report-lag.ts'
export { detectStalls } from './detect-stalls.ts'
export { uninterruptible } from './uninterruptible.ts'
export { type ResourceOptions, usingResource } from './using-resource.ts'
