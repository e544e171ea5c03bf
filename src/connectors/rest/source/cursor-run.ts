import { PortError } from '../../../errors.ts'
import type { RunWatch } from '../pagination/run-watch.ts'
import type { Cursor } from './cursor.ts'
import { type CursorOffset, CursorPosition } from './cursor-position.ts'
import type { Value } from './cursor-values.ts'
import { PageOrder } from './page-order.ts'
import type { Extract } from './slicing.ts'
import { steadyPages } from './steady-pages.ts'

const chunkRows = 1_000

/** Paginations whose pages move when rows do. A row that changes leaves its place, and the first of the next page slips into the one that was read: it would never be seen. */
const goesByNumber: ReadonlySet<string> = new Set(['offset', 'page', 'automatic'])

/**
 * The rows after a position, each once, in the order of their values; where values tie, as they came. What is asked for is fixed before the first page,
 * so that the run doesn't see its own future.
 * @param until rows from this value on are left out.
 * @param watch where the run is kept open while nobody reads it.
 * @throws PortError for rows out of order, without a value, or from before what was asked for; when a capped API can't be narrowed any further.
 */
export function rowsAfter<Row extends object>(
  extract: Extract<Row>,
  cursor: Cursor<Row>,
  start: CursorOffset,
  until: Value | undefined,
  signal: AbortSignal,
  watch?: RunWatch,
): AsyncGenerator<readonly Row[], undefined> {
  const run = cursor.sorted === 'ascending' ? ascending : collecting
  return run(extract, cursor, new CursorPosition(cursor.values, start), until, signal, watch)
}

async function* ascending<Row extends object>(
  extract: Extract<Row>,
  cursor: Cursor<Row>,
  position: CursorPosition,
  until: Value | undefined,
  signal: AbortSignal,
  watch?: RunWatch,
): AsyncGenerator<readonly Row[], undefined> {
  const byValue = cursor.cap === undefined && goesByNumber.has(extract.pagination.name)
  const cap = cursor.cap ?? Infinity
  // A page more might be beyond what a capped API gives, which some answer with an error: nothing is asked for ahead.
  const prefetch = cap === Infinity && !byValue ? 1 : 0
  const isTaken = (row: Row): boolean => position.has(cursor.valueOf(row), cursor.keyOf(row))
  let from = position.since
  for (;;) {
    const query = cursor.query(extract.request, from, until)
    const order = new PageOrder(cursor)
    let count = 0
    let capped = false
    const pages = byValue
      ? steadyPages(extract, query.request, isTaken, signal, watch)
      : extract.pages(query.request, signal, { prefetch, watch })
    for await (const step of pages) {
      if (step.kind === 'reset') {
        order.reset()
        count = 0
        continue
      }
      order.nextPage()
      for await (const rows of step.chunks) {
        const fresh: Row[] = []
        let ended = false
        for (const row of rows) {
          const [value, key] = [cursor.valueOf(row), cursor.keyOf(row)]
          query.check(value)
          // In order, all that follow are as young.
          if (until !== undefined && value >= until) {
            ended = true
            break
          }
          if (position.take(value, key)) fresh.push(row)
          else if (order.hasTwin(value, key, row)) throw cursor.twins(value, key)
          else if (
            order.last !== undefined &&
            value < order.last &&
            position.isBehind(value) &&
            !order.repeats(value, key)
          )
            throw cursor.outOfOrder(order.last, value)
          order.note(value, row)
        }
        if (fresh.length > 0) yield fresh
        if (ended) return
      }
      count += step.count()
      // At the cap an API may say that there is no more.
      capped = count >= cap || (!step.isLast() && count + step.count() > cap)
      if (byValue && !step.isLast()) capped ||= order.last !== undefined && cursor.narrows(from, order.last)
      if (capped) break
    }
    const { last } = order
    if (!capped || last === undefined) return
    if (!cursor.narrows(from, last)) {
      throw new PortError(
        `${extract.owner}: the API gives ${cap} rows to a query, and so many share the ${cursor.field} ${String(cursor.values.toOffset(last))} (or its granule); narrow the source with partitions`,
      )
    }
    from = last
  }
}

/** Of an API in another order the oldest row is known last. Of more rows than may be held the oldest are kept, and the others asked for again. */
async function* collecting<Row extends object>(
  extract: Extract<Row>,
  cursor: Cursor<Row>,
  position: CursorPosition,
  until: Value | undefined,
  signal: AbortSignal,
  watch?: RunWatch,
): AsyncGenerator<readonly Row[], undefined> {
  const { maxHeld, values } = cursor
  const descending = cursor.sorted === 'descending'
  for (let whole = false; !whole; ) {
    whole = true
    const query = cursor.query(extract.request, position.since, until)
    const order = new PageOrder(cursor)
    let held: { readonly value: Value; readonly key: string; readonly row: Row }[] = []
    const keepOldest = (most: number): void => {
      held.sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0))
      if (held.length <= most) return
      held = held.slice(0, most)
      whole = false
    }
    pages: for await (const step of extract.pages(query.request, signal, { watch })) {
      if (step.kind === 'reset') {
        order.reset()
        continue
      }
      order.nextPage()
      for await (const rows of step.chunks) {
        for (const row of rows) {
          const [value, key] = [cursor.valueOf(row), cursor.keyOf(row)]
          const { last } = order
          if (
            descending &&
            last !== undefined &&
            value > last &&
            last < values.least(value) &&
            !order.repeats(value, key)
          )
            throw cursor.outOfOrder(last, value)
          if (order.hasTwin(value, key, row)) throw cursor.twins(value, key)
          order.note(value, row)
          // In order, all that follow are as old.
          if (descending && position.isBehind(value)) break pages
          query.check(value)
          if (until !== undefined && value >= until) continue
          if (!position.has(value, key)) held.push({ value, key, row })
        }
        if (held.length >= 2 * maxHeld) keepOldest(maxHeld)
      }
    }
    keepOldest(maxHeld)
    // What a page repeated, because rows moved while they were read, is taken once.
    const fresh = held.filter(({ value, key }) => position.take(value, key)).map(({ row }) => row)
    for (let first = 0; first < fresh.length; first += chunkRows) yield fresh.slice(first, first + chunkRows)
    if (fresh.length === 0) return
  }
}
