import type { PageEnd, PageState, Pagination } from './types.ts'

/** The state of the page after one; `undefined` after the last, which one without a body always is: what was ignored says nothing of others. */
export function nextState(pagination: Pagination, state: PageState, page: PageEnd): PageState | undefined {
  return hasNoBody(page) ? undefined : pagination.next(state, page)
}

/** The states of all pages after the first one, if it tells; none after one without a body. */
export function restStates(pagination: Pagination, page: PageEnd): readonly PageState[] | undefined {
  return hasNoBody(page) ? [] : pagination.rest?.(page)
}

/** An answer 204 or 205, as which one that is ignored comes, too. */
function hasNoBody({ status }: PageEnd): boolean {
  return status === 204 || status === 205
}
