import { OptionError, PortError } from '../../../errors.ts'
import { oneOf, rules, validateOptions } from '../../../options.ts'
import { countOf, type Field, fieldRule, showField } from './field.ts'
import { type Place, placeOf, placeRule, withPlace } from './place.ts'
import { sideBySide } from './side-by-side.ts'
import type { PageState, Pagination } from './types.ts'

/** Options of {@link offsetLimit}. */
export interface OffsetLimitOptions {
  /** Where the number of rows to skip goes. @default 'offset', a query parameter */
  readonly offset?: string | Place
  /** Where the page size goes, when there is a `size`. @default 'limit', a query parameter */
  readonly limit?: string | Place
  /** Rows a page. @default what the API gives by itself */
  readonly size?: number
  /** The offset of the first row. @default 0 */
  readonly from?: number
  /** Where a page says how many rows there are. With it the end is known without an empty page, and pages can be read side by side (see `size`). */
  readonly total?: Field
  /** How far a page moves the offset: by the rows it had, or by `size`, for APIs that filter a page's rows after they cut it. @default 'count' */
  readonly step?: 'count' | 'size'
  /** Whether a page with fewer rows than `size` is the last: saves a request, and loses rows where an API caps the size. @default false */
  readonly shortPageIsLast?: boolean
}

/**
 * Pages by the number of rows to skip: `offsetLimit({ size: 100, total: 'meta.total' })`.
 *
 * The end is the total, or without one an empty page. Rows that are inserted or deleted meanwhile move the others, so that some
 * come twice or never: use a cursor where the API has one.
 * @throws OptionError
 */
export function offsetLimit(options: OffsetLimitOptions = {}): Pagination {
  validateOptions('offsetLimit', options, {
    offset: placeRule,
    limit: placeRule,
    size: rules.positiveInteger,
    from: rules.nonNegativeInteger,
    total: fieldRule,
    step: oneOf('count', 'size'),
    shortPageIsLast: rules.boolean,
  })
  const { size, from = 0, total, step = 'count', shortPageIsLast = false } = options
  if (size === undefined && (step === 'size' || shortPageIsLast)) {
    throw new OptionError(`offsetLimit: option ${step === 'size' ? '"step"' : '"shortPageIsLast"'} needs "size"`)
  }
  const [offsetPlace, limitPlace] = [placeOf(options.offset ?? 'offset'), placeOf(options.limit ?? 'limit')]

  return {
    name: 'offset',
    first: { offset: from, ...(size === undefined ? {} : { limit: size }) },
    request: ({ offset = from, limit }, base) => {
      const request = withPlace(base, offsetPlace, offset)
      return limit === undefined ? request : withPlace(request, limitPlace, limit)
    },
    next: (state, page) => {
      const offset = Number(state.offset)
      const moved = offset + (step === 'size' ? Number(size) : page.count)
      if (total !== undefined) {
        const end = from + countOf(page, total)
        if (moved >= end) return undefined
        if (page.count === 0 && step === 'count') throw refuseEmpty(total, end - offset)
        return { ...state, offset: moved }
      }
      if (page.count === 0 || (shortPageIsLast && page.count < Number(size))) return undefined
      return { ...state, offset: moved }
    },
    // Where a page's rows are filtered after it was cut, the one before may be among those left out.
    ...(step === 'count' && { overlap: (next) => ({ ...next, offset: Math.max(from, Number(next.offset) - 1) }) }),
    ...(total === undefined || size === undefined
      ? {}
      : {
          rest: (page) => {
            const end = from + countOf(page, total)
            // An API that caps the size gives fewer rows than asked for; all pages are cut as it cut the first.
            const limit = step === 'size' ? size : Math.min(size, page.count)
            if (limit === 0 && from < end) throw refuseEmpty(total, end - from)
            return tiles(from + limit, end, limit)
          },
        }),
  }
}

/** Offsets `[from, end)`, in pages of `limit` rows that neither overlap nor leave a gap. */
function tiles(from: number, end: number, limit: number): readonly PageState[] {
  return sideBySide(Math.ceil((end - from) / limit), (page) => {
    const offset = from + page * limit
    return { offset, limit: Math.min(limit, end - offset) }
  })
}

/** What hides the rest may be a cap on how far an API lets itself be paged. */
export function refuseEmpty(total: Field, left: number): PortError {
  return new PortError(
    `expected ${left} more rows, as ${showField(total)} says, found an empty page. If the API shows the first rows of a query only, narrow the query; if its total counts rows that it hides, leave "total" out`,
  )
}
