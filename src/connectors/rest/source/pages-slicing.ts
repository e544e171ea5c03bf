import type { Page, PageState } from '../pagination/types.ts'
import { abortable } from './abortable.ts'
import { type Extract, rowsOf, type Slicing } from './slicing.ts'

/** Pages that are asked for by themselves; without them all pages one after the other. */
export interface PagesPartition {
  readonly pages?: readonly PageState[]
}

/** More partitions than this cost more than they bring; then each has several pages. */
const maxPartitions = 1_000

/**
 * All rows of a source, cut by pages where the first one tells how many there are, so that they are read side by side. For batches: pages are no positions.
 * The first page is asked for when the batch is planned, and kept for its partition.
 */
export function pagesSlicing<Row extends object>(extract: Extract<Row>): Slicing<never, PagesPartition, Row> {
  const { pagination, request } = extract
  const closed = new AbortController()
  let kept: Page | undefined
  const takeKept = (): Page | undefined => {
    const page = kept
    kept = undefined
    return page
  }

  return {
    all: () =>
      abortable(async () => {
        takeKept()?.discard()
        if (pagination.rest === undefined) return [{}]
        const page = await extract.page(pagination.request(pagination.first, request), closed.signal)
        kept = page
        const rest = page.whole ? pagination.rest(page.end()) : undefined
        if (rest === undefined) return [{}]
        return [{ pages: [pagination.first] }, ...grouped(rest)]
      }),
    async *read({ pages }, signal) {
      if (pages === undefined) {
        const first = takeKept()
        yield* rowsOf(extract, request, signal, first === undefined ? {} : { first })
        return
      }
      for (const state of pages) {
        const first = isFirst(state) ? takeKept() : undefined
        const page = first ?? (await extract.page(pagination.request(state, request), signal))
        for await (const items of page.chunks) yield extract.rows(items)
      }
    },
    close: () => {
      closed.abort()
      takeKept()?.discard()
    },
  }

  function isFirst(state: PageState): boolean {
    return JSON.stringify(state) === JSON.stringify(pagination.first)
  }
}

function grouped(states: readonly PageState[]): readonly PagesPartition[] {
  const size = Math.ceil(states.length / maxPartitions)
  const groups: PagesPartition[] = []
  for (let first = 0; first < states.length; first += size) groups.push({ pages: states.slice(first, first + size) })
  return groups
}
