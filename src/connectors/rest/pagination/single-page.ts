import type { Pagination } from './types.ts'

/** All there is comes in one answer. */
export function singlePage(): Pagination {
  return { name: 'single page', first: {}, request: (_state, base) => base, next: () => undefined }
}
