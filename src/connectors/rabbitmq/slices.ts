import { RowError } from '../../errors.ts'
import { byIdRange } from '../../partition.ts'
import { type Held, rowOf } from './held-message.ts'
import type { QueuePartition } from './queue-ports.ts'

/** How a batch is cut. */
export interface Slicing<Row> {
  readonly queues: readonly string[]
  /** Slices of each queue. */
  readonly partitions: number
  readonly key: ((row: Row) => string) | undefined
}

/**
 * Cuts deliveries `[from, to)`: by queue, where there are several; and each into runs, or by key into slices that all cover the whole range.
 * @param hasRows whether any of them came from a queue: one without has no partition.
 */
export function slicesOf<Row>(
  range: { readonly from: number; readonly to: number },
  { queues, partitions, key }: Slicing<Row>,
  hasRows: (queue: string) => boolean,
): readonly QueuePartition[] {
  if (range.from === range.to) return []
  const ofQueue: readonly Partial<QueuePartition>[] =
    queues.length === 1 ? [{}] : queues.filter(hasRows).map((queue) => ({ queue }))
  if (partitions === 1) return ofQueue.map((queue) => ({ ...range, ...queue }))
  if (key === undefined)
    return ofQueue.flatMap((queue) => byIdRange(range.from, range.to, partitions).map((run) => ({ ...run, ...queue })))
  const slices = Array.from({ length: partitions }, (_, slice) => ({ slice, of: partitions }))
  return ofQueue.flatMap((queue) => slices.map((slice) => ({ ...range, ...queue, ...slice })))
}

/** Whether a message of a partition's range is the partition's. */
export function isIn<Row>(
  held: Held<Row>,
  { queue, slice, of }: QueuePartition,
  { key }: Pick<Slicing<Row>, 'key'>,
): boolean {
  if (queue !== undefined && held.queue !== queue) return false
  return slice === undefined || of === undefined || key === undefined || sliceOf(key(rowOf(held)), of) === slice
}

/**
 * The slice of a key: the same for the same key, in every process (FNV-1a over UTF-16 units).
 * @throws RowError for what is no string
 */
export function sliceOf(key: string, slices: number): number {
  if (typeof key !== 'string') throw new RowError(`rabbitmqQueue: option "key" must give a string, and it gave ${key}`)
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % slices
}
