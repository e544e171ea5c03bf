import type { Waiting } from './activity.ts'
import type { Demand } from './demand.ts'

/** What an operator inside a partition's chain can reach of the partition it runs in. */
export interface PartitionScope {
  /** For operators that hold chunks (`mapChunks`): what they hold counts as unwritten. */
  readonly demand: Demand
  /** Sends rows that don't fit to the dead-letter sink. `undefined` where the query has none. */
  readonly reject: ((rejected: readonly RejectedRow[]) => void) | undefined
  /** So many rows were left out. */
  readonly filtered?: (rows: number) => void
  /** Rows are held back on purpose; `undefined`: no more. */
  readonly waits?: (what: Waiting | undefined) => void
}

export interface RejectedRow {
  readonly row: unknown
  readonly reason: string
}

let current: PartitionScope | undefined

/** Operators find the scope while they are being subscribed to, so that users need not hand it through. */
export function inPartition<T>(scope: PartitionScope, subscribe: () => T): T {
  const outer = current
  current = scope
  try {
    return subscribe()
  } finally {
    current = outer
  }
}

/** The scope of the partition that is being subscribed to, if any. */
export function currentPartition(): PartitionScope | undefined {
  return current
}
