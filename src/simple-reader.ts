import { map, type Observable, of } from 'rxjs'
import { bindPorts } from './bind-ports.ts'
import { checkSimpleReader } from './check-ports.ts'
import { OffsetRegressionError, OptionError, PortError } from './errors.ts'
import { canonicalOffset, compareOffsets } from './offset.ts'
import { fromResult } from './result.ts'
import type { ReadLimit, ReplayableReader, SimpleStreamReader } from './source.ts'

/** A simple reader that can repeat a range. */
export type ReplayableSimpleReader<Offset extends object, Row extends object> = SimpleStreamReader<Offset, Row> & {
  readonly readBetween: NonNullable<SimpleStreamReader<Offset, Row>['readBetween']>
}

/** The one slice of a simple reader's batch. */
export interface SimplePartition<Offset extends object> {
  readonly start: Offset
  readonly end: Offset
}

interface Prefetched<Offset, Row> {
  readonly start: string
  readonly end: string
  readonly offset: Offset
  readonly rows: readonly Row[]
}

/**
 * A simple reader as a stream reader. `latestOffset` already reads the rows; they are kept until the batch is committed, and a replay by another process asks
 * `readBetween` for them.
 * @throws OptionError without `readBetween`: such a reader can't repeat itself, and belongs in `journaled`.
 */
export function fromSimple<Offset extends object, Row extends object>(
  simple: ReplayableSimpleReader<Offset, Row>,
): ReplayableReader<Offset, SimplePartition<Offset>, Row> {
  if (typeof simple.readBetween !== 'function') {
    throw new OptionError(
      'simpleStreamReader: "readBetween" is missing, without which a batch can\'t be read again after a crash; give it one, or wrap the reader in journaled(…) as a streamReader',
    )
  }
  checkSimpleReader('simpleStreamReader', simple)
  const prefetch = prefetching(simple)
  return {
    initialOffset: () => simple.initialOffset(),
    latestOffset: prefetch.latestOffset,
    partitions: (start, end) =>
      canonicalOffset(start, 'start') === canonicalOffset(end, 'end') ? [] : [{ start, end }],
    read: ({ start, end }) => {
      const rows = prefetch.rowsOf(start, end)
      return rows === undefined ? fromResult('readBetween', () => simple.readBetween(start, end)) : [rows]
    },
    commit: (end) => {
      prefetch.forget(end)
      return simple.commit?.(end)
    },
    ...bindPorts(simple, ['compare', 'stop']),
  }
}

/** The rows that a simple reader handed out when it was asked how far it goes. */
export interface Prefetch<Offset extends object, Row extends object> {
  readonly latestOffset: (start: Offset, limit: ReadLimit) => Observable<Offset>
  readonly rowsOf: (start: Offset, end: Offset) => readonly Row[] | undefined
  readonly forget: (end: Offset) => void
}

export function prefetching<Offset extends object, Row extends object>(
  simple: SimpleStreamReader<Offset, Row>,
): Prefetch<Offset, Row> {
  let kept: Prefetched<Offset, Row> | undefined
  return {
    latestOffset: (start, limit) => {
      // What was read from here and isn't done yet is not read again: a source that can't repeat itself has it no more.
      const again = kept !== undefined && kept.start === canonicalOffset(start, 'start') ? kept : undefined
      if (again !== undefined && (simple.readBetween === undefined || again.rows.length <= limit.maxRows))
        return of(again.offset)
      return fromResult('read', () => simple.read(start, limit)).pipe(
        map(({ rows, end }) => {
          const from = canonicalOffset(start, 'start')
          const to = canonicalOffset(end, 'end of read')
          if (from === to && rows.length > 0) {
            throw new PortError(
              `read gave ${rows.length} rows and ended where it started (${from}): the same rows would come again for ever`,
            )
          }
          if (simple.compare !== undefined && compareOffsets(simple.compare.bind(simple), end, start) < 0) {
            throw new OffsetRegressionError(`read went back from ${from} to ${to}`)
          }
          kept = from === to ? undefined : { start: from, end: to, offset: end, rows }
          return end
        }),
      )
    },
    rowsOf: (start, end) =>
      kept !== undefined && kept.start === canonicalOffset(start, 'start') && kept.end === canonicalOffset(end, 'end')
        ? kept.rows
        : undefined,
    forget: (end) => {
      if (kept !== undefined && kept.end === canonicalOffset(end, 'end')) kept = undefined
    },
  }
}
