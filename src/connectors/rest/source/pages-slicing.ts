import { isDeepStrictEqual } from 'node:util'
import { PortError } from '../../../errors.ts'
import { restStates } from '../pagination/following.ts'
import type { Page, PageEnd, PageState } from '../pagination/types.ts'
import { abortable } from './abortable.ts'
import { type Extract, rowsOf, type Slicing } from './slicing.ts'

/** Pages that are asked for by themselves; without them all pages one after the other. */
export interface PagesPartition {
  readonly pages?: readonly PageState[]
  /** Rows that each of them has: as many as the first page. Missing for the last page, which may have fewer. */
  readonly rows?: number
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
  let start: PageEnd | undefined
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
        const rest = page.whole ? restStates(pagination, page.end()) : undefined
        if (rest === undefined) return [{}]
        const { count } = page.end()
        start = page.end()
        return [{ pages: [pagination.first] }, ...grouped(rest.slice(0, -1), count), ...grouped(rest.slice(-1))]
      }),
    async *read({ pages, rows }, signal) {
      if (pages === undefined) {
        const first = takeKept()
        yield* rowsOf(extract, request, signal, first === undefined ? {} : { first })
        return
      }
      for (const state of pages) {
        const first = isFirst(state) ? takeKept() : undefined
        const page = first ?? (await extract.page(pagination.request(state, request), signal))
        for await (const items of page.chunks) yield extract.rows(items)
        if (first === undefined) refuseOther(page.end(), rows)
      }
    },
    close: () => {
      closed.abort()
      takeKept()?.discard()
    },
  }

  /** Nobody goes from page to page here, who would see where rows are missing, or come again. */
  function refuseOther(page: PageEnd, rows: number | undefined): void {
    if (rows === undefined ? page.count === 0 : page.count !== rows) {
      throw new PortError(
        `expected a page of ${rows ?? 'some'} rows, as the first page tells, found ${page.count}: rows would be missing. Rows may have been added or removed meanwhile, or the API caps its pages; read them one after the other (a pagination without a total) if that goes on`,
      )
    }
    if (start === undefined || page.count < 2 || page.count !== start.count || extract.resource.allowEqualPages) return
    if (!isDeepStrictEqual(page.first, start.first) || !isDeepStrictEqual(page.last, start.last)) return
    throw new PortError(
      `expected another page, found the first one again: ${page.count} rows, the first and the last the same. Does the API know the parameter that asks for the page? If pages may be equal, set "allowEqualPages"`,
    )
  }

  function isFirst(state: PageState): boolean {
    return JSON.stringify(state) === JSON.stringify(pagination.first)
  }
}

function grouped(states: readonly PageState[], rows?: number): readonly PagesPartition[] {
  const size = Math.max(1, Math.ceil(states.length / maxPartitions))
  const groups: PagesPartition[] = []
  for (let first = 0; first < states.length; first += size)
    groups.push({ pages: states.slice(first, first + size), ...(rows !== undefined && { rows }) })
  return groups
}
