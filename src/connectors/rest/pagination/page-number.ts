import { OptionError } from '../../../errors.ts'
import { rules, validateOptions } from '../../../options.ts'
import { countOf, type Field, fieldRule } from './field.ts'
import { refuseEmpty } from './offset-limit.ts'
import { type Place, placeOf, placeRule, withPlace } from './place.ts'
import { sideBySide } from './side-by-side.ts'
import type { Pagination } from './types.ts'

/** Options of {@link pageNumber}. */
export interface PageNumberOptions {
  /** Where the number of the page goes. @default 'page', a query parameter */
  readonly page?: string | Place
  /** The number of the first page. @default 1 */
  readonly from?: number
  /** Rows a page; needs `limit`. @default what the API gives by itself */
  readonly size?: number
  /** Where the page size goes: `per_page`, say. */
  readonly limit?: string | Place
  /** Where a page says how many pages there are. With it the end is known without an empty page, and pages can be read side by side. */
  readonly totalPages?: Field
  /** Where a page says how many rows there are; as `totalPages`. */
  readonly total?: Field
}

/**
 * Pages by number: `pageNumber({ totalPages: 'meta.pages' })`.
 *
 * The end is the number of pages, or that of rows, or without either an empty page. Rows that are inserted or deleted meanwhile move the others,
 * so that some come twice or never: use a cursor where the API has one.
 * @throws OptionError
 */
export function pageNumber(options: PageNumberOptions = {}): Pagination {
  validateOptions('pageNumber', options, {
    page: placeRule,
    from: rules.nonNegativeInteger,
    size: rules.positiveInteger,
    limit: placeRule,
    totalPages: fieldRule,
    total: fieldRule,
  })
  const { from = 1, size, limit, totalPages, total } = options
  if ((size === undefined) !== (limit === undefined)) {
    throw new OptionError('pageNumber: options "size" and "limit" (where the size goes) need each other')
  }
  const pagePlace = placeOf(options.page ?? 'page')
  const sized = size === undefined || limit === undefined ? undefined : { size, place: placeOf(limit) }

  return {
    name: 'page',
    // How many rows came before the page is part of its state, so that `next` knows from the response alone when all have come.
    first: { page: from, before: 0 },
    request: ({ page = from }, base) => {
      const request = withPlace(base, pagePlace, page)
      return sized === undefined ? request : withPlace(request, sized.place, sized.size)
    },
    next: (state, page) => {
      const [number, before] = [Number(state.page), Number(state.before) + page.count]
      const following = { page: number + 1, before }
      if (totalPages !== undefined) return following.page < from + countOf(page, totalPages) ? following : undefined
      if (total === undefined) return page.count === 0 ? undefined : following
      const all = countOf(page, total)
      if (before >= all) return undefined
      if (page.count === 0) throw refuseEmpty(total, all - before)
      return following
    },
    ...(totalPages === undefined && total === undefined
      ? {}
      : {
          rest: (page) => {
            const pages =
              totalPages === undefined
                ? pagesOf(page.count, countOf(page, total as Field), total as Field)
                : countOf(page, totalPages)
            return sideBySide(pages - 1, (index) => ({ page: from + 1 + index, before: (index + 1) * page.count }))
          },
        }),
  }
}

/** As many as the first page's rows make. Where that one was short by a filter these are too many, and the last ones empty. */
function pagesOf(count: number, all: number, total: Field): number {
  if (count === 0 && all > 0) throw refuseEmpty(total, all)
  return count === 0 ? 0 : Math.ceil(all / count)
}
