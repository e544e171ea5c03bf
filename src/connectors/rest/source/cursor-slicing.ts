import type { Range } from '../../../partition.ts'
import { abortable } from './abortable.ts'
import type { Cursor } from './cursor.ts'
import { type CursorOffset, CursorPosition, compareCursors } from './cursor-position.ts'
import { rowsAfter } from './cursor-run.ts'
import type { Value } from './cursor-values.ts'
import { FreshRows, inOrder } from './fresh-rows.ts'
import { type Extract, rowsOf, type Slicing, type StreamPart } from './slicing.ts'

/** The rows of a cursor's batch; without `to`, all from `from` on. */
export type CursorPartition = { readonly from: CursorOffset; readonly to?: CursorOffset }

const chunkRows = 1_000

/** Rows cut by a cursor. One partition a batch: pages come one after the other. */
export interface CursorSlicing<Row extends object> extends Slicing<CursorOffset, CursorPartition, Row> {
  readonly stream: Omit<StreamPart<CursorOffset, CursorPartition>, 'partitions'> & {
    readonly partitions: (start: CursorOffset, end: CursorOffset) => readonly CursorPartition[]
  }
  readonly all: () => readonly CursorPartition[]
  readonly close: () => void
}

export function cursorSlicing<Row extends object>(extract: Extract<Row>, cursor: Cursor<Row>): CursorSlicing<Row> {
  const { values } = cursor
  const fresh = new FreshRows(cursor, extract.open, (start, signal, watch) =>
    rowsAfter(extract, cursor, start, settled(), signal, watch),
  )
  const { head } = values
  const settled = (): Value | undefined => values.settled?.()
  // A batch is all there is: nothing comes later, also not a row that is dated in the future.
  const bound = (): Value | undefined => (values.isBounded === true ? settled() : undefined)
  const now = head && ((): CursorOffset => ({ value: values.toOffset(head()) }))
  const initial = (): CursorOffset => (cursor.initial === 'latest' ? (now?.() ?? {}) : cursor.initial)
  const compare = (a: CursorOffset, b: CursorOffset): number => compareCursors(values, a, b)

  return {
    stream: {
      initialOffset: initial,
      latestOffset: (start, { maxRows }) => abortable((signal) => fresh.latest(start, maxRows, signal)),
      partitions: (start, end) => (compare(start, end) === 0 ? [] : [{ from: start, to: end }]),
      compare,
      defaultLimit: { maxRows: 10_000 },
      ...(now && { reportLatestOffset: now }),
      commit: (end) => fresh.forget(end),
    },
    all: () => [{ from: initial() }],
    async *read({ from, to }, signal) {
      const held = to === undefined ? undefined : fresh.rowsOf(from, to)
      if (to === undefined) yield* allAfter(extract, cursor, from, bound(), signal)
      else if (held === undefined) yield* rowsAgain(extract, cursor, { from, to }, signal)
      else for (let first = 0; first < held.length; first += chunkRows) yield held.slice(first, first + chunkRows)
    },
    close: () => fresh.close(),
  }
}

/** Everything from a position on, for a batch: where nothing goes on from there later, the order doesn't matter. */
async function* allAfter<Row extends object>(
  extract: Extract<Row>,
  cursor: Cursor<Row>,
  from: CursorOffset,
  until: Value | undefined,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  if (cursor.sorted === 'ascending') {
    yield* rowsAfter(extract, cursor, from, until, signal)
    return
  }
  const { since } = new CursorPosition(cursor.values, from)
  const query = cursor.query(extract.request, since, until)
  const isIn = (row: Row): boolean => {
    const value = cursor.valueOf(row)
    query.check(value)
    return (since === undefined || value >= since) && (until === undefined || value < until)
  }
  for await (const rows of rowsOf(extract, query.request, signal)) yield rows.filter(isIn)
}

/**
 * A batch that was planned before, by the same rule: what is after `from` and before `to`. A row that has moved out of it since comes with its new value, in a later batch.
 * How late it is doesn't matter any more: the batch says where it ends, also to a clock that went back.
 */
async function* rowsAgain<Row extends object>(
  extract: Extract<Row>,
  cursor: Cursor<Row>,
  { from, to }: Range<CursorOffset>,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  const { values } = cursor
  const end = new CursorPosition(values, to)
  // Ties are put in the order of their keys once all of them are here.
  let tied: Row[] = []
  let greatest: Value | undefined
  for await (const rows of rowsAfter(extract, cursor, from, undefined, signal)) {
    const chunk: Row[] = []
    for (const row of rows) {
      const value = cursor.valueOf(row)
      if (greatest === undefined || values.least(value) > greatest) {
        chunk.push(...inOrder(cursor, tied))
        tied = []
      }
      if (greatest === undefined || value > greatest) greatest = value
      // Within what is looked back for, rows come in any order: one that is beyond the end may stand before one that isn't.
      if (end.value !== undefined && values.since(value) > end.value) {
        if (chunk.length > 0) yield chunk
        if (tied.length > 0) yield inOrder(cursor, tied)
        return
      }
      if (end.has(value, cursor.keyOf(row))) tied.push(row)
    }
    if (chunk.length > 0) yield chunk
  }
  if (tied.length > 0) yield inOrder(cursor, tied)
}
