import { activities } from '../activity.ts'

/** What a partition does, as shown: an attempt's activities in fewer words, and what there is besides attempts. */
export const partitionStates = ['running', 'idle', 'backoff', 'throttled', 'breaker_open', 'stalled', 'failed'] as const

/** One of {@link partitionStates}. */
export type PartitionState = (typeof partitionStates)[number]

/** Where a partition's time goes: in attempts, and between them. */
export const partitionActivities = [...activities, 'commit', 'idle'] as const

/** One of {@link partitionActivities}. */
export type PartitionActivity = (typeof partitionActivities)[number]

/** Why an attempt failed. `refused`: trying again can't help. */
export const failureKinds = ['network', 'timeout', 'stalled', 'row', 'refused', 'other'] as const

/** One of {@link failureKinds}. */
export type FailureKind = (typeof failureKinds)[number]

/** Why a row that was read was not delivered. */
export const leftOutReasons = ['filtered', 'duplicate', 'late', 'dead_letter'] as const

/** What became of the deliveries of a queue. */
export const settlementKinds = ['acknowledged', 'released', 'stale', 'redelivered', 'dead_lettered'] as const

/** The partition label that the partitions beyond the first ones share. */
export const otherPartitions = '_other'
