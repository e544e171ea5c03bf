import { Subject } from 'rxjs'
import { PortError } from '../../errors.ts'
import { byIdRange } from '../../partition.ts'
import type { Schema } from '../../schema.ts'
import type { ReplayableReader } from '../../source.ts'
import { type MemoryStreamOptions, memoryStreamSettings } from './options.ts'

/** Rows before `offset` were read. */
export interface MemoryOffset {
  readonly offset: number
}

/** Rows `[from, to)`. */
export interface MemoryPartition {
  readonly from: number
  readonly to: number
}

/** A call of a port with its plain arguments (a read's context is left out). */
export interface MemoryCall {
  readonly port: 'initialOffset' | 'latestOffset' | 'partitions' | 'read' | 'commit' | 'stop'
  readonly args: readonly unknown[]
}

/** A source, with what a test needs to feed and to watch it. See {@link memoryStream}. */
export interface MemoryStream<Row extends object> {
  readonly name: string
  readonly schema?: Schema<Row>
  /** Every reader reads the same rows: a query started again goes on with what was added before. */
  readonly streamReader: () => ReplayableReader<MemoryOffset, MemoryPartition, Row>
  /** Appends rows and tells the readers that there is something. Synchronous: a query that listens may run its batch before this returns. */
  readonly add: (...rows: readonly Row[]) => void
  /** Rows added so far. */
  readonly size: number
  /** Rows before this position were committed by a query. */
  readonly committed: number
  /** What was called, in order, by all readers. Grows with each call. */
  readonly calls: readonly MemoryCall[]
}

/**
 * A source for tests: what `add` was given, in order. All its ports are synchronous.
 *
 * Hazard: rows stay in memory (with `forgetCommitted`, until they are committed), and don't outlive the process. A checkpoint that
 * stands further than what was added is refused.
 * @example
 * const numbers = memoryStream<{ n: number }>()
 * numbers.add({ n: 1 }, { n: 2 })
 */
export function memoryStream<Row extends object>(options: MemoryStreamOptions<Row> = {}): MemoryStream<Row> {
  const { name, schema, partitions, chunkRows, forgetCommitted } = memoryStreamSettings(options)
  const added = new Subject<void>()
  const calls: MemoryCall[] = []
  let rows: Row[] = []
  let forgotten = 0
  let committed = 0
  const size = () => forgotten + rows.length
  const note = (port: MemoryCall['port'], ...args: readonly unknown[]) => calls.push({ port, args })

  function* chunks({ from, to }: MemoryPartition): Generator<readonly Row[]> {
    if (from < forgotten || to > size()) {
      throw new PortError(
        `${name}: rows ${from} to ${to} are asked for, and rows ${forgotten} to ${size()} are in memory`,
      )
    }
    for (let first = from; first < to; first += chunkRows) {
      yield rows.slice(first - forgotten, Math.min(first + chunkRows, to) - forgotten)
    }
  }

  const streamReader = (): ReplayableReader<MemoryOffset, MemoryPartition, Row> => ({
    initialOffset: () => {
      note('initialOffset')
      return { offset: 0 }
    },
    latestOffset: (start, limit) => {
      note('latestOffset', start, limit)
      if (start.offset > size()) {
        throw new PortError(
          `${name}: the query stands at row ${start.offset}, and only ${size()} were added; rows don't outlive the process`,
        )
      }
      return { offset: Math.min(size(), start.offset + limit.maxRows) }
    },
    partitions: (start, end) => {
      note('partitions', start, end)
      return byIdRange(start.offset, end.offset, partitions)
    },
    read: (partition) => {
      note('read', partition)
      return chunks(partition)
    },
    commit: (end) => {
      note('commit', end)
      committed = Math.max(committed, end.offset)
      if (!forgetCommitted) return
      rows = rows.slice(committed - forgotten)
      forgotten = committed
    },
    compare: (a, b) => a.offset - b.offset,
    distance: (from, to) => to.offset - from.offset,
    reportLatestOffset: () => ({ offset: size() }),
    available: added.asObservable(),
    stop: () => note('stop'),
  })

  return {
    name,
    ...(schema === undefined ? {} : { schema }),
    streamReader,
    add: (...more) => {
      for (const row of more) rows.push(row)
      added.next()
    },
    get size() {
      return size()
    },
    get committed() {
      return committed
    },
    calls,
  }
}
