import type { PartitionSnapshot } from './partition-watch.ts'
import type { QueryHealth } from './query-snapshot.ts'

/** What tells how a query is doing. Moments are milliseconds. */
export interface VitalSigns {
  readonly now: number
  readonly failed: boolean
  readonly up: boolean
  readonly restarting: boolean
  /** A batch is being looked for or run. */
  readonly busy: boolean
  /** 0: the trigger doesn't follow the clock. */
  readonly intervalMs: number
  readonly triggeredAt: number
  readonly lastActivityAt: number
  /** Calls of source, sink or log that failed since one last got through, and when the first of them did. */
  readonly retriesInRow: number
  readonly retryingSince: number
  readonly partitions: readonly PartitionSnapshot[]
  readonly staleAfterMs: number
}

/** Failures in a row that are no accident any more. */
const again = 3

/**
 * A query is healthy while it moves, is idle, waits on purpose or has ended. It is not when it has failed or restarts, when it is busy and nothing moves,
 * when it does nothing but fail, and when its trigger is silent. What silence is depends on what is under way: that of a source is told by its partition.
 */
export function healthOf(signs: VitalSigns): QueryHealth {
  const reason = trouble(signs)
  if (reason !== undefined) return { healthy: false, reason }
  return { healthy: true, reason: signs.up ? (signs.busy ? 'busy' : 'idle') : 'ended' }
}

function trouble(signs: VitalSigns): string | undefined {
  const { now, failed, up, restarting, busy, intervalMs, triggeredAt, staleAfterMs } = signs
  if (failed) return 'failed'
  if (!up) return undefined
  if (restarting) return 'restarts after a failure'
  if (busy) return troubleInBatch(signs)
  const isDue = intervalMs > 0 && now - triggeredAt > Math.max(staleAfterMs, 3 * intervalMs)
  return isDue ? `the trigger is silent: ${since(now, triggeredAt)}` : undefined
}

function troubleInBatch(signs: VitalSigns): string | undefined {
  const { now, partitions, retriesInRow, retryingSince, lastActivityAt, staleAfterMs } = signs
  const isStale = (at: number): boolean => now - at > staleAfterMs
  const stuck = partitions.find(
    ({ lastMovedAt, state }) => (state === 'running' || state === 'stalled') && isStale(lastMovedAt),
  )
  if (stuck !== undefined) return `nothing moves in partition ${stuck.partition}: ${since(now, stuck.lastMovedAt)}`
  const failing = partitions.find(({ failuresInRow, failingSince }) => failuresInRow >= again && isStale(failingSince))
  if (failing !== undefined)
    return `partition ${failing.partition} fails again and again: ${since(now, failing.failingSince)}`
  if (retriesInRow >= again && isStale(retryingSince)) return `it fails again and again: ${since(now, retryingSince)}`
  const waits = partitions.some(({ state }) => state !== 'idle' && state !== 'failed')
  return !waits && isStale(lastActivityAt) ? `busy and silent: ${since(now, lastActivityAt)}` : undefined
}

function since(now: number, at: number): string {
  return `for ${Math.round((now - at) / 1_000)} s`
}
