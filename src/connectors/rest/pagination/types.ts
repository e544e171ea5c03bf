import type { HttpRequest } from '../http/types.ts'

/** What is known of a page after it was read to its end. */
export interface PageEnd {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Where the page came from, after redirects. */
  readonly url: string
  /** The body without its items: what pagination looks at. `undefined` where the body is nothing but items (a JSON array, NDJSON, CSV). */
  readonly envelope: unknown
  /** Raw items of the page, before any filter. */
  readonly count: number
  readonly first: unknown
  /** The last raw item, for APIs whose cursor is a field of it. */
  readonly last: unknown
  /** The path of the items in the body, stated or found; `undefined` where the format or a function knew. */
  readonly records: readonly string[] | undefined
}

/** One page of items, pulled. */
export interface Page {
  /** Raw items in chunks of at most 1,000. To be read once, or given up by `discard`. */
  readonly chunks: AsyncIterable<readonly unknown[]>
  /**
   * Whether the body has arrived to its end. If not, it arrives at the pace at which `chunks` is read, holds its connection until then,
   * and errors of it come out of `chunks`.
   */
  readonly whole: boolean
  /** Of a page that isn't whole: after `chunks` was read to its end. @throws PortError before that. */
  readonly end: () => PageEnd
  /** Frees the connection of a page that won't be read to its end. May be called always. */
  readonly discard: () => void
}

/** A plain JSON value: the state of a pagination can be written into a plan. */
export type PageState = { readonly [name: string]: string | number | boolean }

/**
 * How to get from one page to the next: pure functions of (state, response). Nothing is kept between calls, so partitions share one.
 */
export interface Pagination {
  /** Shown to the user: `cursor`, `next url`, `link header`, `offset`, `page`, `single page`, `automatic`. */
  readonly name: string
  readonly first: PageState
  /** The request of a page: only what belongs to the pagination differs from `base`. */
  readonly request: (state: PageState, base: HttpRequest) => HttpRequest
  /** The state of the next page; `undefined` after the last one. Isn't asked after an answer without a body (204, 205, one that is ignored): that is the last. */
  readonly next: (state: PageState, page: PageEnd) => PageState | undefined
  /** The state of a page that begins one row earlier, and so shows whether rows moved meanwhile; where pages may begin at any row. */
  readonly overlap?: (next: PageState) => PageState
  /** Where the first page tells how much there is: the states of all pages after it, to be read side by side. */
  readonly rest?: (page: PageEnd) => readonly PageState[] | undefined
}
