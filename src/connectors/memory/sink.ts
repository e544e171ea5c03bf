import type { Batch } from '../../batch.ts'
import type { StreamWriter } from '../../sink.ts'

/** A sink, with what was written to it. See {@link memorySink}. */
export interface MemorySink<Row extends object> {
  readonly name: 'memory'
  readonly streamWriter: () => StreamWriter<Row, readonly Row[]>
  /** All committed rows, in the order of the commits, within a batch by partition. */
  readonly rows: readonly Row[]
  /** Committed rows by batch id, an empty array for a batch without rows. Where several queries write here, the rows of one id stand together. */
  readonly batches: ReadonlyMap<number, readonly Row[]>
  /** Forgets all rows and batches. */
  readonly clear: () => void
}

/**
 * Collects rows in memory, for tests and for looking at a stream.
 *
 * **Transactional**, in this process: a batch shows up when it commits, whole; the same (query, sink, batch) again changes nothing.
 * Synchronous. Hazard: it keeps every row, and what it holds ends with the process, so with a durable checkpoint
 * a new process goes on after the rows that this one had.
 */
export function memorySink<Row extends object>(): MemorySink<Row> {
  const rows: Row[] = []
  const batches = new Map<number, Row[]>()
  const seen = new Set<string>()

  const streamWriter = (): StreamWriter<Row, readonly Row[]> => {
    let sinkId = ''
    const keyOf = ({ queryId, batchId }: Batch) => JSON.stringify([queryId, sinkId, batchId])
    return {
      guarantee: 'transactional',
      start: (context) => {
        sinkId = context.sinkId
      },
      begin: (batch) => (seen.has(keyOf(batch)) ? 'committed' : 'write'),
      open: () => {
        const part: Row[] = []
        return { write: (chunk) => append(part, chunk), finish: () => part }
      },
      commit: (parts, batch) => {
        if (seen.has(keyOf(batch))) return
        seen.add(keyOf(batch))
        const held = batches.get(batch.batchId) ?? []
        batches.set(batch.batchId, held)
        for (const part of parts) {
          append(held, part)
          append(rows, part)
        }
      },
    }
  }

  const clear = () => {
    rows.length = 0
    batches.clear()
    seen.clear()
  }
  return { name: 'memory', streamWriter, rows, batches, clear }
}

/** Not by spreading into `push`, which takes its arguments on the stack. */
function append<Row>(to: Row[], more: readonly Row[]): void {
  for (const row of more) to.push(row)
}
