import { nodeCrypto } from './builtins.ts'
import { PortError } from './errors.ts'
import type { WriteContext } from './sink.ts'

/** Where a request's rows stand. */
export interface RowRange {
  readonly queryId: string
  readonly sinkId: string
  readonly batchId: number
  readonly partitionId: number
  /** Ordinal of the first row within the partition, from 0. */
  readonly firstOrdinal: number
  readonly count: number
}

/**
 * The key of a request, readable: `queryId/sinkId/batchId/partitionId/firstOrdinal/count`. Where a replay may bring other rows,
 * a digest of the rows joins it, so that the worst case is a repeat, never a loss.
 */
export function idempotencyKey(
  at: RowRange,
  content: { readonly rows: readonly object[] | undefined } | undefined,
): string {
  const position = [
    at.queryId,
    encodeURIComponent(at.sinkId),
    at.batchId,
    at.partitionId,
    at.firstOrdinal,
    at.count,
  ].join('/')
  if (content === undefined) return position
  if (content.rows === undefined) {
    throw new PortError(
      'idempotencyKey needs the rows of the request here: a replay may bring other rows (context.deterministic is false)',
    )
  }
  return `${position}/${nodeCrypto().hash('sha256', JSON.stringify(content.rows, plainValue)).slice(0, 32)}`
}

function plainValue(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (value instanceof Map || value instanceof Set) return [value.constructor.name, ...value] // in JSON both are {}
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}

/** The context of a write, addressed to one sink of the query. */
export function forSink(context: Omit<WriteContext, 'sinkId' | 'idempotencyKey'>, sinkId: string): WriteContext {
  const { queryId, batchId, partitionId, deterministic } = context
  return {
    ...context,
    sinkId,
    idempotencyKey: (firstOrdinal, count, rows) =>
      idempotencyKey(
        { queryId, sinkId, batchId, partitionId, firstOrdinal, count },
        deterministic ? undefined : { rows },
      ),
  }
}
