import { PortError } from '../../../errors.ts'
import { PaginationReset } from '../http/http-error.ts'
import type { HttpClient, HttpRequest } from '../http/types.ts'
import { handOnWaits, waitsOf } from '../http/waits.ts'
import { readPage } from '../records/page.ts'
import type { PageOptions } from '../records/page-options.ts'
import { nextState } from './following.ts'
import { RunGuard, type RunLimits } from './run-guard.ts'
import type { RunWatch } from './run-watch.ts'
import type { Page, PageState, Pagination } from './types.ts'

/** How a pagination is run. */
export interface PaginateOptions extends RunLimits {
  readonly pagination: Pagination
  /** How bodies become pages. */
  readonly body?: PageOptions
  /** Pages that are asked for while the one before is handled. @default 1 */
  readonly prefetch?: 0 | 1
  readonly signal?: AbortSignal
  /** The first page, where it was asked for before. */
  readonly first?: Page
  /** Where to begin. @default with the first page */
  readonly start?: PageState
  /** Whether each page begins with the last row of the one before, where the pagination can do that. @default false */
  readonly overlap?: boolean
  /** For whoever keeps the run open while nobody reads it. */
  readonly watch?: RunWatch | undefined
}

/** What a run gives, in order. */
export type PaginationStep =
  | {
      readonly kind: 'page'
      readonly page: Page
      readonly state: PageState
      /** Whether it was asked for from the last row of the page before. */
      readonly overlaps: boolean
    }
  /** The run begins again at the first page; the first `items` of what comes may have been given before. */
  | { readonly kind: 'reset'; readonly items: number }

/**
 * The pages of a request, one after the other. The request is frozen: what happens to it later doesn't reach the run.
 *
 * Read each page to its end before you ask for the next one. Ending early aborts what is under way.
 * When the client says that the pagination is lost (an expired cursor, say) the run begins again, once; the second time that is an error.
 * @throws PortError for a state that came before in the run, for pages that repeat, and for more pages than `maxPages`: none of them ends silently.
 */
export async function* paginate(
  client: HttpClient,
  base: HttpRequest,
  options: PaginateOptions,
): AsyncGenerator<PaginationStep, void, undefined> {
  const frozen = structuredClone(base)
  let items = 0
  for (let resets = 0; ; resets++) {
    try {
      for await (const step of run(client, frozen, options, resets === 0 ? options.first : undefined)) {
        yield step
        items += step.page.end().count
      }
      return
    } catch (error) {
      if (!(error instanceof PaginationReset)) throw error
      if (resets > 0)
        throw new PortError('expected to get through the pages after they began again, found that lost, too', {
          cause: error,
        })
    }
    yield { kind: 'reset', items }
  }
}

/** Asks for one page. @param request that of a pagination's state. */
export function fetchPage(
  client: HttpClient,
  request: HttpRequest,
  body: PageOptions = {},
  signal?: AbortSignal,
): Promise<Page> {
  const send = () =>
    client.send(
      request,
      (response) => readPage(response, body, { method: request.method, signal }),
      signal === undefined ? {} : { signal },
    )
  return waitsOf(signal)?.during(send) ?? send()
}

type PageStep = Extract<PaginationStep, { kind: 'page' }>

async function* run(
  client: HttpClient,
  base: HttpRequest,
  options: PaginateOptions,
  first: Page | undefined,
): AsyncGenerator<PageStep> {
  const { pagination, prefetch = 1, overlap = false, watch } = options
  const guard = new RunGuard(options, watch)
  const ended = new AbortController()
  const signal = options.signal === undefined ? ended.signal : AbortSignal.any([options.signal, ended.signal])
  handOnWaits(options.signal, signal)
  let body = options.body ?? {}
  const ask = (state: PageState) => {
    const page = fetchPage(client, pagination.request(state, base), body, signal)
    page.catch(() => {}) // It is awaited later, or never.
    return page
  }
  /** Nobody waits for this page yet: where it holds a connection that others may need, it is asked for again later. */
  const askAhead = async (state: PageState): Promise<Page | undefined> => {
    const page = await ask(state)
    if (page.whole || watch === undefined || watch.arrives()) return page
    page.discard()
    return undefined
  }
  const following = (state: PageState, page: Page) => {
    const end = page.end()
    // Where the first page had its items, the others have theirs.
    if (body.records === undefined && end.records !== undefined) body = { ...body, records: end.records }
    guard.checkPage(end)
    const next = nextState(pagination, state, end)
    // From a page of one row it would lead to the same page again.
    overlapped = next && overlap && end.count > 1 ? pagination.overlap?.(next) : undefined
    const asked = overlapped ?? next
    if (asked !== undefined) guard.checkState(asked)
    return asked
  }

  let overlapped: PageState | undefined
  let state: PageState | undefined = options.start ?? pagination.first
  guard.checkState(state)
  let asked: Promise<Page | undefined> | undefined = first === undefined ? ask(state) : Promise.resolve(first)
  let page: Page | undefined
  try {
    while (state !== undefined && asked !== undefined) {
      page = (await asked) ?? (await ask(state))
      if (!page.whole) watch?.arrives()
      const overlaps = state === overlapped
      let next: PageState | undefined = page.whole ? following(state, page) : undefined
      asked = page.whole && prefetch > 0 && next !== undefined ? askAhead(next) : undefined
      asked?.catch(() => {}) // As that of `ask`.
      yield { kind: 'page', page, state, overlaps }
      if (!page.whole) {
        watch?.arrived()
        next = following(state, page)
      }
      asked ??= next && ask(next)
      state = next
    }
  } finally {
    ended.abort()
    // The first one may have been asked for without our signal.
    page?.discard()
    watch?.arrived()
    await asked?.catch(() => {})
  }
}
