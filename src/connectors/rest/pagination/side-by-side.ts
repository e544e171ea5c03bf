import { PortError } from '../../../errors.ts'
import type { PageState } from './types.ts'

/** More states than this aren't listed: they would fill the memory, and the plan. */
const mostPages = 1_000_000

/**
 * States of pages that are read side by side.
 * @throws PortError for more than a million.
 */
export function sideBySide(pages: number, state: (index: number) => PageState): readonly PageState[] {
  if (pages > mostPages) {
    throw new PortError(
      `expected at most ${mostPages} pages to list, found ${pages}; narrow the query, or ask for larger pages`,
    )
  }
  return Array.from({ length: Math.max(0, pages) }, (_, index) => state(index))
}
