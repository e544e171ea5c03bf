/** Where APIs say how a page leads to the next one: paths with `/` between the names. The first that a page has counts. */

/** Properties that hold the URL of the next page. */
export const urlSigns = [
  'next',
  'next_url',
  'nextUrl',
  'next_link',
  'nextLink',
  'next_page',
  'next_page_url',
  'nextPageUrl',
  '@odata.nextLink',
  'odata.nextLink',
  'links/next',
  'links/next/href',
  '_links/next',
  '_links/next/href',
  'paging/next',
  'paging/next/link',
  'pagination/next',
  'pagination/next_url',
  'pagination/nextUrl',
  'pagination/links/next',
  'meta/next',
  'meta/next_url',
  'meta/links/next',
] as const

/** Properties that hold a cursor, and the query parameter it goes into. */
export const cursorSigns: Readonly<Record<string, string>> = {
  next_cursor: 'cursor',
  nextCursor: 'cursor',
  'cursor/next': 'cursor',
  'cursors/next': 'cursor',
  'meta/next_cursor': 'cursor',
  'meta/nextCursor': 'cursor',
  'paging/next_cursor': 'cursor',
  'pagination/next_cursor': 'cursor',
  'pagination/nextCursor': 'cursor',
  'response_metadata/next_cursor': 'cursor',
  'paging/next/after': 'after',
  'paging/cursors/after': 'after',
  next_page_token: 'page_token',
  nextPageToken: 'pageToken',
  next_token: 'next_token',
  nextToken: 'nextToken',
  continuation_token: 'continuation_token',
  continuationToken: 'continuationToken',
  // A number here; a URL is found before.
  next_page: 'page',
  nextPage: 'page',
  'meta/next_page': 'page',
  'pagination/next_page': 'page',
}

/** Properties that say whether there is another page. */
export const moreSigns = [
  'has_more',
  'hasMore',
  'has_next',
  'hasNext',
  'has_next_page',
  'hasNextPage',
  'meta/has_more',
  'meta/hasMore',
  'paging/has_more',
  'paging/hasMore',
  'pagination/has_more',
  'pagination/hasMore',
  'pagination/has_next',
  'pageInfo/hasNextPage',
  'page_info/has_next_page',
] as const

/** Objects in which pages say where they stand, and the names they use there. */
export const standingIn = ['', 'meta', 'paging', 'pagination', 'page_info', 'pageInfo'] as const
export const offsetNames = ['offset', 'skip', 'start'] as const
export const pageNames = ['page', 'current_page', 'currentPage', 'page_number', 'pageNumber'] as const
export const pageCountNames = ['total_pages', 'totalPages', 'page_count', 'pageCount', 'pages', 'last_page'] as const
export const totalNames = [
  'total',
  'total_count',
  'totalCount',
  'total_results',
  'totalResults',
  'total_items',
] as const
export const totalHeaders = ['x-total-count', 'x-total'] as const
