import { PortError } from '../../../errors.ts'
import type { HttpResponse } from '../http/types.ts'
import type { Page, PageEnd } from '../pagination/types.ts'
import type { Beside } from './parser.ts'

/** At most as many items are given at a time. */
export const chunkItems = 1_000

/** A page whose items are all there. */
export function wholePage(response: HttpResponse, items: readonly unknown[], beside: Beside): Page {
  const end = pageEnd(response, { count: items.length, first: items[0], last: items.at(-1), ...beside })
  return { chunks: slicesOf(items), whole: true, end: () => end, discard: () => {} }
}

/** What is known of a page at its end. */
export function pageEnd(
  { status, headers, url }: HttpResponse,
  items: Pick<PageEnd, 'count' | 'first' | 'last'> & Beside,
): PageEnd {
  if (items.count === 0 && hasErrors(items.envelope)) {
    throw new PortError(
      `expected rows or none, found none beside an error in an answer ${status}: they may be missing because of it. If that means an empty page, give a filter with the action "ignore"`,
    )
  }
  return { status, headers, url, ...items }
}

/** As GraphQL and its like tell of what went wrong, with a status that says that all is well. */
function hasErrors(envelope: unknown): boolean {
  if (typeof envelope !== 'object' || envelope === null) return false
  const { error, errors } = envelope as { readonly error?: unknown; readonly errors?: unknown }
  return isSaid(errors) || isSaid(error)
}

function isSaid(error: unknown): boolean {
  if (typeof error === 'string') return error !== ''
  return typeof error === 'object' && error !== null && Object.keys(error).length > 0
}

/** Holds nothing that was given: a page may be known long after it was read, while the next one is waited for, and a generator keeps what it gave last. */
function slicesOf(items: readonly unknown[]): AsyncIterable<readonly unknown[]> {
  const left = [...slices(items)].reverse()
  const next = async (): Promise<IteratorResult<readonly unknown[], undefined>> => {
    const value = left.pop()
    return value === undefined ? { done: true, value } : { done: false, value }
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}

export function* slices(items: readonly unknown[]): Generator<readonly unknown[]> {
  if (items.length > 0 && items.length <= chunkItems) yield items
  else for (let from = 0; from < items.length; from += chunkItems) yield items.slice(from, from + chunkItems)
}
