import { OptionError, PortError } from '../../../errors.ts'
import { type OptionRule, required, rules, validateOptions } from '../../../options.ts'
import { type Field, fieldOf, fieldRule, flagOf, showField } from './field.ts'
import { type Place, placeRule, withPlace } from './place.ts'
import type { PageEnd, PageState, Pagination } from './types.ts'

/** Options of {@link cursorPagination}, beside where the cursor goes. */
export interface CursorOptions {
  /** Where a page says the cursor of the next one. `{ last: 'id' }`: it is a field of the last item. */
  readonly next: Field
  /** Where a page says whether there is another one. @default there is one as long as there is a cursor */
  readonly hasMore?: Field
  /** The cursor of the first page. @default none is sent */
  readonly start?: string | number
}

const cursorRules: Readonly<Record<string, OptionRule>> = {
  param: rules.string,
  header: rules.string,
  body: placeRule,
  next: required(fieldRule),
  hasMore: fieldRule,
  start: { expected: 'a text or a number', accepts: (value) => typeof value === 'string' || Number.isFinite(value) },
}

/**
 * Each page names the next one by a cursor, which goes into the query (`param`), a header, or the JSON body of the next request:
 * `cursorPagination({ param: 'cursor', next: 'meta.next_cursor' })`.
 *
 * The end is a cursor that is missing, `null`, `false` or empty, or `hasMore` saying no. An empty page with a cursor isn't the end.
 * A `next` that was mistyped looks like the end of the first page; give `hasMore` where the API says it, and that is an error.
 * @throws OptionError
 */
export function cursorPagination(options: Place & CursorOptions): Pagination {
  validateOptions('cursorPagination', options, cursorRules)
  const { next, hasMore, start } = options
  const place = onlyPlace(options)
  return {
    name: 'cursor',
    first: start === undefined ? {} : { cursor: start },
    request: ({ cursor }, base) => (cursor === undefined ? base : withPlace(base, place, cursor)),
    next: (_state, page) => {
      const more = hasMore === undefined ? undefined : flagOf(page, hasMore)
      if (more === false) return undefined
      const cursor = cursorOf(page, next)
      if (cursor === undefined && more === true) {
        throw new PortError(`expected a cursor at ${showField(next)}, as the page says that there is more; found none`)
      }
      return cursor
    },
  }
}

function onlyPlace(options: Place): Place {
  const places = (['param', 'header', 'body'] as const).filter((kind) => kind in options)
  if (places.length === 1) return options
  throw new OptionError(
    `cursorPagination: the cursor goes to one of "param", "header" and "body"; ${places.length === 0 ? 'none was given' : `${places.join(' and ')} were`}`,
  )
}

function cursorOf(page: PageEnd, field: Field): PageState | undefined {
  const cursor = fieldOf(page, field)
  if (cursor === undefined || cursor === null || cursor === '' || cursor === false) return undefined
  if (typeof cursor === 'bigint') return { cursor: String(cursor) }
  if (typeof cursor === 'string' || typeof cursor === 'number') return { cursor }
  throw new PortError(
    `expected a text or a number as the cursor at ${showField(field)}, found ${cursor === true ? 'true' : 'an object'}`,
  )
}
